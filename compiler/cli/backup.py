"""backup: the databases of an environment are dumped and stored now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from compiler.cli.options import Context, Kubeconfig, Name, Results, Root
from compiler.cli.results import Telling
from compiler.cli.target import stamp, understood

if TYPE_CHECKING:
    from typing import Annotated

    import typer

EXAMPLE = "mlflow-overlays backup prod --context prod-cluster"


def run(
    name: Name,
    *,
    context: Context = "",
    kubeconfig: Kubeconfig = None,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            metavar="DIR",
            help="A new directory for a copy of the backup and of all artifacts.",
            file_okay=False,
        ),
    ] = None,
    root: Root = None,
    output: Results = "",
) -> None:
    """Make a backup of the databases now, in place of waiting for the schedule, and show its files with their checksums.

    It needs maintenance.backup in the environment. Artifacts are in their bucket already; --to copies them too.
    """
    from compiler.archive import Copy
    from compiler.operate.backup import backup

    telling = Telling(output)
    target = understood(name, root, context, kubeconfig, output)
    copy = Copy(to).made() if to else None
    telling.show(backup(target, stamp(), telling.progress, copy))
    telling.finish("backup", environment=name, context=target.cluster.context, namespace=target.namespace)
