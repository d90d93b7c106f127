"""The compiler as one function: from the text of an environment to its overlay, proved, or to what is wrong with it.

    read -> violations -> environment -> check -> plan -> emit -> build -> conform, rules

All problems of a stage are reported together; the next stage runs only when there is no error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from compiler.build import build
from compiler.conform import conform
from compiler.diagnostic import Diagnostic, Finding, Place, has_errors
from compiler.emit import KUSTOMIZATION, Tree, emit
from compiler.environment import Environment, environment
from compiler.manifest import Fault, Manifest
from compiler.overlay import Overlay
from compiler.plan import check, credentials, plan
from compiler.route import Route, indexed
from compiler.rules import RULES, faults
from compiler.rules.changes import target
from compiler.rules.immutable import refused
from compiler.rules.jobs import job_names
from compiler.rules.left import left_behind
from compiler.schema import as_written, violations
from compiler.source import Source, read
from compiler.waive import annotated, expired, idle, unwaived
from compiler.workspace import Workspace


@dataclass(frozen=True)
class Compilation:
    """What came of an environment. `tree` is None when there is an error."""

    name: str
    diagnostics: list[Diagnostic]
    source: Source | None = None
    environment: Environment | None = None
    overlay: Overlay | None = None
    tree: Tree | None = None
    manifests: tuple[Manifest, ...] = ()
    proved: tuple[str, ...] = ()
    """What was proved of the build, in sentences."""


def compile_environment(
    workspace: Workspace, name: str, versions: tuple[str, ...] = (), today: str = ""
) -> Compilation:
    """Compiles and proves an environment of a project. Writes nothing.

    `versions` are Kubernetes minors to validate against, in place of the environment's own. `today` is the day as YYYY-MM-DD
    that waivers are held against; without it none has expired.
    """
    path, content = workspace.environment(name)
    compilation = understand(name, path, content, custom=workspace.has_custom(name), today=today)
    if compilation.environment is None:
        return compilation
    return prove(workspace, compilation, versions or (compilation.environment.kubernetes_version,))


def understand(name: str, path: str, content: bytes, *, custom: bool = False, today: str = "") -> Compilation:
    """The first half, without any file or program: the overlay that the text of an environment asks for."""
    source, diagnostics = read(path, content)
    if source is None:
        return Compilation(name, diagnostics)
    source = as_written(source)
    secret = [source.diagnose(finding) for finding in credentials(source)]
    places = {diagnostic.place for diagnostic in secret}
    # What else is wrong with a credential would show it.
    diagnostics = sorted(secret + [each for each in violations(source) if each.place not in places])
    if has_errors(diagnostics):
        return Compilation(name, diagnostics)
    known = environment(name, source.data, custom=custom)
    findings = [*check(known), *expired(known.waivers, today)]
    diagnostics = sorted({source.diagnose(finding) for finding in findings})
    if has_errors(diagnostics):
        return Compilation(name, diagnostics)
    return Compilation(name, diagnostics, source, known, plan(known))


def prove(workspace: Workspace, compilation: Compilation, versions: tuple[str, ...]) -> Compilation:
    """The second half: builds the overlay with kubectl and holds the build against schemas and rules."""
    if compilation.overlay is None:
        return compilation
    name, overlay = compilation.name, compilation.overlay
    first = build(workspace.root, name, emit(name, overlay), overlay.generated_secrets())
    if first.error:
        return _failed(compilation, [*compilation.diagnostics, _unbuilt(compilation, first.error)])
    # A Job is named for what it is in the build, so its name is known only after one.
    overlay = replace(
        overlay, jobs={ref: new for ref, new in job_names(first.manifests).items() if _from_base(first.manifests, ref)}
    )
    # Which objects a waiver is about is known only after a build, too; rules read what fits its schema alone.
    if overlay.waivers and not conform(first.manifests, versions[0]):
        overlay = annotated(overlay, first.manifests, faults(overlay, first.manifests, first.made_up))
    tree = emit(name, overlay)
    built = build(workspace.root, name, tree, overlay.generated_secrets())
    if built.error:
        return _failed(compilation, [*compilation.diagnostics, _unbuilt(compilation, built.error)])
    found = [fault for version in versions for fault in conform(built.manifests, version)]
    unused: list[Finding] = []
    if not found:
        broken = faults(overlay, built.manifests, built.made_up)
        unused = idle(overlay, built.manifests, broken)
        found += unwaived(overlay, built.manifests, broken)
        before = _before(workspace, name, tree, overlay)
        found += refused(before, built.manifests) + left_behind(before, built.manifests)
    locator = Locator(workspace, name, overlay, built.manifests)
    told = [compilation.source.diagnose(each) for each in unused] if compilation.source else []
    diagnostics = [*compilation.diagnostics, *told, *sorted({locator.diagnose(fault) for fault in found})]
    if has_errors(diagnostics):
        return _failed(compilation, diagnostics)
    sentences = (f"every object fits the schema of Kubernetes {', '.join(versions)}", *RULES)
    return replace(
        compilation, diagnostics=diagnostics, overlay=overlay, tree=tree, manifests=built.manifests, proved=sentences
    )


def _before(workspace: Workspace, name: str, tree: Tree, overlay: Overlay) -> tuple[Manifest, ...]:
    """The build of the overlay that is on disk, where it is another one and still builds."""
    committed = workspace.committed(name)
    if not committed or committed == tree:
        return ()
    return build(workspace.root, name, committed, overlay.secrets).manifests


def _from_base(manifests: tuple[Manifest, ...], ref: object) -> bool:
    return any(manifest.ref == ref and manifest.origin.startswith("base/") for manifest in manifests)


def _failed(compilation: Compilation, diagnostics: list[Diagnostic]) -> Compilation:
    return replace(compilation, diagnostics=diagnostics, environment=None, overlay=None)


def _unbuilt(compilation: Compilation, error: str) -> Diagnostic:
    overlay = f"overlays/{compilation.name}"
    custom = compilation.overlay is not None and compilation.overlay.custom
    missing = re.search(r"no matches for Id (\w+)\.[^/\s]*/([^.\s]+)", error)
    message = f"a patch changes {missing[1]} {missing[2]}, which is not there" if missing else error
    hint = (
        "look for it in custom/, which is yours"
        if custom
        else "kubectl could not build the base: is it as it was released?"
    )
    return Diagnostic(Place(f"{overlay}/custom/{KUSTOMIZATION}" if custom else overlay), "build-failed", message, hint)


@dataclass(frozen=True)
class Locator:
    """Finds the line that a fault of a built object comes from: of the environment, or of a file of the base."""

    workspace: Workspace
    name: str
    overlay: Overlay
    manifests: tuple[Manifest, ...]

    def diagnose(self, fault: Fault) -> Diagnostic:
        """A fault with its place, and with its object in the message."""
        message = f"{fault.ref}: {fault.message}"
        place, line = self._place(fault)
        return Diagnostic(place, fault.code, message, fault.hint, fault.severity, line)

    def _place(self, fault: Fault) -> tuple[Place, str]:
        """The place, and the text of its line where it has one."""
        because = fault.because if fault.because is not None else self._cause(fault)
        if because is not None:
            path, content = self.workspace.environment(self.name)
            source, _ = read(path, content)
            if source is not None:
                return _shown(source, because)
        own = f"overlays/{self.name}/custom"
        manifest = next((each for each in self.manifests if each.ref == fault.ref), None)
        if manifest is None or (self.overlay.custom and not manifest.origin.startswith(own)):
            # The base keeps the rules by itself, so what breaks one was patched into it.
            return Place(f"{own}/{KUSTOMIZATION}" if self.overlay.custom else f"overlays/{self.name}"), ""
        source = _source(self.workspace.root, manifest.origin)
        return _shown(source, indexed(manifest.data, fault.route)) if source else (Place(manifest.origin), "")

    def _cause(self, fault: Fault) -> Route | None:
        """The route of the environment that set the value at a fault, if one did."""
        for change in (*self.overlay.changes, *self.overlay.own):
            built = target(self.overlay, self.manifests, change.target)
            if built is not None and built.ref == fault.ref and fault.route[: len(change.route)] == change.route:
                return change.because
        return None


def _shown(source: Source, route: Route) -> tuple[Place, str]:
    place = source.locate(route)
    return place, source.line(place.line)


@cache
def _source(root: Path, origin: str) -> Source | None:
    path = root / origin
    return read(origin, path.read_bytes())[0] if origin and ".." not in path.parts and path.is_file() else None
