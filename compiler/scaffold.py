"""A first environment.yaml for somebody to change."""

from __future__ import annotations

from compiler.errors import Usage
from compiler.kind import Kind
from compiler.kinds import KINDS
from compiler.parts import PARTS
from compiler.route import Route
from compiler.source import nearest

MODELINE = "# yaml-language-server: $schema=../../schema/environment.schema.json"


def scaffold(kind: str) -> str:
    """The smallest environment that a kind allows, with an example for each key that it demands. Raises `Usage`."""
    if kind not in KINDS:
        raise Usage(f"there is no kind '{kind}': {nearest(kind, list(KINDS))}")
    lines = [MODELINE, "# Every key is in docs/language.md.", f"overlay: {kind}"]
    return "\n".join([*lines, *_demands(KINDS[kind])]) + "\n"


def _demands(kind: Kind) -> list[str]:
    lines: list[str] = []
    for route, why in kind.requires.items():
        if f"{route[0]}:" not in lines:
            lines.append(f"{route[0]}:")
        lines += [f"  # {why}", f"  {route[-1]}: {example(route)}"]
    return lines


def example(route: Route) -> str:
    """The first example that the schema has for a key."""
    schema = next(part.KEYS[str(route[0])] for part in PARTS.values() if route[0] in part.KEYS)
    for step in route[1:]:
        schema = schema["properties"][step]
    return str(schema["examples"][0])
