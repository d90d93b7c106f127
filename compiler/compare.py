"""An environment beside what it is compared with: what each side builds, what follows, and the lines that bring it about.

What an environment is now is always what the compiler makes of it. What it is compared with is a build too: of a commit with
the base of that commit, of another environment, or what a cluster has of it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from compiler import git
from compiler.build import build
from compiler.change import Consequence, Difference, consequences
from compiler.diagnostic import Diagnostic, Place, has_errors
from compiler.emit import renamed
from compiler.errors import Missing
from compiler.manifest import Manifest
from compiler.outline import tops
from compiler.pipeline import compile_environment, search
from compiler.route import ABSENT, Route
from compiler.tree import KUSTOMIZATION
from compiler.understand import Compilation, understand
from compiler.workspace import ENVIRONMENT, Workspace

if TYPE_CHECKING:
    from compiler.origin import Origin, Search
    from compiler.overlay import Secret

MADE_UP = "made up"
"""What stands in a build for a value that is read from a file in `secrets/`, which no build reads."""


@dataclass(frozen=True)
class Side:
    """One side of a comparison: what it is called, its build, and the search for where its values come from."""

    title: str
    manifests: tuple[Manifest, ...] = ()
    search: Search | None = None
    prefix: str = ""
    """What comes before its paths, as git writes a file of a commit: `HEAD:`."""

    def origin(self, manifest: Manifest, route: Route) -> Origin | None:
        """Where something in an object of this side comes from."""
        index = next((index for index, each in enumerate(self.manifests) if each is manifest), None)
        if self.search is None or index is None:
            return None
        found = self.search.origin(self.search.manifests[index], route)
        if found is None or not self.prefix:
            return found
        return replace(found, place=replace(found.place, path=f"{self.prefix}{found.place.path}"))


@dataclass(frozen=True)
class Cause:
    """A value that differs, and where it comes from, where that is known: of what is gone, where it came from."""

    difference: Difference
    place: Place | None = None
    why: str = ""


@dataclass(frozen=True)
class Told:
    """A consequence, and what brings it about."""

    consequence: Consequence
    causes: tuple[Cause, ...]


@dataclass(frozen=True)
class Comparison:
    """What follows for an environment, the worst first. Where it has errors there are diagnostics, and nothing else."""

    name: str
    against: str
    told: tuple[Told, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether there is nothing to compare."""
        return has_errors(list(self.diagnostics))


def with_commit(workspace: Workspace, compilation: Compilation, commit: str) -> Comparison:
    """An environment, compiled, beside what a commit has of it. Raises what `git.commit` raises."""
    id_ = git.commit(workspace.root, commit)
    title = f"{commit} ({id_[:8]})" if not id_.startswith(commit) else id_[:8]
    with tempfile.TemporaryDirectory(prefix="mlflow-overlays-") as name:
        stage = Workspace(Path(name).resolve())
        parts = {"base", *tops(compilation.tree or {}), f"overlays/{compilation.name}"}
        files = git.checkout(workspace.root, id_, sorted(parts), stage.root)
        if f"overlays/{compilation.name}/{KUSTOMIZATION}" not in files:
            return compared(workspace, compilation, Side(f"{title}, which does not have it"))
        return compared(workspace, compilation, _committed(stage, compilation, title, commit))


def with_environment(workspace: Workspace, compilation: Compilation, other: str) -> Comparison:
    """An environment, compiled, beside another, as if it were applied where that one runs: in its own namespace."""
    there = compile_environment(workspace, other)
    title = f"overlays/{other}"
    if there.overlay is None or compilation.overlay is None:
        return Comparison(compilation.name, title, diagnostics=tuple(there.diagnostics))
    spaces = there.overlay.place, compilation.overlay.place
    built = masked(there.manifests, there.overlay.generated_secrets())
    moved = tuple(_moved(*spaces, manifest) for manifest in built)
    return compared(workspace, compilation, Side(title, moved, search(workspace, there)))


def compared(workspace: Workspace, compilation: Compilation, before: Side) -> Comparison:
    """What follows when an environment, compiled, is applied where something else runs."""
    if compilation.overlay is None:
        return Comparison(compilation.name, before.title, diagnostics=tuple(compilation.diagnostics))
    built = masked(compilation.manifests, compilation.overlay.generated_secrets())
    after = Side(f"overlays/{compilation.name}", built, search(workspace, compilation))
    told = (_told(each, before, after) for each in consequences(before.manifests, after.manifests))
    return Comparison(compilation.name, before.title, tuple(told))


def _committed(stage: Workspace, compilation: Compilation, title: str, commit: str) -> Side:
    """The overlay of a commit as it stands there. Its sources are known as far as this compiler still understands them."""
    name, tree = compilation.name, stage.committed(compilation.name)
    then = _understood(stage, name)
    overlay = then.overlay if then and then.overlay else compilation.overlay
    secrets = overlay.secrets if overlay else ()
    built = build(stage.root, name, tree, secrets)
    if built.failed:
        why = built.error or f"{built.problems[0].place}: {built.problems[0].message}"
        raise Missing(f"the overlay of {title} does not build: {why}")
    manifests = masked(built.manifests, secrets)
    if then is None or then.overlay is None:
        return Side(title, manifests)
    then = replace(
        then, overlay=replace(then.overlay, names=then.overlay.names | renamed(tree)), manifests=built.manifests
    )
    return Side(title, manifests, search(stage, then), f"{commit}:")


def _understood(stage: Workspace, name: str) -> Compilation | None:
    if not (stage.directory(name) / ENVIRONMENT).is_file():
        return None
    path, content = stage.environment(name)
    return understand(name, path, content, custom=stage.has_custom(name))


def masked(manifests: Sequence[Manifest], secrets: Sequence[Secret]) -> tuple[Manifest, ...]:
    """A build with one text in place of every value that was made up for it, which is another in each build."""
    names = {secret.name for secret in secrets}
    return tuple(
        replace(each, data={**each.data, "data": dict.fromkeys(each.data.get("data") or {}, MADE_UP)})
        if each.ref.kind == "Secret" and each.ref.name in names
        else each
        for each in manifests
    )


def _moved(old: str, new: str, manifest: Manifest) -> Manifest:
    metadata = dict(manifest.data.get("metadata") or {})
    if metadata.get("namespace") == old:
        metadata["namespace"] = new
    if manifest.ref.kind == "Namespace" and metadata.get("name") == old:
        metadata["name"] = new
    return replace(manifest, data={**manifest.data, "metadata": metadata})


def _told(consequence: Consequence, before: Side, after: Side) -> Told:
    return Told(consequence, tuple(_cause(each, before, after) for each in consequence.causes))


def _cause(difference: Difference, before: Side, after: Side) -> Cause:
    """What is there now comes from a line of now; what is gone, from one of before."""
    gone = difference.after is None or (difference.new is ABSENT and difference.old is not ABSENT)
    side, manifest = (before, difference.before) if gone else (after, difference.after)
    found = side.origin(manifest, difference.route) if manifest else None
    return Cause(difference, found.place, found.why) if found else Cause(difference)
