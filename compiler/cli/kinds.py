"""kinds: the kinds of overlay are listed."""

from __future__ import annotations

import typer

EXAMPLE = "mlflow-overlays kinds"


def run() -> None:
    """List the kinds of overlay."""
    from compiler.schema import environment_schema

    key = environment_schema()["properties"]["overlay"]
    for name, summary in zip(key["enum"], key["enumDescriptions"], strict=True):
        typer.echo(f"{name:16} {summary}")
