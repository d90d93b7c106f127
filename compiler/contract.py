"""The JSON Schema of what `--output json` prints: one document for every command. Made of the fields that `report` writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compiler.audit import State
from compiler.change import Outcome
from compiler.codes import CODES
from compiler.part import Schema, object_of
from compiler.policy import CHECKLIST

_COUNT: Schema = {"type": "integer", "minimum": 0, "description": "Counts from 1; 0 where it is not known."}
_FROM_ONE: Schema = {"type": "integer", "minimum": 1}


def report_schema() -> Schema:
    """The whole schema, as it is published."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "JSON report of mlflow-overlays",
        **_record(
            "What a command found and did.",
            {
                "diagnostics": _list("What is wrong, in the order of the files.", {"$ref": "#/definitions/diagnostic"}),
                "fixed": _list("What --fix put right, as it was found.", {"$ref": "#/definitions/diagnostic"}),
                "environments": _list("What came of each environment.", {"$ref": "#/definitions/environment"}),
                "values": _list("Of `explain`: where each value comes from.", {"$ref": "#/definitions/value"}),
                "plan": {"$ref": "#/definitions/plan"},
                "audit": {"$ref": "#/definitions/audit"},
            },
            optional=("environments", "values", "plan", "audit"),
        ),
        "definitions": {
            "edit": _edit(),
            "diagnostic": _diagnostic(),
            "environment": _environment(),
            "value": _value(),
            "object": _object(),
            "plan": _plan(),
            "cause": _cause(),
            "audit": _audit(),
        },
    }


def results_schema() -> Schema:
    """The whole schema of what commands on a cluster print, as it is published."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "JSON results of the commands of mlflow-overlays that act on a cluster",
        **_record(
            "What a command did, step by step.",
            {
                "command": _text("The command."),
                "environment": _text("The environment."),
                "uri": _text("Of `test-connection`: the address."),
                "context": _text("The context of the cluster."),
                "namespace": _text("Where the environment is."),
                "survey": _survey(),
                "ok": {"type": "boolean", "description": "Whether nothing failed."},
                "results": _list("What came of each step or check, in order.", {"$ref": "#/definitions/result"}),
            },
            optional=("environment", "uri", "context", "namespace", "survey"),
        ),
        "definitions": {"result": _result()},
    }


def _survey() -> Schema:
    return _record(
        "Of `cleanup`: objects, each by kind and name.",
        {"goes": _list("What goes.", _text("")), "stays": _list("What stays.", _text(""))},
    )


def _result() -> Schema:
    return _record(
        "What came of a step or a check.",
        {
            "check": _text("Which one."),
            "verdict": {"enum": ["passed", "failed", "skipped"]},
            "said": _text("What it is, or why it was skipped."),
            "mend": {"type": "string", "description": "What to do where it failed; may be empty."},
            "words": _list("What pods, servers and tools said, without values of Secrets.", {"type": "string"}),
        },
    )


def _diagnostic() -> Schema:
    return _record(
        "Something wrong at a place.",
        {
            **_place()["properties"],
            "severity": {"enum": ["error", "warning"]},
            "code": {"enum": list(CODES), "description": "docs/diagnostics.md has a section for each."},
            "message": _text("What is wrong."),
            "hint": {"type": "string", "description": "What to do about it; may be empty."},
            "edits": _list("What puts it right, where there is one right answer.", {"$ref": "#/definitions/edit"}),
        },
    )


def _place() -> Schema:
    path = _text("From the root of the project, or as the file was named.")
    return _record("A place in a file.", {"path": path, "line": _COUNT, "column": _COUNT})


def _edit() -> Schema:
    marks = dict.fromkeys(("line", "column", "endLine", "endColumn"), _FROM_ONE)
    text = {
        "type": "string",
        "description": "What is to stand between the two marks, the second of which is not replaced.",
    }
    return _record("A stretch of the diagnostic's file, in characters, and its new text.", {**marks, "text": text})


def _environment() -> Schema:
    return _record(
        "An environment that a command worked on.",
        {
            "name": _text("Its name."),
            "proved": _list("What was proved of its build, in sentences; nothing where it has errors.", _text("")),
            "changed": _list("Of `compile`: the files that were or would be written.", _text("")),
            "removed": _list("Of `compile`: the files that were or would be removed.", _text("")),
            "secrets": _list("Of `compile` and `secrets`: the files of Secrets that were created.", _text("")),
        },
        optional=("proved", "changed", "removed", "secrets"),
    )


def _value() -> Schema:
    return _record(
        "A value of a built object, and where it comes from.",
        {
            "route": _text("Where it stands in the object."),
            "value": {"description": "What it is."},
            **_place()["properties"],
            "why": _text("Through what it comes, and why."),
        },
    )


def _object() -> Schema:
    name = {"type": "string", "description": "Empty where several of the kind are meant."}
    return _record("An object.", {"apiVersion": _text(""), "kind": _text(""), "name": name})


def _plan() -> Schema:
    consequence = _record(
        "Something that follows.",
        {
            "outcome": {"enum": list(Outcome), "description": "What sort of thing, as docs/plan.md has them."},
            "object": {"$ref": "#/definitions/object"},
            "message": _text("What follows."),
            "hint": {"type": "string", "description": "What to do about it; may be empty."},
            "causes": _list("What brings it about.", {"$ref": "#/definitions/cause"}),
        },
    )
    return _record(
        "Of `plan`: what follows when the environment is applied.",
        {
            "environment": _text("Its name."),
            "against": _text("What it is compared with."),
            "consequences": _list("What follows, the worst first.", consequence),
        },
    )


def _cause() -> Schema:
    return _record(
        "A value that differs, or an object that comes or goes, and where it comes from. What may be a credential is masked.",
        {
            "object": {"$ref": "#/definitions/object"},
            "route": _text("Where it stands in the object."),
            "before": {"description": "What it was; not there where there was nothing."},
            "after": {"description": "What it is; not there where there is nothing."},
            **_place()["properties"],
            "why": _text("Through what it comes, and why."),
        },
        optional=("before", "after", "path", "line", "column", "why"),
    )


def _audit() -> Schema:
    check = _record(
        "A check of the production checklist.",
        {
            "check": {"enum": list(CHECKLIST), "description": "Its name, as `waivers` takes it."},
            "demand": _text("What it asks for."),
            "state": {"enum": list(State), "description": "unseen is what a build cannot show."},
            "reason": _text("Why."),
            "todo": {"type": "string", "description": "What to do, or the command that shows it; may be empty."},
            **_place()["properties"],
        },
        optional=("path", "line", "column"),
    )
    what = {"environment": _text("Its name."), "checks": _list("What came of each, the worst first.", check)}
    return _record("Of `audit`: what came of the production checklist.", what)


def _record(description: str, properties: Mapping[str, Any], optional: tuple[str, ...] = ()) -> Schema:
    return object_of(description, properties, required=[name for name in properties if name not in optional])


def _list(description: str, items: Schema) -> Schema:
    return {"type": "array", "description": description, "items": items}


def _text(description: str) -> Schema:
    return {"type": "string", "minLength": 1, **({"description": description} if description else {})}
