"""The JSON Schema of environments, assembled from the parts and kinds, and what in a source breaks it.

The schema judges: editors, the command line and CI say the same. It is draft 7, which every editor reads, and it uses
`if`/`then` for the demands of a kind and never `oneOf`, so that each error is about one place.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

from compiler.diagnostic import Diagnostic, Finding
from compiler.formats import SHORT_LABEL
from compiler.kind import Kind
from compiler.kinds import KINDS, summary
from compiler.part import Schema, choice
from compiler.route import ABSENT, Route, follow, show
from compiler.secrecy import mistyped_credential, place_name
from compiler.source import Source, alike, nearest
from compiler.system import keys

MAX_HINTS = 100
"""For so many unknown keys of a mapping the nearest known one is looked for: more of them are no slips."""


def environment_schema() -> Schema:
    """The whole schema, as it is published."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "environment.yaml of mlflow-overlays",
        "description": "A small description of an MLflow server or of Kubeflow Pipelines, compiled into a Kustomize overlay.",
        "type": "object",
        "additionalProperties": False,
        "required": ["overlay"],
        "properties": {
            "overlay": _overlay_key(),
            **keys(),
        },
        "allOf": [_demands(kind) for kind in KINDS.values() if kind.requires],
    }


def _overlay_key() -> Schema:
    return choice(
        "The kind of overlay: where artifacts and runs are kept, and how they are reached.",
        {name: summary(name).replace("\n", " ") for name in KINDS},
    )


def _demands(kind: Kind) -> Schema:
    then: Schema = {}
    for route in kind.requires:
        here = then
        for step in route:
            here.setdefault("required", [])
            if step not in here["required"]:
                here["required"].append(step)
            here = here.setdefault("properties", {}).setdefault(str(step), {})
    return {"if": {"required": ["overlay"], "properties": {"overlay": {"const": kind.name}}}, "then": _pruned(then)}


def _pruned(schema: Schema) -> Schema:
    properties = {key: _pruned(value) for key, value in schema.get("properties", {}).items()}
    kept = {key: value for key, value in properties.items() if value}
    return {
        **{key: value for key, value in schema.items() if key != "properties"},
        **({"properties": kept} if kept else {}),
    }


def as_written(source: Source) -> Source:
    """The source with every scalar kept as the string that was written, where the schema wants a string.

    `kubernetesVersion: 1.30` is the number 1.3 to YAML; here it stays "1.30".
    """
    return Source(source.path, _as_written(source, source.data, environment_schema(), ()), source.entries, source.lines)


def _as_written(source: Source, value: Any, schema: Schema, route: Route) -> Any:
    if isinstance(value, dict):
        properties, others = schema.get("properties", {}), schema.get("additionalProperties")
        rest = others if isinstance(others, dict) else {}
        return {key: _as_written(source, each, properties.get(key, rest), (*route, key)) for key, each in value.items()}
    if isinstance(value, list):
        items = schema.get("items", {})
        return [_as_written(source, each, items, (*route, index)) for index, each in enumerate(value)]
    if schema.get("type") == "integer" and isinstance(value, float) and value.is_integer():
        # JSON Schema takes 2.0 for a whole number.
        return int(value)
    written = source.written(route)
    if schema.get("type") == "string" and written and value is not None and not isinstance(value, str):
        return written
    return value


def violations(source: Source) -> list[Diagnostic]:
    """Everything in a source that breaks the schema, in the order of the file. In: a source from `as_written`."""
    data = source.data
    if data is None:
        message = "the file is empty; an environment says at least which kind of overlay it is"
        return [source.diagnose(Finding((), "empty", message, "write overlay: minio-postgres"))]
    if not isinstance(data, dict):
        shape = "a list" if isinstance(data, list) else "a single value"
        message = f"this is {shape}; an environment is a mapping of keys to values"
        return [source.diagnose(Finding((), "wrong-type", message, "write overlay: minio-postgres"))]
    if fits(data):
        return []
    errors = sorted(reasons(data), key=_rank)
    found: dict[Route, list[Finding]] = {}
    for error in errors:
        for finding in _findings(error, data):
            others = found.setdefault(finding.route, [])
            # Of several complaints about one value, the first is the reason for the others.
            if not others or (finding.at_key and finding not in others):
                others.append(finding)
    return sorted(source.diagnose(finding) for findings in found.values() for finding in findings)


def fits(data: Any) -> bool:
    """Whether data keeps to the schema, quickly: `reasons` says why it does not, and needs a library that is slow to import.

    The two are held against each other by tests. False also where the quick one cannot read the data, like a huge number.
    """
    try:
        return bool(_judge().is_valid(data))
    except ValueError:
        return False


@cache
def _judge() -> Any:
    import jsonschema_rs

    return jsonschema_rs.Draft7Validator(environment_schema())


def reasons(data: Any) -> Iterator[Any]:
    """Everything in data that breaks the schema, as errors of jsonschema."""
    from jsonschema import Draft7Validator

    return iter(Draft7Validator(environment_schema()).iter_errors(data))


def _rank(error: Any) -> int:
    order = ("type", "minLength", "enum", "pattern")
    return order.index(error.validator) if error.validator in order else len(order)


def _findings(error: Any, data: dict[str, Any]) -> Iterator[Finding]:
    route: Route = tuple(error.absolute_path)
    match error.validator:
        case "additionalProperties":
            known = list(error.schema.get("properties", {}))
            unknown = [key for key in error.instance if key not in known]
            secret = {
                key for key in unknown if mistyped_credential(key) and not _typing(key, error.instance[key], known)
            }
            renames = _meant([key for key in unknown[:MAX_HINTS] if key not in secret], known, error.instance)
            where = f"in {show(route)}" if route else "here"
            for index, key in enumerate(unknown):
                if key in secret:
                    yield _credential((*route, key), known)
                    continue
                hint, message = (
                    nearest(key, _offered(key, known)) if index < MAX_HINTS else "",
                    f"'{key}' is not a key {where}",
                )
                yield Finding((*route, key), "unknown-key", message, hint, at_key=True, instead=renames.get(key))
        case "required":
            yield from _missing(error, route, data)
        case "type":
            yield _wrong_type(error, route)
        case "enum":
            choices = [str(each) for each in error.validator_value]
            message = f"{show(route)} cannot be '{error.instance}'"
            # The nearest of two version numbers is no help.
            words = choices[0][0].isalpha()
            near = nearest(str(error.instance), choices) if words else "known here: " + ", ".join(choices)
            meant = alike(str(error.instance), choices) if words else None
            yield Finding(route, "unknown-value", message, near, instead=meant or None)
        case "pattern":
            name = error.path and show(route)
            wanted = error.schema.get("patternErrorMessage", "another form")
            written = "what is written there" if _may_be_secret(route) else f"'{_short(error.instance)}'"
            yield Finding(route, "bad-value", f"{name} cannot be {written}", f"it has to be {wanted}")
        case "minLength":
            yield Finding(route, "bad-value", f"{show(route)} is empty", "write a value, or remove the key")
        case _:
            yield Finding(route, "bad-value", f"{show(route)}: {_plain(error)}")


def _offered(key: str, known: list[str]) -> list[str]:
    """What is offered for a key: none that takes the name of a key, to somebody who may have the credential in mind."""
    return known if place_name(key) else [each for each in known if not each.lower().endswith("passwordkey")]


def _may_be_secret(route: Route) -> bool:
    """Whether a value that does not fit may be a credential, put where the name of a Secret or of its key goes."""
    return any(isinstance(step, str) and place_name(step) for step in route[-2:])


def _typing(key: str, value: Any, known: list[str]) -> bool:
    """Whether a key is one of names, mistyped: it is very near, and its value looks like a name."""
    meant = alike(key, [each for each in known if place_name(each)])
    same_sort = meant.lower().endswith("secret") and key.lower().endswith(("secret", "ecret", "secert"))
    return bool(meant) and same_sort and isinstance(value, str) and bool(re.fullmatch(SHORT_LABEL, value))


def _credential(route: Route, known: list[str]) -> Finding:
    message = f"{show(route)} would hold a credential; the file is committed, and no key of it holds a secret"
    hint = "remove it, and create the Secret as SECRETS.md beside the overlay says, with kubectl create secret"
    if "existingSecret" in known:
        hint += f"; {show((*route[:-1], 'existingSecret'))} takes its name"
    return Finding(route, "secret-in-plain-sight", message, hint, at_key=True)


def _meant(unknown: list[str], known: list[str], written: dict[str, Any]) -> dict[str, str]:
    """For each unknown key the one that it must mean: it is near, it is not set, and no other key means it too."""
    near = {key: alike(key, known) for key in unknown}
    times = Counter(near.values())
    return {key: word for key, word in near.items() if word and word not in written and times[word] == 1}


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _plain(error: Any) -> str:
    value, limit = error.instance, error.validator_value
    words = {
        "minimum": f"{value} is less than {limit}",
        "maximum": f"{value} is more than {limit}",
        "minItems": "the list is empty",
        "maxItems": f"{len(value) if isinstance(value, list) else 0} values are more than {limit}",
        "maxLength": f"{len(str(value))} characters are more than {limit}",
        "uniqueItems": "the list names something twice",
        "minProperties": "one of its keys has to be set",
        "maxProperties": "only one of its keys can be set",
    }
    return words.get(str(error.validator), str(error.message))


def _missing(error: Any, route: Route, data: dict[str, Any]) -> Iterator[Finding]:
    kind = KINDS.get(str(data.get("overlay")))
    for key in error.validator_value:
        if key in error.instance:
            continue
        missing: Route = (*route, key)
        if missing == ("overlay",):
            choices = ", ".join(KINDS)
            yield Finding(
                (),
                "missing-key",
                "the key overlay is missing: it says which kind of overlay this is",
                f"one of {choices}",
            )
            continue
        demands = {each: why for each, why in kind.requires.items() if each[: len(missing)] == missing} if kind else {}
        if not demands:
            yield Finding(route, "missing-key", f"{show(route)} needs the key {key}", at_key=True)
        for demand, why in demands.items():
            place: Route = route if follow(data, route) is not ABSENT and route else ("overlay",)
            message = f"'{kind.name if kind else ''}' needs {show(demand)}: {why}"
            yield Finding(place, "missing-key", message, f"add {show(demand)}", at_key=True)


def _wrong_type(error: Any, route: Route) -> Finding:
    wanted = {
        "string": "text",
        "integer": "a whole number",
        "boolean": "true or false",
        "array": "a list",
        "object": "a mapping of keys to values",
    }[error.validator_value]
    value = error.instance
    if value is None:
        return Finding(
            route,
            "wrong-type",
            f"{show(route)} has no value; it has to be {wanted}",
            "write a value, or remove the key",
        )
    given = {
        bool: "true or false",
        int: "a number",
        float: "a fraction",
        str: "text",
        list: "a list",
        dict: "a mapping",
    }[type(value)]
    meant = _scalar_meant(value, error.validator_value)
    hint = ""
    if meant is not None:
        hint = f"remove the quotes: {meant}" if value.strip().lower() == meant else f"write {meant}"
    message = f"{show(route)} has to be {wanted}, and this is {given}"
    return Finding(route, "wrong-type", message, hint, instead=meant)


def _scalar_meant(value: Any, wanted: str) -> str | None:
    """The number or truth value that a text must mean: one in quotes, or a word of YAML 1.1."""
    if not isinstance(value, str):
        return None
    plain = value.strip().lower()
    if wanted == "integer":
        return plain if re.fullmatch("0|-?[1-9][0-9]{0,9}", plain) else None
    words = {**dict.fromkeys(("true", "yes", "on"), "true"), **dict.fromkeys(("false", "no", "off"), "false")}
    return words.get(plain) if wanted == "boolean" else None
