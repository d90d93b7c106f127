"""restore: a backup is brought back."""

from __future__ import annotations

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
    from compiler.errors import Usage
    from compiler.operate.restore import Options, listed, restore

    telling = Telling(output)
    if bool(backup) == list_:
        raise Usage("say --backup NAME, or --list to see which there are")
    target = proved(name, root, context, kubeconfig, output)
    if list_:
        telling.show(listed(target, stamp(), telling.progress))
    else:
        confirmed(name, f"stop its server and load {backup}", asked=yes)
        options = Options(backup, tuple(overwrite or ()), stamp(), timeout)
        telling.show(restore(target, options, telling.progress))
    telling.finish("restore", environment=name, context=target.cluster.context, namespace=target.namespace)
