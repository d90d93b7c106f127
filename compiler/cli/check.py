"""check: environments are compiled and proved, and nothing is written."""

from __future__ import annotations

from typing import Any

from compiler.cli.options import AsOf, Changed, Names, Output, Root, Versions, day, project, selected, versions
from compiler.cli.output import choose, finish, show
from compiler.diagnostic import Diagnostic
from compiler.pipeline import compile_environment

EXAMPLE = "mlflow-overlays check prod --kubernetes-version 1.31 --kubernetes-version 1.37"


def run(
    names: Names = None,
    *,
    changed: Changed = False,
    kubernetes_version: Versions = None,
    root: Root = None,
    output: Output = "",
    as_of: AsOf = "",
) -> None:
    """Compile and prove environments, and write nothing."""
    format_, workspace = choose(output), project(root)
    chosen = selected(workspace, names, changed=changed)
    minors, today = versions(kubernetes_version), day(as_of)
    results: list[dict[str, Any]] = []
    found: list[Diagnostic] = []
    for name in chosen:
        compilation = compile_environment(workspace, name, minors, today)
        found += show(compilation.diagnostics, format_)
        results.append({"name": name, "proved": list(compilation.proved)})
    finish(found, format_, environments=results)
