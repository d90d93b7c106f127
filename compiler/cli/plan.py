"""plan: what follows when an environment is applied, in words, before it is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from compiler import errors
from compiler.cli import complete
from compiler.cli.context import chosen
from compiler.cli.options import AsOf, Context, Kubeconfig, Output, Root, day, environments, project
from compiler.cli.output import choose, finish, paint, say, show

if TYPE_CHECKING:
    from compiler.compare import Comparison
    from compiler.diagnostic import Diagnostic
    from compiler.understand import Compilation
    from compiler.workspace import Workspace

EXAMPLE = "mlflow-overlays plan prod --from eks-irsa --accept stranded"
HEAD = "HEAD"
TOLD = ("immutable-field", "left-behind", "replicas-reset")
"""What the compiler says of the overlay on disk, and a plan says better."""


def run(
    name: Annotated[str, typer.Argument(metavar="ENV", help="The environment.", autocompletion=complete.environments)],
    *,
    since: Annotated[
        str,
        typer.Option(
            "--since", metavar="COMMIT", help="Compare with this commit, and the base of it; HEAD without it."
        ),
    ] = "",
    from_: Annotated[
        str,
        typer.Option(
            "--from", metavar="ENV", help="Compare with another environment.", autocompletion=complete.environments
        ),
    ] = "",
    live: Annotated[
        bool, typer.Option("--live", help="Compare with what is in a cluster, and ask its API server.")
    ] = False,
    context: Context = "",
    kubeconfig: Kubeconfig = None,
    accept: Annotated[
        list[str] | None,
        typer.Option("--accept", metavar="OUTCOME", help="One that you know of: refused, broken, lost or stranded."),
    ] = None,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit 1 if anything changes at all.")] = False,
    root: Root = None,
    output: Output = "",
    as_of: AsOf = "",
) -> None:
    """Say what follows when an environment is applied: what is refused, lost, migrated, restarted, left or changed.

    Exits 1 where something is refused, does not start, is lost or is stranded, unless that is accepted. Writes nothing, and
    changes nothing in a cluster. No value of a Secret is shown.

    Against the last commit: mlflow-overlays plan prod. Against a cluster: mlflow-overlays plan prod --live --context prod.
    """
    from compiler.pipeline import compile_environment

    format_, workspace = choose(output, ("text", "json")), project(root)
    accepted = _accepted(accept or [])
    if sum(map(bool, (since, from_, live))) > 1:
        raise errors.Usage("--since, --from and --live exclude each other")
    if (context or kubeconfig) and not live:
        raise errors.Usage("--context and --kubeconfig belong to --live")
    [known] = environments(workspace, [name])
    if from_:
        [from_] = environments(workspace, [from_])
    compilation = compile_environment(workspace, known, today=day(as_of))
    found = show([each for each in compilation.diagnostics if each.code not in TOLD], format_)
    if compilation.overlay is None:
        finish(found, format_)
        return
    if live:
        from compiler.live import with_cluster

        comparison = with_cluster(workspace, compilation, chosen(context, kubeconfig))
    else:
        comparison = _compared(workspace, compilation, since, from_)
    if comparison.failed:
        finish(show(list(comparison.diagnostics), format_), format_)
        return
    unwritten = compilation.tree is not None and bool(workspace.stale(known, compilation.tree))
    _end(comparison, found, format_, accepted, exit_code=exit_code, unwritten=unwritten)


def _compared(workspace: Workspace, compilation: Compilation, since: str, other: str) -> Comparison:
    from compiler.compare import with_commit, with_environment

    if other:
        return with_environment(workspace, compilation, other)
    return with_commit(workspace, compilation, since or HEAD)


def _accepted(words: list[str]) -> list[str]:
    from compiler.change import BAD

    for word in words:
        if word not in list(BAD):
            raise errors.Usage(f"'{word}' is nothing to accept; there are {', '.join(BAD)}")
    return words


def _end(
    comparison: Comparison,
    found: list[Diagnostic],
    format_: str,
    accepted: list[str],
    *,
    exit_code: bool,
    unwritten: bool,
) -> None:
    """Prints a comparison, and exits with what it says."""
    from compiler.change import BAD
    from compiler.tell import entries, text

    bad = tuple(outcome for outcome in BAD if outcome not in accepted)
    if format_ == "json":
        finish(found, format_, plan=entries(comparison))
    else:
        say(text(comparison, bad, paint()), end="")
        if unwritten:
            say(f"\nthe overlay on disk is not this one yet: make overlay ENV={comparison.name}")
    if any(each.consequence.outcome in bad for each in comparison.told) or (exit_code and comparison.told):
        sys.stdout.flush()
        sys.exit(errors.FINDINGS)
