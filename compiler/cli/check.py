"""check: environments are compiled and proved, and nothing is written."""

from __future__ import annotations

from typing import Any

from compiler.cli.options import AsOf, Changed, Fix, Names, Output, Root, Versions, day, project, selected, versions
from compiler.cli.output import choose, finish, show, show_fixed
from compiler.diagnostic import Diagnostic
from compiler.pipeline import compile_environment, mend

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
    for name in chosen:
        if fix:
            path, content = workspace.environment(name)
            done = mend(name, path, content, custom=workspace.has_custom(name))
            if done.content != content:
                workspace.rewrite(name, done.content)
            fixed += show_fixed(done.diagnostics, format_)
        compilation = compile_environment(workspace, name, minors, today)
        found += show(compilation.diagnostics, format_)
        results.append({"name": name, "proved": list(compilation.proved)})
    finish(found, format_, fixed, environments=results)
