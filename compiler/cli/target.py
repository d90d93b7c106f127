"""The environment and the cluster that a command works on."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from compiler.cli.context import chosen
from compiler.cli.options import day, project
from compiler.cli.output import finish, show
from compiler.errors import Fatal, Usage

if TYPE_CHECKING:
    from compiler.diagnostic import Diagnostic
    from compiler.environment import Environment
    from compiler.operate.target import Target
    from compiler.understand import Compilation


def proved(name: str, root: Path | None, context: str, kubeconfig: Path | None, output: str) -> Target:
    """An environment whose overlay is proved, and on disk as it should be, and the cluster. Ends the run where it is not."""
    from compiler.batch import compile_each
    from compiler.operate.target import Target
    from compiler.pipeline import stale

    workspace = project(root)
    workspace.environment(name)
    cluster = chosen(context, kubeconfig)
    compilation = next(compile_each(workspace, [name], today=day("")))
    found = list(compilation.diagnostics)
    if compilation.tree is not None:
        found += stale(workspace, compilation)
    _stop(found, output)
    if compilation.overlay is None:
        raise Fatal(name)
    return Target(workspace, server(compilation), compilation.overlay, cluster, compilation.manifests)


def understood(name: str, root: Path | None, context: str, kubeconfig: Path | None, output: str) -> Target:
    """An environment that is understood, the overlay on disk as it builds, if it does, and the cluster."""
    from compiler.build import build
    from compiler.operate.target import Target
    from compiler.understand import understand

    workspace = project(root)
    path, content = workspace.environment(name)
    cluster = chosen(context, kubeconfig)
    compilation: Compilation = understand(name, path, content, custom=workspace.has_custom(name))
    _stop(compilation.diagnostics, output)
    if compilation.overlay is None:
        raise Fatal(name)
    environment = server(compilation)
    built = build(workspace.root, name, workspace.committed(name), compilation.overlay.generated_secrets())
    return Target(workspace, environment, compilation.overlay, cluster, built.manifests)


def server(compilation: Compilation) -> Environment:
    """The environment of an MLflow server. Raises `Usage` for one of another system."""
    from compiler.environment import Environment

    if isinstance(compilation.environment, Environment):
        return compilation.environment
    raise Usage(f"'{compilation.name}' installs Kubeflow Pipelines, and this command is for an MLflow server")


def _stop(found: list[Diagnostic], output: str) -> None:
    """Ends the run with diagnostics, as `check` does, where one is an error. What only warns is not of interest here."""
    from compiler.diagnostic import has_errors

    if has_errors(found):
        format_ = "json" if output == "json" else "text"
        finish(show(found, format_), format_)


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def stamp() -> str:
    """The time as a part of names, like 20260131t010000."""
    return now().strftime("%Y%m%dt%H%M%S")


def millis() -> int:
    """The time as MLflow has it."""
    return int(now().timestamp() * 1000)
