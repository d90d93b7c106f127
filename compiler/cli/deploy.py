"""deploy: an environment is brought into a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.cli.options import Context, Kubeconfig, Name, Results, Root
from compiler.cli.results import Telling
from compiler.cli.target import millis, proved, stamp

if TYPE_CHECKING:
    from typing import Annotated

    import typer

EXAMPLE = "mlflow-overlays deploy prod --context prod-cluster"


def run(
    name: Name,
    *,
    context: Context = "",
    kubeconfig: Kubeconfig = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Stop before anything is changed.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Log a run through a forwarded port at the end.")
    ] = True,
    timeout: Annotated[float, typer.Option("--timeout", metavar="SECONDS", help="How long to wait for it.")] = 900,
    patience: Annotated[
        float, typer.Option("--patience", metavar="SECONDS", help="How long a pod may be in trouble.")
    ] = 60,
    new_secret: Annotated[
        list[str] | None,
        typer.Option("--new-secret", metavar="NAME", help="A generated Secret whose values may replace other ones."),
    ] = None,
    root: Root = None,
    output: Results = "",
) -> None:
    """Prove an overlay, apply it, wait until it runs, and try it out.

    Secrets are looked at before anything is applied. It stops at the first thing that fails, with the pods' own words.
    """
    from compiler.operate.deploy import Options, deploy

    telling = Telling(output)
    target = proved(name, root, context, kubeconfig, output)
    telling.progress(f"deploying {name} to the namespace {target.namespace} of {target.cluster.context}")
    options = Options(timeout, patience, dry_run, verify, tuple(new_secret or ()), stamp(), millis())
    telling.show(deploy(target, options, telling.progress))
    telling.finish("deploy", environment=name, context=target.cluster.context, namespace=target.namespace)
