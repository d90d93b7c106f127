"""restore: a backup is brought back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from compiler.cli.confirm import confirmed
from compiler.cli.options import Context, Kubeconfig, Name, Results, Root
from compiler.cli.results import Telling
from compiler.cli.target import proved, stamp

if TYPE_CHECKING:
    from typing import Annotated

    import typer

EXAMPLE = "mlflow-overlays restore prod --context prod-cluster --list"


def run(
    name: Name,
    *,
    context: Context = "",
    kubeconfig: Kubeconfig = None,
    backup: Annotated[str, typer.Option("--backup", metavar="NAME", help="The backup, like 20260131T010000Z.")] = "",
    from_: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="DIR", help="A copy that backup --to has made, with artifacts.", file_okay=False
        ),
    ] = None,
    list_: Annotated[
        bool, typer.Option("--list", help="Name the backups that are there, and do nothing else.")
    ] = False,
    overwrite: Annotated[
        list[str] | None,
        typer.Option("--overwrite", metavar="DATABASE", help="A database that loses the tables that it has."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    timeout: Annotated[float, typer.Option("--timeout", metavar="SECONDS", help="How long to wait for pods.")] = 900,
    root: Root = None,
    output: Results = "",
) -> None:
    """Bring a backup of the databases back: the server is stopped, the dumps are loaded, and the server is started again.

    A database that has tables is left alone, and nothing is loaded, unless --overwrite names it.
    """
    from compiler.archive import Copy, Damaged
    from compiler.errors import Usage
    from compiler.operate.restore import Options, brought, listed, restore
    from compiler.operate.verdict import any_failed

    telling = Telling(output)
    if sum(map(bool, (backup, from_, list_))) != 1:
        raise Usage("say --backup NAME, --from DIR, or --list to see which there are")
    copy = Copy(from_) if from_ else None
    try:
        backup = str(copy.noted()["backup"]) if copy else backup
    except Damaged as problem:
        raise Usage(str(problem)) from None
    target = proved(name, root, context, kubeconfig, output)
    if list_:
        telling.show(listed(target, stamp(), telling.progress))
    else:
        confirmed(name, f"stop its server and load {backup}", asked=yes)
        options = Options(backup, tuple(overwrite or ()), stamp(), timeout)
        if copy:
            telling.show(brought(target, copy, telling.progress))
        if not any_failed(telling.results):
            telling.show(restore(target, options, telling.progress))
    telling.finish("restore", environment=name, context=target.cluster.context, namespace=target.namespace)
