"""doctor: an environment is examined, from outside and from inside the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.cli.options import Context, Kubeconfig, Name, Results, Root
from compiler.cli.results import Telling
from compiler.cli.target import stamp, understood

if TYPE_CHECKING:
    from typing import Annotated

    import typer

EXAMPLE = "mlflow-overlays doctor prod --context prod-cluster"


def run(
    name: Name,
    *,
    context: Context = "",
    kubeconfig: Kubeconfig = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="CHECK", help="A check to make, in place of all.")
    ] = None,
    root: Root = None,
    output: Results = "",
) -> None:
    """Look for what is wrong with an environment in a cluster, and say what to do about it.

    It changes nothing, but for a file under the prefix of the bucket, which it writes, reads back and deletes.
    """
    from compiler.operate.doctor import chosen, examine
    from compiler.operate.patient import Patient

    telling, checks = Telling(output), chosen(only or ())
    target = understood(name, root, context, kubeconfig, output)
    telling.show(examine(Patient(target, stamp()), telling.progress, checks))
    telling.finish("doctor", environment=name, context=target.cluster.context, namespace=target.namespace)
