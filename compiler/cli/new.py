"""new: the smallest environment of a kind is written."""

from __future__ import annotations

from typing import Annotated

import typer

from compiler.cli import complete
from compiler.cli.options import Root, project
from compiler.cli.output import say

EXAMPLE = "mlflow-overlays new staging --overlay eks-irsa"


def run(
    name: Annotated[str, typer.Argument(metavar="ENV", help="The environment: lower-case letters, digits and dashes.")],
    overlay: Annotated[
        str,
        typer.Option(
            "--overlay", help="The kind of overlay; see `mlflow-overlays kinds`.", autocompletion=complete.kinds
        ),
    ],
    root: Root = None,
) -> None:
    """Write a new environment.yaml: the smallest that the kind allows, with comments."""
    from compiler.scaffold import scaffold

    path = project(root).create(name, scaffold(overlay))
    say(f"wrote {path}; change what it says, then: make overlay ENV={name}")
