"""Whether each manifest fits the Kubernetes schema of its kind and version, strictly.

The schemas are those that kubernetes-validate bundles; its own validation reads them anew for each object, stops at the first
error and lets unknown kinds pass, so validators are made here, once for each kind and version, and every error is returned.
Custom resources that overlays use are held against their definitions in `schema/crds`, as strictly.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from compiler.errors import Missing
from compiler.manifest import Fault, Manifest
from compiler.route import Route, show
from compiler.source import nearest


def conform(manifests: Iterable[Manifest], version: str) -> list[Fault]:
    """Everything in the manifests that breaks the schema of a Kubernetes minor, like "1.35"."""
    return [fault for manifest in manifests for fault in _faults(manifest, version)]


@cache
def schema_versions() -> tuple[str, ...]:
    """The Kubernetes minors that there are schemas for, oldest first."""
    found = re.findall(r"v(1\.\d+)\.\d+-local-strict", " ".join(path.name for path in _bundle().iterdir()))
    return tuple(sorted(found, key=lambda version: int(version.split(".")[1])))


@cache
def _bundle() -> Path:
    spec = find_spec("kubernetes_validate")
    if spec is None or not spec.submodule_search_locations:
        raise Missing("the package kubernetes-validate is missing, and with it the schemas of Kubernetes")
    return Path(spec.submodule_search_locations[0]) / "kubernetes-json-schema"


@cache
def _directory(version: str) -> Path:
    found = sorted(_bundle().glob(f"v{version}.*-local-strict"))
    if not found:
        raise Missing(f"there are no schemas of Kubernetes {version}; there are {', '.join(schema_versions())}")
    return found[-1]


@cache
def _registry(version: str) -> Any:
    from referencing import Registry, Resource

    definitions = json.loads((_directory(version) / "_definitions.json").read_text(encoding="utf-8"))
    return Resource.from_contents(definitions) @ Registry()


@cache
def _definitions() -> dict[tuple[str, str], Any]:
    """The schema of each custom resource that is defined in `schema/crds`, by apiVersion and kind."""
    found = {}
    for path in sorted((Path(__file__).resolve().parent.parent / "schema" / "crds").glob("*.json")):
        spec = json.loads(path.read_text(encoding="utf-8"))["spec"]
        for version in spec["versions"]:
            found[f"{spec['group']}/{version['name']}", spec["names"]["kind"]] = version["schema"]["openAPIV3Schema"]
    return found


def _strict(schema: Any) -> Any:
    """A schema of a definition that lets no unknown field pass, as the API server does under strict validation."""
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _strict(value) for key, value in schema.items()}
    fixed = isinstance(schema.get("properties"), dict) and schema.get("type") == "object"
    if fixed and not schema.get("x-kubernetes-preserve-unknown-fields"):
        closed.setdefault("additionalProperties", False)
    return closed


@cache
def _validator(version: str, api_version: str, kind: str) -> Any:
    """The validator of a kind, or None where the version does not have the kind, and it is no custom resource known here."""
    from jsonschema import Draft202012Validator

    if (api_version, kind) in _definitions():
        return Draft202012Validator(_strict(_definitions()[api_version, kind]))
    group = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)
    path = _directory(version) / f"{kind.lower()}-{group}.json"
    if not re.fullmatch(r"[a-z0-9.-]+", path.name) or not path.is_file():
        return None
    schema = json.loads(path.read_text(encoding="utf-8"))
    # Files are named in lower case, and some describe parts of objects only.
    if kind not in {each["kind"] for each in schema.get("x-kubernetes-group-version-kind", ())}:
        return None
    return Draft202012Validator(schema, registry=_registry(version))


def _faults(manifest: Manifest, version: str) -> Iterator[Fault]:
    ref = manifest.ref
    if not ref.api_version or not ref.kind:
        yield Fault(ref, (), "not-a-manifest", "an object without apiVersion or kind", "every object names both")
        return
    validator = _validator(version, ref.api_version, ref.kind)
    if validator is None:
        message = f"Kubernetes {version} has no {ref.kind} of {ref.api_version}"
        yield Fault(ref, ("kind",), "unknown-kind", message, "check the spelling of apiVersion and kind")
        return
    for route in _nulls(manifest.data):
        yield Fault(
            ref, route, "schema-wrong-type", f"{show(route)} is empty, and an item of a list has to be something"
        )
    for error in sorted(
        validator.iter_errors(manifest.data), key=lambda error: [str(step) for step in error.absolute_path]
    ):
        yield from _explained(ref, error)


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


def _explained(ref: Any, error: Any) -> Iterator[Fault]:
    route: Route = tuple(error.absolute_path)
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", {}))
        for key in error.instance:
            if key not in known:
                yield Fault(
                    ref,
                    (*route, key),
                    "schema-unknown-field",
                    f"{show((*route, key))} is no field",
                    nearest(key, known),
                )
    elif error.validator == "required":
        yield Fault(ref, route, "schema-missing-field", f"{show(route)}: {error.message}")
    elif error.validator == "type":
        wanted = error.validator_value
        words = " or ".join(each for each in wanted if each != "null") if isinstance(wanted, list) else str(wanted)
        yield Fault(
            ref, route, "schema-wrong-type", f"{show(route)} is {error.instance!r}, and has to be of type {words}"
        )
    elif error.validator in ("oneOf", "anyOf"):
        types = " or ".join(str(choice["type"]) for choice in error.validator_value if "type" in choice)
        message = f"{show(route)} is {error.instance!r}, and has to be of type {types}" if types else error.message
        yield Fault(ref, route, "schema-bad-value", message)
    else:
        yield Fault(ref, route, "schema-bad-value", f"{show(route)}: {error.message}")
