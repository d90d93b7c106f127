"""What the shell offers where a word is being typed. Outside of a project, or where something is wrong, it offers nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from compiler.errors import Fatal

if TYPE_CHECKING:
    from compiler.workspace import Workspace

Offers = Callable[[typer.Context, str], list[str]]


def _offering(words: Callable[[typer.Context], Iterable[str]]) -> Offers:
    """Those of the words that begin with what is typed already."""

    def offered(context: typer.Context, incomplete: str) -> list[str]:
        try:
            return [word for word in words(context) if word.startswith(incomplete)]
        except Fatal:
            return []

    return offered


def _workspace(context: typer.Context) -> Workspace:
    from compiler.workspace import find

    return find(Path(context.params.get("root") or ".").resolve())


def _environments(context: typer.Context) -> Iterator[str]:
    given = context.params.get("names") or ()
    return (name for name in _workspace(context).names() if name not in given)


def _kinds(context: typer.Context) -> Iterable[str]:
    from compiler.kinds import KINDS

    return KINDS


def _formats(context: typer.Context) -> Iterable[str]:
    from compiler.report import FORMATS

    return FORMATS


def _versions(context: typer.Context) -> Iterable[str]:
    from compiler.parts.kubernetes_version import SUPPORTED

    return (*SUPPORTED, "all")


def _objects(context: typer.Context) -> list[str]:
    """The objects of an environment, as the overlay that is on disk builds them: quicker than to compile and prove it."""
    from compiler.build import build
    from compiler.understand import understand

    workspace, name = _workspace(context), str(context.params.get("name"))
    overlay = understand(name, *workspace.environment(name)).overlay
    if overlay is None:
        return []
    built = build(workspace.root, name, workspace.committed(name), overlay.generated_secrets())
    return [f"{manifest.ref.kind.lower()}/{manifest.ref.name}" for manifest in built.manifests]


environments, kinds, formats = _offering(_environments), _offering(_kinds), _offering(_formats)
versions, objects = _offering(_versions), _offering(_objects)
results = _offering(lambda _: ("text", "json"))
