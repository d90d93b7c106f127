"""A first environment.yaml for somebody to change."""

from __future__ import annotations

from compiler.errors import Usage
from compiler.kind import Kind, System
from compiler.kinds import KINDS, summary
from compiler.route import Route
from compiler.source import nearest
from compiler.system import keys

MODELINE = "# yaml-language-server: $schema=../../schema/environment.schema.json"
"""What tells a language server of editors where the schema is, from the directory of an environment."""
NEXT: dict[System, tuple[str, ...]] = {
    "mlflow": (
        "namespace: mlflow",
        "host: mlflow.acme.example",
        "ingress: {className: nginx, clusterIssuer: letsencrypt}",
    ),
    "pipelines": ("pipelines: {version: 2.17.0}", "profiles: [{name: team-1, owner: ana@acme.example}]"),
}
"""What people set next, as it may stand in an environment of any kind of a system."""


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
    return "\n".join([*lines, *(f"# {line}" for line in NEXT[chosen.system])]) + "\n"


def shown(kind: Kind) -> dict[Route, str]:
    """The keys that a first environment of a kind has, with a value for each: what the kind demands, and its own examples."""
    routes = dict.fromkeys((*kind.requires, *kind.examples))
    return {route: kind.examples.get(route) or example(route) for route in routes}


def _demands(kind: Kind) -> list[str]:
    lines: list[str] = []
    for route, value in shown(kind).items():
        if f"{route[0]}:" not in lines:
            lines.append(f"{route[0]}:")
        why = kind.requires.get(route)
        lines += [f"  # {why[0].upper()}{why[1:]}."] if why else []
        lines.append(f"  {route[-1]}: {value}")
    return lines


def example(route: Route) -> str:
    """The first example that the schema has for a key."""
    schema = keys()[str(route[0])]
    for step in route[1:]:
        schema = schema["properties"][step]
    return str(schema["examples"][0])
