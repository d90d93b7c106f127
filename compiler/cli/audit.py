"""audit: the production checklist, held against what an environment builds."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from compiler import errors
from compiler.cli import complete
from compiler.cli.options import AsOf, Output, Root, day, environments, project
from compiler.cli.output import choose, finish, paint, say, show
from compiler.cli.target import server

if TYPE_CHECKING:
    from compiler.understand import Compilation

EXAMPLE = "mlflow-overlays audit prod"


def run(
    name: Annotated[str, typer.Argument(metavar="ENV", help="The environment.", autocompletion=complete.environments)],
    root: Root = None,
    output: Output = "",
    as_of: AsOf = "",
) -> None:
    """Hold an environment against the production checklist: each check passes, fails, is waived, or is yours to look at.

    Exits 1 where one fails. What a build cannot show is left to you, with the command that shows it. Needs no cluster.
    """
    from compiler.pipeline import compile_environment

    format_, workspace = choose(output, ("text", "json")), project(root)
    [known] = environments(workspace, [name])
    compilation = compile_environment(workspace, known, today=day(as_of))
    found = show(compilation.diagnostics, format_)
    if compilation.overlay is None:
        finish(found, format_)
        return
    server(compilation)
    _end(compilation, format_)


def _end(compilation: Compilation, format_: str) -> None:
    """Prints what came of the checks, and exits with what it says."""
    from compiler.audit import State, audit
    from compiler.tell import audit_entries, audit_text

    if compilation.overlay is None or compilation.source is None:
        raise ValueError(compilation.name)
    results = audit(compilation.overlay, compilation.manifests)
    if format_ == "json":
        finish(compilation.diagnostics, format_, audit=audit_entries(compilation.name, results, compilation.source))
    else:
        say(audit_text(compilation.name, results, compilation.source, paint()), end="")
    if any(result.verdict.state is State.FAILED for result in results):
        sys.stdout.flush()
        sys.exit(errors.FINDINGS)
