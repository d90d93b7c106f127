"""The first half of the compiler, which needs no file and no program: from the text of an environment to what it asks for.

    read -> violations -> environment -> check -> plan

All problems of a stage are reported together; the next stage runs only when there is no error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from compiler.diagnostic import Diagnostic, has_errors
from compiler.environment import Environment, environment
from compiler.kinds import KINDS
from compiler.kubeflow.installation import Installation
from compiler.overlay import Overlay
from compiler.plan import credentials
from compiler.schema import as_written, violations
from compiler.source import Source, read
from compiler.system import SYSTEMS, foreign

if TYPE_CHECKING:
    from compiler.fix import Fixed
    from compiler.manifest import Manifest
    from compiler.tree import Tree

Others = Callable[[], Mapping[str, bytes]]
"""Reads the files of the other environments of a project, by name."""


@dataclass(frozen=True)
class Compilation:
    """What came of an environment. `tree` is None when there is an error."""

    name: str
    diagnostics: list[Diagnostic]
    source: Source | None = None
    environment: Environment | Installation | None = None
    overlay: Overlay | None = None
    tree: Tree | None = None
    manifests: tuple[Manifest, ...] = ()
    proved: tuple[str, ...] = ()
    """What was proved of the build, in sentences."""


def understand(
    name: str, path: str, content: bytes, *, custom: bool = False, today: str = "", others: Others | None = None
) -> Compilation:
    """The overlay that the text of an environment asks for.

    `custom` says whether a component of its own is beside it. `today` is the day as YYYY-MM-DD that waivers are held against;
    without it none has expired. `others` reads the files of the other environments of the project, for a system that is held
    against them; without it nothing is said of them.
    """
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
    kind = KINDS[source.data["overlay"]]
    system = SYSTEMS[kind.system]
    known = system.read(name, source.data, custom)
    if isinstance(known, Installation) and others:
        known = replace(known, others=dict(_servers(others())))
    findings = [*foreign(kind, source.data), *system.check(known, today)]
    diagnostics = sorted({source.diagnose(finding) for finding in findings})
    if has_errors(diagnostics):
        return Compilation(name, diagnostics)
    return Compilation(name, diagnostics, source, known, system.plan(known))


def _servers(files: Mapping[str, bytes]) -> Iterator[tuple[str, Environment]]:
    """The environments of MLflow among files, by name; one that has an error of its own is none."""
    for name, content in files.items():
        source, _ = read(name, content)
        if source is None:
            continue
        source = as_written(source)
        if not has_errors(violations(source)) and KINDS[source.data["overlay"]].system == "mlflow":
            yield name, environment(name, source.data)


def mend(name: str, path: str, content: bytes, *, custom: bool = False, others: Others | None = None) -> Fixed:
    """The text of an environment with everything put right that has one right answer. Writes nothing."""
    from compiler.fix import fix

    return fix(content, lambda text: understand(name, path, text, custom=custom, others=others).diagnostics)
