"""schema: the JSON Schema of environments is printed."""

from __future__ import annotations

import json

import typer

EXAMPLE = "mlflow-overlays schema > schema/environment.schema.json"


def run() -> None:
    """Print the JSON Schema of environment.yaml."""
    from compiler.editor import published

    typer.echo(json.dumps(published(), indent=2))
