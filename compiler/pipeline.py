"""The compiler as one function: from the text of an environment to its overlay, proved, or to what is wrong with it.

    understand -> emit -> build -> conform, rules

All problems of a stage are reported together; the next stage runs only when there is no error. Most of the time goes into
builds, so there are as few as can be: one where the overlay on disk is what the environment asks for. That one is started
before the environment is read, since it either is the proof or is needed to say what changes; what the proof needs is
read meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from compiler.build import Building, Built, build, start
from compiler.catalog import DEFAULT
from compiler.conform import conform, known, ready
from compiler.diagnostic import Diagnostic, Finding, Place, Severity, has_errors
from compiler.emit import emit, renamed
from compiler.manifest import Manifest
from compiler.outline import local
from compiler.overlay import Overlay
from compiler.rules import faults, rules_of
from compiler.rules.immutable import refused
from compiler.rules.jobs import job_names
from compiler.rules.left import left_behind
from compiler.rules.scaling import reset
from compiler.tree import KUSTOMIZATION, Tree
from compiler.understand import Compilation, understand
from compiler.waive import annotated, idle, unwaived
from compiler.workspace import Workspace

if TYPE_CHECKING:
    from compiler.locate import Locator
    from compiler.origin import Search


def compile_environment(
    workspace: Workspace, name: str, versions: tuple[str, ...] = (), today: str = "", ahead: Building | None = None
) -> Compilation:
    """Compiles and proves an environment of a project. Writes nothing.

    `versions` are Kubernetes minors to validate against, in place of the environment's own. `today` is the day as YYYY-MM-DD
    that waivers are held against; without it none has expired. `ahead` is a build of the overlay that is on disk, where one
    was started already.
    """
    path, content = workspace.environment(name)
    others = partial(workspace.others, name)
    compilation = understand(name, path, content, custom=workspace.has_custom(name), today=today, others=others)
    if compilation.environment is None:
        if ahead:
            ahead.abandon()
        return compilation
    return prove(workspace, compilation, versions or (compilation.environment.kubernetes_version,), ahead)


def prove(
    workspace: Workspace, compilation: Compilation, versions: tuple[str, ...], ahead: Building | None = None
) -> Compilation:
    """The second half: builds the overlay with kubectl and holds the build against schemas and rules."""
    if compilation.overlay is None:
        return compilation
    absent = _absent(workspace, compilation, compilation.overlay)
    if absent:
        return _failed(compilation, [*compilation.diagnostics, *absent])
    overlay = _annotated(workspace, compilation.name, compilation.overlay, versions)
    overlay, tree, built, before = _built(workspace, compilation.name, overlay, ahead, versions)
    compilation = replace(compilation, overlay=overlay, manifests=built.manifests)
    if built.failed:
        why = built.problems or (_locator(workspace, compilation).unbuilt(built.error),)
        return _failed(compilation, sorted([*compilation.diagnostics, *why]))
    ours = [each for each in built.manifests if not _of_others(each, versions[0])]
    found = [fault for version in versions for fault in conform(ours, version)]
    unused: list[Finding] = []
    if all(fault.severity is not Severity.ERROR for fault in found):
        broken = faults(overlay, built.manifests, built.made_up)
        unused = idle(overlay, built.manifests, broken)
        found += unwaived(overlay, built.manifests, broken)
        found += (
            refused(before, built.manifests) + left_behind(before, built.manifests) + reset(before, built.manifests)
        )
    diagnostics = compilation.diagnostics
    if found or unused:
        locator = _locator(workspace, compilation)
        told = [compilation.source.diagnose(each) for each in unused] if compilation.source else []
        diagnostics = [*diagnostics, *told, *sorted({locator.diagnose(fault) for fault in found})]
    if has_errors(diagnostics):
        return _failed(compilation, diagnostics)
    sentences = (
        f"every object fits the schema of Kubernetes {', '.join(versions)}",
        *rules_of(overlay),
        *_elsewhere(overlay, built.manifests, versions[0]),
    )
    return replace(compilation, diagnostics=diagnostics, tree=tree, proved=sentences)


def _absent(workspace: Workspace, compilation: Compilation, overlay: Overlay) -> list[Diagnostic]:
    """The directories that an environment names as its base, and that are none."""
    here = [each for each in overlay.resources if "://" not in each]
    gone = [each for each in here if not (workspace.root / each / KUSTOMIZATION).is_file()]
    message = "there is no kustomization.yaml in {}"
    hint = "name a directory of the project; scripts/upstream.py vendor copies a release into one"
    findings = [Finding(("pipelines", "base"), "build-failed", message.format(each), hint) for each in gone]
    return [compilation.source.diagnose(each) for each in findings] if compilation.source else []


def _of_others(manifest: Manifest, version: str) -> bool:
    """Whether it is a custom resource that neither the overlay nor our base has: there is no schema for it here."""
    return not manifest.origin.startswith(("base/", "overlays/")) and not known(
        version, (DEFAULT,), manifest.ref.api_version, manifest.ref.kind
    )


def _elsewhere(overlay: Overlay, manifests: Sequence[Manifest], version: str) -> Iterator[str]:
    """What a proof rests on beside the build, and what it leaves out."""
    outlined = [each for each in overlay.resources if local(each) != each]
    for each in outlined:
        yield f"this over {local(each)}, the outline of a release; pipelines.base names a copy of the release itself"
    skipped = [manifest for manifest in manifests if _of_others(manifest, version)]
    if skipped:
        kinds = ", ".join(sorted({manifest.ref.kind for manifest in skipped}))
        yield f"skipped: {len(skipped)} custom resources of others, which have no schema here ({kinds})"


def _annotated(workspace: Workspace, name: str, overlay: Overlay, versions: tuple[str, ...]) -> Overlay:
    """The overlay with the marks of what it waives, on the objects that a build shows to break a rule."""
    if not overlay.waivers:
        return overlay
    first = build(workspace.root, name, emit(name, overlay), overlay.generated_secrets())
    # Rules read what fits its schema alone.
    if first.failed or conform(first.manifests, versions[0]):
        return overlay
    return annotated(overlay, first.manifests, faults(overlay, first.manifests, first.made_up))


def _built(
    workspace: Workspace, name: str, overlay: Overlay, ahead: Building | None, versions: tuple[str, ...]
) -> tuple[Overlay, Tree, Built, tuple[Manifest, ...]]:
    """The overlay with its Jobs named, its tree, the build of that, and the build of the one on disk where that is another.

    A Job is named for what it is in the build, so its name is known only after one. The names on disk are a good guess: where
    they are right, the build that shows it is the build of the very tree that is returned, and there is no second one.
    """
    root, generated, names = workspace.root, overlay.generated_secrets(), overlay.names
    committed = ahead.tree if ahead else workspace.committed(name)
    overlay = replace(overlay, names=names | renamed(committed))
    tree = emit(name, overlay)
    current = tree == committed
    with ExitStack() as begun:
        on_disk = ahead
        if committed and not on_disk:
            on_disk = start(root, name, committed, generated if current else overlay.secrets)
        if on_disk:
            begun.callback(on_disk.abandon)
        building = on_disk
        if not building or not current:
            building = start(root, name, tree, generated)
            begun.callback(building.abandon)
        for version in versions:
            ready((change.target for change in overlay.changes), version)
        built = building.finish()
        before = on_disk.finish().manifests if on_disk and not current else ()
    if built.failed and overlay.names != names:
        # What is on disk may have been changed by hand, and a name in it stop the build.
        overlay = replace(overlay, names=names)
        tree = emit(name, overlay)
        built = build(root, name, tree, generated)
    names = names | job_names([each for each in built.manifests if each.origin.startswith("base/")], overlay.names)
    if built.failed or names == overlay.names:
        return overlay, tree, built, before
    overlay = replace(overlay, names=names)
    tree = emit(name, overlay)
    return overlay, tree, build(root, name, tree, generated), built.manifests if current else before


def _failed(compilation: Compilation, diagnostics: list[Diagnostic]) -> Compilation:
    return replace(compilation, diagnostics=diagnostics, environment=None, overlay=None, manifests=())


def stale(workspace: Workspace, compilation: Compilation) -> list[Diagnostic]:
    """The committed files of an overlay that are not what a compilation makes of it, each at its first line that differs."""
    name, tree = compilation.name, compilation.tree
    if tree is None:
        return []
    committed = workspace.committed(name)
    found = []
    for path in workspace.stale(name, tree):
        before, after = committed.get(path, "").splitlines(), tree.get(path, "").splitlines()
        same = next((n for n, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]), None)
        number = min(len(before), len(after)) if same is None else same
        number = max(min(number, len(before) - 1), 0)
        place = Place(f"overlays/{name}/{path}", number + 1, 1) if before else Place(f"overlays/{name}/{path}")
        message = "the file is not what environment.yaml and the base make of it"
        hint = f"run make overlay ENV={name}, and commit what it writes"
        found.append(Diagnostic(place, "stale", message, hint, line=before[number] if before else ""))
    return found


def blocked(workspace: Workspace, compilation: Compilation) -> list[Diagnostic]:
    """What is where a compilation would be written, and was not written by the compiler: nothing of it is replaced."""
    name = compilation.name
    hint = (
        f"move it away or delete it, then run make overlay ENV={name}; what is your own goes in overlays/{name}/custom/"
    )
    return [
        Diagnostic(Place(f"overlays/{name}/{path}"), "foreign-file", reason, hint)
        for path, reason in workspace.in_the_way(name, compilation.tree or {}).items()
    ]


def search(workspace: Workspace, compilation: Compilation) -> Search:
    """The search for where values of a build come from. In: a compilation that has an overlay."""
    from compiler.kustomization import Files
    from compiler.origin import Search

    if compilation.source is None or compilation.overlay is None:
        raise ValueError(compilation.name)
    files = Files(workspace.root)
    return Search(files, compilation.name, compilation.source, compilation.overlay, compilation.manifests)


def _locator(workspace: Workspace, compilation: Compilation) -> Locator:
    from compiler.locate import Locator

    return Locator(search(workspace, compilation))
