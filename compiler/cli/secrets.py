"""secrets: the files of generated Secrets are created."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compiler.cli.options import Names, Output, Root, environments, project
from compiler.cli.output import choose, complain, finish, say, show
from compiler.diagnostic import Diagnostic, has_errors
from compiler.understand import understand

if TYPE_CHECKING:
    from typing import Annotated

    import typer

    from compiler.cluster import Cluster

EXAMPLE = "mlflow-overlays secrets minio-postgres"


def run(
    names: Names = None,
    *,
    context: Annotated[
        str,
        typer.Option("--context", metavar="NAME", help="Take the values from this cluster, where it has the Secrets."),
    ] = "",
    kubeconfig: Annotated[
        Path | None,
        typer.Option("--kubeconfig", help="The kubeconfig, in place of KUBECONFIG and ~/.kube/config.", dir_okay=False),
    ] = None,
    root: Root = None,
    output: Output = "",
) -> None:
    """Create the files of generated Secrets that are not there yet. Existing ones are never changed.

    With --context, an environment that runs in a cluster keeps its passwords: no value is printed.
    """
    format_, workspace = choose(output), project(root)
    chosen = environments(workspace, names)
    cluster = None
    if context or kubeconfig:
        from compiler.cli.context import chosen as cluster_of

        cluster = cluster_of(context, kubeconfig)
    results: list[dict[str, Any]] = []
    found: list[Diagnostic] = []
    for name in chosen:
        path, content = workspace.environment(name)
        compilation = understand(name, path, content)
        found += show([each for each in compilation.diagnostics if has_errors([each])], format_)
        overlay = compilation.overlay
        wanted = overlay.generated_secrets() if overlay else ()
        missing = [each.name for each in wanted if workspace.secret_values(name, each) is None]
        live = _live(cluster, overlay.place, missing) if cluster and overlay else {}
        created = workspace.create_secrets(name, wanted, live)
        results.append({"name": name, "secrets": created})
        for file in created if format_ == "text" else ():
            taken = Path(file).stem in live
            say(f"created {file}" + (" with the values of the cluster" if taken else ""))
        if cluster is None:
            committed, partly = bool(workspace.committed(name)), len(created) < len(wanted)
            warn(name, created, committed=committed, partly=partly, format_=format_)
    finish(found, format_, environments=results)


def warn(name: str, created: list[str], *, committed: bool, partly: bool, format_: str) -> None:
    """Say what to do about values that were generated for an environment which may run somewhere already."""
    if not created or not committed:
        return
    files = " ".join(created) if partly else str(Path(created[0]).parent)
    told = say if format_ == "text" else complain
    told(
        f"  if {name} already runs in a cluster, keep its passwords, for its volumes do: "
        f"rm -r {files}; mlflow-overlays secrets {name} --context CONTEXT"
    )


def _live(cluster: Cluster, namespace: str, names: list[str]) -> dict[str, dict[str, str]]:
    """The values of Secrets that a cluster has, by name; none of one that it does not have."""
    found = {name: cluster.get("secret", name, namespace) for name in names}
    return {
        name: {
            key: base64.b64decode(value).decode(errors="surrogateescape")
            for key, value in (each.get("data") or {}).items()
        }
        for name, each in found.items()
        if each
    }
