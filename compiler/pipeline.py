"""The compiler as one function: from the text of an environment to its overlay, proved, or to what is wrong with it.

    read -> violations -> environment -> check -> plan -> emit -> build -> conform, rules

All problems of a stage are reported together; the next stage runs only when there is no error.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from compiler.build import build
from compiler.conform import conform
from compiler.diagnostic import Diagnostic, Finding, Place, has_errors
from compiler.emit import Tree, emit
from compiler.environment import Environment, environment
from compiler.fix import Fixed, fix
from compiler.kustomization import Files
from compiler.locate import Locator
from compiler.manifest import Manifest
from compiler.origin import Search
from compiler.overlay import Overlay
from compiler.plan import check, credentials, plan
from compiler.rules import RULES, faults
from compiler.rules.changes import makers
from compiler.rules.immutable import refused
from compiler.rules.jobs import job_names
from compiler.rules.left import left_behind
from compiler.rules.scaling import reset
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


def mend(name: str, path: str, content: bytes, *, custom: bool = False) -> Fixed:
    """The text of an environment with everything put right that has one right answer. Writes nothing."""
    return fix(content, lambda text: understand(name, path, text, custom=custom).diagnostics)


def prove(workspace: Workspace, compilation: Compilation, versions: tuple[str, ...]) -> Compilation:
    """The second half: builds the overlay with kubectl and holds the build against schemas and rules."""
    if compilation.overlay is None:
        return compilation
    name, overlay = compilation.name, compilation.overlay
    first = build(workspace.root, name, emit(name, overlay), overlay.generated_secrets())
    if first.error:
        return _failed(compilation, [*compilation.diagnostics, _locator(workspace, compilation).unbuilt(first.error)])
    # A Job is named for what it is in the build, so its name is known only after one.
    jobs = {ref: new for ref, new in job_names(first.manifests).items() if _from_base(first.manifests, ref)}
    overlay = replace(overlay, names=overlay.names | jobs, makers=makers(first.manifests))
    # Which objects a waiver is about is known only after a build, too; rules read what fits its schema alone.
    if overlay.waivers and not conform(first.manifests, versions[0]):
        overlay = annotated(overlay, first.manifests, faults(overlay, first.manifests, first.made_up))
    tree = emit(name, overlay)
    built = build(workspace.root, name, tree, overlay.generated_secrets())
    compilation = replace(compilation, overlay=overlay, manifests=built.manifests)
    locator = _locator(workspace, compilation)
    if built.error:
        return _failed(compilation, [*compilation.diagnostics, locator.unbuilt(built.error)])
    found = [fault for version in versions for fault in conform(built.manifests, version)]
    unused: list[Finding] = []
    if not found:
        broken = faults(overlay, built.manifests, built.made_up)
        unused = idle(overlay, built.manifests, broken)
        found += unwaived(overlay, built.manifests, broken)
        before = _before(workspace, name, tree, overlay)
        found += refused(before, built.manifests) + left_behind(before, built.manifests)
        found += reset(before, built.manifests)
    told = [compilation.source.diagnose(each) for each in unused] if compilation.source else []
    diagnostics = [*compilation.diagnostics, *told, *sorted({locator.diagnose(fault) for fault in found})]
    if has_errors(diagnostics):
        return _failed(compilation, diagnostics)
    sentences = (f"every object fits the schema of Kubernetes {', '.join(versions)}", *RULES)
    return replace(compilation, diagnostics=diagnostics, tree=tree, proved=sentences)


def _before(workspace: Workspace, name: str, tree: Tree, overlay: Overlay) -> tuple[Manifest, ...]:
    """The build of the overlay that is on disk, where it is another one and still builds."""
    committed = workspace.committed(name)
    if not committed or committed == tree:
        return ()
    return build(workspace.root, name, committed, overlay.secrets).manifests


def _from_base(manifests: tuple[Manifest, ...], ref: object) -> bool:
    return any(manifest.ref == ref and manifest.origin.startswith("base/") for manifest in manifests)


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


def search(workspace: Workspace, compilation: Compilation) -> Search:
    """The search for where values of a build come from. In: a compilation that has an overlay."""
    if compilation.source is None or compilation.overlay is None:
        raise ValueError(compilation.name)
    files = Files(workspace.root)
    return Search(files, compilation.name, compilation.source, compilation.overlay, compilation.manifests)


def _locator(workspace: Workspace, compilation: Compilation) -> Locator:
    return Locator(search(workspace, compilation))
