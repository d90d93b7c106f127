"""kinds: the kinds of overlay are listed."""

from __future__ import annotations

from compiler.cli.output import say

EXAMPLE = "mlflow-overlays kinds"


def run() -> None:
    """List the kinds of overlay."""
    from compiler.schema import environment_schema

    key = environment_schema()["properties"]["overlay"]
    for name, summary in zip(key["enum"], key["enumDescriptions"], strict=True):
        say(f"{name:16} {summary}")
