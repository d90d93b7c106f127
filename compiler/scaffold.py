"""A first environment.yaml for somebody to change."""

from __future__ import annotations

from compiler.errors import Usage
from compiler.kind import Kind
from compiler.kinds import KINDS, summary
from compiler.parts import PARTS
from compiler.route import Route
from compiler.source import nearest

MODELINE = "# yaml-language-server: $schema=../../schema/environment.schema.json"
"""What tells a language server of editors where the schema is, from the directory of an environment."""
NEXT = ("namespace: mlflow", "host: mlflow.acme.example", "ingress: {className: nginx, clusterIssuer: letsencrypt}")
"""What people set next, as it may stand in an environment of any kind."""


def scaffold(kind: str) -> str:
    """The smallest environment that a kind allows, with an example for each key that it demands. Raises `Usage`."""
    if kind not in KINDS:
        raise Usage(f"there is no kind '{kind}': {nearest(kind, list(KINDS))}")
    chosen = KINDS[kind]
    lines = [MODELINE, *(f"# {line}" for line in summary(kind).splitlines())]
    if chosen.requires:
        lines.append("# Put your own values in the place of the examples.")
    lines += [f"overlay: {kind}", *_demands(chosen)]
    lines += ["# Every other key has a default, and stands in the manual, docs/language.md. Often set next:"]
    return "\n".join([*lines, *(f"# {line}" for line in NEXT)]) + "\n"


def _demands(kind: Kind) -> list[str]:
    lines: list[str] = []
    for route, why in kind.requires.items():
        if f"{route[0]}:" not in lines:
            lines.append(f"{route[0]}:")
        lines += [f"  # {why[0].upper()}{why[1:]}.", f"  {route[-1]}: {example(route)}"]
    return lines


def example(route: Route) -> str:
    """The first example that the schema has for a key."""
    schema = next(part.KEYS[str(route[0])] for part in PARTS.values() if route[0] in part.KEYS)
    for step in route[1:]:
        schema = schema["properties"][step]
    return str(schema["examples"][0])
