"""Which overlay an environment asks for, and what is wrong with asking for it."""

from __future__ import annotations

from dataclasses import replace

from compiler.diagnostic import Finding
from compiler.environment import Environment
from compiler.overlay import Overlay
from compiler.parts import PARTS
from compiler.route import Route, follow
from compiler.secrecy import credential_in
from compiler.source import Source

LAST = ("networkpolicy-off",)
"""Components that take away what others added, and so come after all of them."""


def check(source: Source, environment: Environment) -> list[Finding]:
    """Everything wrong with an environment that no schema can say."""
    findings = [finding for part in PARTS.values() for finding in part.check(environment)]
    return [*findings, *_credentials(source)]


def _credentials(source: Source) -> list[Finding]:
    found = []
    for route in source.entries:
        value = _scalar(source, route)
        kind = credential_in(value) if value else None
        if kind:
            found.append(
                Finding(
                    route,
                    "secret-in-plain-sight",
                    f"this looks like {kind}; the file is committed, and no key of it holds a secret",
                    "put it into a Secret, name that here, and replace the credential: it has been written down",
                )
            )
    return found


def _scalar(source: Source, route: Route) -> str | None:
    value = follow(source.data, route)
    return value if isinstance(value, str) else None


def plan(environment: Environment) -> Overlay:
    """The sum of what the parts ask for."""
    overlay = Overlay(custom=environment.custom)
    for part in PARTS.values():
        overlay += part.plan(environment)
    components = sorted(overlay.components, key=lambda name: name in LAST)
    return replace(overlay, components=tuple(components))
