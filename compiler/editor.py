"""The schema as it is published: the one that judges, with what editors show and fill in.

It accepts and refuses the same. Beside standard annotations it has those of Visual Studio Code and of yaml-language-server:
`markdownDescription` and `enumDescriptions` for hover, `defaultSnippets` and `examples` for completion, `errorMessage` for the
reasons of demands.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from compiler.kind import Kind
from compiler.kinds import KINDS
from compiler.part import Schema
from compiler.route import Route, show
from compiler.scaffold import shown
from compiler.schema import environment_schema


def published() -> Schema:
    """The whole schema for editors, in draft 7."""
    judge = environment_schema()
    return {
        **judge,
        "defaultSnippets": [_snippet(kind) for kind in KINDS.values()],
        "properties": {key: _annotated(schema, (key,)) for key, schema in judge["properties"].items()},
        "allOf": [
            {**demands, "then": _reasoned(KINDS[demands["if"]["properties"]["overlay"]["const"]])}
            for demands in judge["allOf"]
        ],
    }


def meanings(schema: Schema) -> dict[str, str]:
    """What each word that a key may be means; empty where there is nothing to say."""
    return dict(zip(schema.get("enum", ()), schema.get("enumDescriptions", ()), strict=False))


def in_words(schema: Schema) -> str:
    """What a key may be, in words and in Markdown."""
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    if "patternErrorMessage" in schema:
        return str(schema["patternErrorMessage"]).replace("<", "\\<")
    words = {
        "string": "text",
        "integer": "a whole number",
        "boolean": "`true`, `false`",
        "array": "a list",
        "object": "a mapping",
    }
    kind = words[schema["type"]]
    return f"{kind}, {schema['minimum']} to {schema['maximum']}" if "minimum" in schema else kind


def _annotated(schema: Schema, route: Route) -> Schema:
    """A key's schema with its name as title, its manual in Markdown, and examples; and so for every key below it."""
    more: Schema = {"title": show(route)}
    if "description" in schema:
        more["markdownDescription"] = _manual(schema)
    if "properties" in schema:
        more["properties"] = {key: _annotated(each, (*route, key)) for key, each in schema["properties"].items()}
    if len(route) == 1 or "default" not in schema:
        return {**schema, **more}
    # An editor that completes a mapping writes every default that stands in it; a file is to say what it changes.
    default = schema["default"]
    offered = {} if "enum" in schema or isinstance(default, bool) else {"examples": [default]}
    return {**offered, **{key: value for key, value in schema.items() if key != "default"}, **more}


def _manual(schema: Schema) -> str:
    paragraphs = [schema["description"]]
    if "pattern" in schema or "minimum" in schema:
        paragraphs.append(f"It is {in_words(schema)}.")
    if "default" in schema:
        paragraphs.append(f"Default: `{_plain(schema['default'])}`.")
    return "\n\n".join(paragraphs)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _snippet(kind: Kind) -> Schema:
    """A whole environment of a kind, for a file that is still empty."""
    body: dict[str, Any] = {"overlay": kind.name}
    for number, (route, value) in enumerate(shown(kind).items(), 1):
        inner = body
        for step in route[:-1]:
            inner = inner.setdefault(str(step), {})
        inner[str(route[-1])] = f"${{{number}:{value}}}"
    return {"label": kind.name, "description": f"The smallest environment of the kind {kind.name}.", "body": body}


def _reasoned(kind: Kind) -> Schema:
    """The demands of a kind, each with its reason."""
    return _demanding(kind.name, kind.requires, ())


def _demanding(kind: str, demands: Mapping[Route, str], here: Route) -> Schema:
    inner: Schema = {}
    required = []
    for step in dict.fromkeys(str(route[0]) for route in demands):
        below = {route[1:]: why for route, why in demands.items() if route[0] == step}
        reason = below.pop((), "") or "with " + ", ".join(show(rest) for rest in below)
        required.append({"required": [step], "errorMessage": f"'{kind}' needs {show((*here, step))}: {reason}"})
        if below:
            inner[step] = _demanding(kind, below, (*here, step))
    return {"properties": inner, "allOf": required}
