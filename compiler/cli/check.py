"""check: environments are compiled and proved, and nothing is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compiler.batch import outcomes
from compiler.cli import going_on
from compiler.cli.options import AsOf, Changed, Fix, Names, Output, Root, Versions, day, project, selected, versions
from compiler.cli.output import choose, finish, show, show_fixed

if TYPE_CHECKING:
    from compiler.diagnostic import Diagnostic
    from compiler.workspace import Workspace

EXAMPLE = "mlflow-overlays check prod --kubernetes-version 1.31 --kubernetes-version 1.37"


def run(
    names: Names = None,
    *,
    changed: Changed = False,
    kubernetes_version: Versions = None,
    fix: Fix = False,
    root: Root = None,
    output: Output = "",
    as_of: AsOf = "",
) -> None:
    """Compile and prove environments, and write nothing but what --fix puts right."""
    format_, workspace = choose(output), project(root)
    chosen = selected(workspace, names, changed=changed)
    minors, today = versions(kubernetes_version), day(as_of)
    results: list[dict[str, Any]] = []
    found: list[Diagnostic] = []
    fixed: list[Diagnostic] = []
    if fix:
        for name in chosen:
            with going_on():
                fixed += show_fixed(_mend(workspace, name), format_)
    for outcome in outcomes(workspace, chosen, minors, today):
        with going_on():
            compilation = outcome()
            found += show(compilation.diagnostics, format_)
            results.append({"name": compilation.name, "proved": list(compilation.proved)})
    finish(found, format_, fixed, environments=results)


def _mend(workspace: Workspace, name: str) -> tuple[Diagnostic, ...]:
    """Puts right the file of an environment; returns what was wrong there."""
    from compiler.understand import mend

    path, content = workspace.environment(name)
    done = mend(name, path, content, custom=workspace.has_custom(name), others=lambda: workspace.others(name))
    if done.content != content:
        workspace.rewrite(name, done.content)
    return done.diagnostics
