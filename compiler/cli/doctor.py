"""doctor: an environment is examined, from outside and from inside the cluster."""

from __future__ import annotations

from compiler.cli.options import Context, Kubeconfig, Name, Results, Root
from compiler.cli.results import Telling
from compiler.cli.target import stamp, understood

EXAMPLE = "mlflow-overlays doctor prod --context prod-cluster"


def run(
    name: Name,
    *,
    context: Context = "",
    kubeconfig: Kubeconfig = None,
    root: Root = None,
    output: Results = "",
) -> None:
    """Look for what is wrong with an environment in a cluster, and say what to do about it.

    It changes nothing, but for a file under the prefix of the bucket, which it writes, reads back and deletes.
    """
    from compiler.operate.doctor import examine
    from compiler.operate.patient import Patient

    telling = Telling(output)
    target = understood(name, root, context, kubeconfig, output)
    telling.show(examine(Patient(target, stamp()), telling.progress))
    telling.finish("doctor", environment=name, context=target.cluster.context, namespace=target.namespace)
