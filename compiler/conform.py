"""Whether each manifest fits the Kubernetes schema of its kind and version, strictly.

A compiled judge says whether an object is valid; only for one that is not, the slower library says all that is wrong with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

from compiler.bounds import BOUNDING, CODE, WORDS
from compiler.catalog import DEFAULT, Schema, find, kinds, retrieve, schema_versions
from compiler.diagnostic import Severity
from compiler.errors import Missing
from compiler.manifest import Fault, Manifest, private, without_nulls
from compiler.overlay import Ref
from compiler.releases import deprecated, removed, successors
from compiler.route import Route, show
from compiler.source import nearest

LONGEST = 80
"""How much of a value a message shows."""

__all__ = ["conform", "groups", "judged", "known", "ready", "schema_versions"]


def conform(manifests: Iterable[Manifest], version: str, locations: tuple[str, ...] = (DEFAULT,)) -> list[Fault]:
    """Everything in the manifests that breaks the schema of a Kubernetes minor, like "1.35".

    `locations` are where schemas are looked for, in this order; see `catalog`.
    """
    return [fault for manifest in manifests for fault in judged(manifest, version, locations)]


def ready(refs: Iterable[Ref], version: str) -> None:
    """Compiles what objects of these kinds are judged by, so that it is there when a build is."""
    for api_version, kind in dict.fromkeys((ref.api_version, ref.kind) for ref in refs):
        if _judge(version, (DEFAULT,), api_version, kind):
            deprecated(version, api_version, kind)


def judged(manifest: Manifest, version: str, locations: tuple[str, ...] = (DEFAULT,)) -> list[Fault]:
    """Everything in one manifest that breaks the schema of a Kubernetes minor."""
    ref, data = manifest.ref, manifest.data
    if not ref.api_version or not ref.kind:
        return [Fault(ref, (), "not-a-manifest", "an object without apiVersion or kind", "every object names both")]
    judge = _judge(version, locations, ref.api_version, ref.kind)
    if judge is None:
        return [_unknown(ref, version)]
    faults = _old(ref, version)
    if judge.names and not ref.name and not _generated(data.get("metadata")):
        faults.append(Fault(ref, ("metadata",), "missing-name", "the object has no name", "add metadata.name"))
    if manifest.nulls:
        faults += _empty_items(ref, data)
    # A schema lets nothing pass for anything, so an object is judged as it is and as the API server takes it.
    seen = {fault.route for fault in faults}
    for each in (data, without_nulls(data)) if manifest.nulls else (data,):
        if not judge.valid(each):
            faults += [fault for fault in _explained(ref, judge, each) if fault.route not in seen]
            seen = {fault.route for fault in faults}
    return faults


def known(version: str, locations: tuple[str, ...], api_version: str, kind: str) -> bool:
    """Whether there is a schema of a kind."""
    return find(version, locations, api_version, kind) is not None


@cache
def groups() -> frozenset[str]:
    """The API groups of Kubernetes itself, in every minor that there are schemas for."""
    newest, oldest = schema_versions()[-1], schema_versions()[0]
    return frozenset(api.rpartition("/")[0] for version in (oldest, newest) for api, _ in kinds(version))


@dataclass(frozen=True)
class Judge:
    """What decides whether an object is valid, and the schema that says why it is not."""

    schema: Schema
    compiled: Any
    names: bool
    """Whether an object of the kind has a name."""

    def valid(self, data: Any) -> bool:
        """Whether the schema lets an object pass."""
        with suppress(ValueError):
            return bool(self.compiled.is_valid(data))
        return False

    def errors(self, data: Any) -> list[Any]:
        """Everything that the schema says against an object."""
        return sorted(_explainer(self).iter_errors(data), key=lambda error: [str(step) for step in error.absolute_path])


@cache
def _judge(version: str, locations: tuple[str, ...], api_version: str, kind: str) -> Judge | None:
    """The judge of a kind, or None where no location has a schema of it."""
    import jsonschema_rs

    schema = find(version, locations, api_version, kind)
    if schema is None:
        return None
    document = schema.document
    try:
        if schema.path is None:
            compiled: Any = jsonschema_rs.Draft202012Validator(document)
        else:
            chosen = {} if "$schema" in document else {"draft": jsonschema_rs.Draft7}
            base = document if "$id" in document else {**document, "$id": schema.path.as_uri()}
            judging: Any = jsonschema_rs.validator_cls_for(base) if not chosen else jsonschema_rs.Draft7Validator
            compiled = judging(base, retriever=retrieve)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        said = str(error).partition("\n")[0]
        raise Missing(f"the schema of {kind} of {api_version} cannot be used: {said}") from None
    metadata = document.get("properties", {}).get("metadata", {}) if schema.path is None else {}
    names = "ObjectMeta" in str(metadata.get("$ref")) and not kind.endswith("Review")
    return Judge(schema, compiled, names)


_EXPLAINERS: dict[int, Any] = {}


def _explainer(judge: Judge) -> Any:
    from jsonschema import Draft7Validator, Draft202012Validator
    from jsonschema.validators import validator_for
    from referencing import Registry, Resource

    key = id(judge.schema)
    if key not in _EXPLAINERS:
        schema, path = judge.schema.document, judge.schema.path
        if path is None:
            _EXPLAINERS[key] = Draft202012Validator(schema)
        else:
            from referencing.jsonschema import DRAFT7

            base = schema if "$id" in schema else {**schema, "$id": path.as_uri()}
            registry: Any = Registry(  # type: ignore[call-arg]
                retrieve=lambda uri: Resource.from_contents(retrieve(uri), default_specification=DRAFT7)
            )
            _EXPLAINERS[key] = validator_for(base, default=Draft7Validator)(base, registry=registry)
    return _EXPLAINERS[key]


def _generated(metadata: Any) -> bool:
    """Whether the API server makes up the name, or metadata is wrong as a whole."""
    return bool(metadata.get("generateName")) if isinstance(metadata, dict) else metadata is not None


def _unknown(ref: Ref, version: str) -> Fault:
    """A kind without a schema: gone, mistyped, or of somebody else."""
    named = f"{ref.kind} of {ref.api_version}"
    since = removed(version, ref.api_version, ref.kind)
    if since:
        instead = successors(version, ref.api_version, ref.kind)
        hint = f"write apiVersion: {instead[-1]}" if instead else "nothing replaces it"
        return Fault(ref, ("apiVersion",), "removed-api", f"Kubernetes {since} removed {named}", hint)
    message = f"Kubernetes {version} has no {named}"
    group = ref.api_version.rpartition("/")[0]
    if group not in groups():
        hint = "for the schema of a custom resource, name its file with --schema-location"
        return Fault(ref, ("kind",), "unknown-kind", message, hint)
    same = sorted({kind for api, kind in kinds(version) if api == ref.api_version})
    hint = nearest(ref.kind, same) if same else ""
    instead = successors(version, ref.api_version, ref.kind)
    if instead:
        hint = f"write apiVersion: {instead[-1]}"
    elif not hint.startswith("did you mean"):
        hint = "check the spelling of apiVersion and kind"
    return Fault(ref, ("apiVersion",) if instead else ("kind",), "unknown-kind", message, hint)


def _old(ref: Ref, version: str) -> list[Fault]:
    said, hint = deprecated(version, ref.api_version, ref.kind)
    return [Fault(ref, ("apiVersion",), "deprecated-api", said, hint, severity=Severity.WARNING)] if said else []


def _empty_items(ref: Ref, data: Any) -> list[Fault]:
    return [
        Fault(ref, route, "schema-wrong-type", f"{show(route)} is empty, and an item of a list has to be something")
        for route in _nulls(data)
    ]


def _nulls(value: Any, route: Route = ()) -> Iterator[Route]:
    """Every empty item of a list, which the schemas let pass."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _nulls(each, (*route, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            if each is None:
                yield (*route, index)
            yield from _nulls(each, (*route, index))


def _explained(ref: Ref, judge: Judge, data: Any) -> Iterator[Fault]:
    errors = judge.errors(data)
    if not errors:
        # The two libraries read the schema in two ways; the judge's words are better than none.
        for error in judge.compiled.iter_errors(data):
            route: Route = tuple(error.instance_path)
            yield Fault(ref, route, "schema-bad-value", f"{show(route)}: {error.message}")
    for error in errors:
        yield from _explanation(ref, error)


def _explanation(ref: Ref, error: Any) -> Iterator[Fault]:
    route: Route = tuple(error.absolute_path)
    if isinstance(error.schema, dict) and CODE in error.schema and error.validator in BOUNDING:
        yield _bound(ref, route, error)
    elif error.validator == "additionalProperties":
        names = list(error.schema.get("properties", {}))
        for key in error.instance:
            if key not in names:
                place = (*route, key)
                yield Fault(ref, place, "schema-unknown-field", f"{show(place)} is no field", nearest(key, names))
    elif error.validator == "required":
        yield Fault(ref, route, "schema-missing-field", f"{show(route)}: {error.message}")
    elif error.validator == "type":
        wanted = error.validator_value
        words = " or ".join(each for each in wanted if each != "null") if isinstance(wanted, list) else str(wanted)
        message = f"{_said(ref, route, error.instance)}, and has to be of type {words}"
        yield Fault(ref, route, "schema-wrong-type", message)
    elif error.validator in ("oneOf", "anyOf"):
        types = _types(error.validator_value)
        message = f"{_said(ref, route, error.instance)}, and has to be of type {types}" if types else error.message
        yield Fault(ref, route, "schema-bad-value", message)
    else:
        yield Fault(ref, route, "schema-bad-value", f"{show(route)}: {error.message}")


def _said(ref: Ref, route: Route, value: Any) -> str:
    """A value with its route; the values of a Secret are not told."""
    return f"{show(route)} is {_short(value)}" if not private(ref, route) else f"{show(route)} is not as it should be"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _types(choices: list[dict[str, Any]]) -> str:
    listed = [choice["type"] for choice in choices if "type" in choice]
    flat = [each for types in listed for each in (types if isinstance(types, list) else [types])]
    return " or ".join(dict.fromkeys(each for each in flat if each != "null"))


def _bound(ref: Ref, route: Route, error: Any) -> Fault:
    """What breaks a demand of `bounds`, under the code that the demand names."""
    schema, value = error.schema, error.instance
    code = str(schema[CODE])
    if error.validator == "enum":
        words = [each for each in schema["enum"] if each]
        hint = nearest(value, words) if isinstance(value, str) else f"known here: {', '.join(words)}"
        return Fault(ref, route, code, f"{_said(ref, route, value)}, which it does not know", hint)
    if error.validator in ("minimum", "maximum"):
        span = (
            f"from {schema['minimum']} to {schema['maximum']}"
            if "maximum" in schema
            else f"at least {schema['minimum']}"
        )
        return Fault(ref, route, code, f"{show(route)} is {value}, and has to be {span}")
    at = (*route, value) if _is_key(error) else route
    refused = f"{_said(ref, route, value)}, which the API server refuses"
    what = f"the key {value!r} cannot stand here" if _is_key(error) else refused
    return Fault(ref, at, code, what, f"it has to be {schema[WORDS]}")


def _is_key(error: Any) -> bool:
    return "propertyNames" in error.absolute_schema_path
