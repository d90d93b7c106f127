"""Diagnostics as text: for people, for machines, for GitHub. The judge does not know the reporter."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from compiler.diagnostic import Diagnostic

Format = Callable[[Sequence[Diagnostic]], str]


def text(diagnostics: Sequence[Diagnostic]) -> str:
    """`file:line:col: severity: message [code]`, and the hint below."""
    lines = []
    for each in diagnostics:
        lines.append(f"{each.place}: {each.severity}: {each.message} [{each.code}]")
        if each.hint:
            lines.append(f"  hint: {each.hint}")
    return "".join(f"{line}\n" for line in lines)


def as_json(diagnostics: Sequence[Diagnostic]) -> str:
    """One JSON object with a list of diagnostics; a line or column of 0 is not known."""
    entries = [
        {
            "path": each.place.path,
            "line": each.place.line,
            "column": each.place.column,
            "severity": str(each.severity),
            "code": each.code,
            "message": each.message,
            "hint": each.hint,
        }
        for each in diagnostics
    ]
    return json.dumps({"diagnostics": entries}, indent=2, ensure_ascii=False) + "\n"


def github(diagnostics: Sequence[Diagnostic]) -> str:
    """Workflow commands, which GitHub shows beside the lines of a pull request."""
    lines = []
    for each in diagnostics:
        message = f"{each.message} [{each.code}]" + (f"\nhint: {each.hint}" if each.hint else "")
        escaped = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        place = f"file={each.place.path},line={max(each.place.line, 1)},col={max(each.place.column, 1)}"
        lines.append(f"::{each.severity} {place}::{escaped}\n")
    return "".join(lines)


FORMATS: dict[str, Format] = {"text": text, "json": as_json, "github": github}
