"""cleanup: an environment is taken out of a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.cli.confirm import confirmed
from compiler.cli.options import Context, Kubeconfig, Name, Results, Root
from compiler.cli.output import say
from compiler.cli.results import Telling
from compiler.cli.target import understood

if TYPE_CHECKING:
    from typing import Annotated

    import typer

    from compiler.operate.cleanup import Survey

EXAMPLE = "mlflow-overlays cleanup staging --context test-cluster --delete-volume data-postgres-0"


def run(
    name: Name,
    *,
    context: Context = "",
    kubeconfig: Kubeconfig = None,
    delete_volume: Annotated[
        list[str] | None,
        typer.Option("--delete-volume", metavar="NAME", help="A PersistentVolumeClaim that goes too, with its data."),
    ] = None,
    delete_secret: Annotated[
        list[str] | None, typer.Option("--delete-secret", metavar="NAME", help="A Secret that goes too.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would go.")] = False,
    timeout: Annotated[float, typer.Option("--timeout", metavar="SECONDS", help="How long to wait for pods.")] = 120,
    root: Root = None,
    output: Results = "",
) -> None:
    """Take an environment out of a cluster, after showing what goes.

    Volumes and Secrets stay unless they are named; so does the namespace. Buckets and what is in them always stay.
    """
    from compiler.operate.cleanup import cleanup, survey

    telling = Telling(output)
    target = understood(name, root, context, kubeconfig, output)
    found = survey(target, delete_volume or (), delete_secret or ())
    if not telling.json:
        for line in found.lines():
            say(line)
    if not dry_run:
        confirmed(name, "delete what goes", asked=yes)
        telling.show(cleanup(target, found, telling.progress, timeout))
    more = {"context": target.cluster.context, "namespace": target.namespace, "survey": _as_json(found)}
    telling.finish("cleanup", environment=name, **more)


def _as_json(found: Survey) -> dict[str, list[str]]:
    from compiler.operate.cleanup import label

    going = [label(each) for each in (*found.goes, *found.named)]
    fates = {"goes": going, "stays": [*map(label, found.stays)]}
    fate, artifacts = found.artifacts
    fates[fate].append(artifacts)
    return fates
