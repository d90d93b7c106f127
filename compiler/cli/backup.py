"""backup: the databases of an environment are dumped and stored now."""

from __future__ import annotations

from compiler.cli.options import Context, Kubeconfig, Name, Results, Root
from compiler.cli.results import Telling
from compiler.cli.target import stamp, understood

EXAMPLE = "mlflow-overlays backup prod --context prod-cluster"


def run(
    name: Name,
    *,
    context: Context = "",
    kubeconfig: Kubeconfig = None,
    root: Root = None,
    output: Results = "",
) -> None:
    """Make a backup of the databases now, in place of waiting for the schedule, and show its files with their checksums.

    It needs maintenance.backup in the environment. Artifacts are in their bucket already.
    """
    from compiler.operate.backup import backup

    telling = Telling(output)
    target = understood(name, root, context, kubeconfig, output)
    telling.show(backup(target, stamp(), telling.progress))
    telling.finish("backup", environment=name, context=target.cluster.context, namespace=target.namespace)
