"""The commands with their options, as typer reads them: for all lines but the plainest."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from io import StringIO
from types import ModuleType
from typing import Annotated, Any, get_type_hints

import typer
from typer._click.exceptions import ClickException
from typer.core import TyperGroup

from compiler.cli import COMMANDS, complete, module, options
from compiler.cli.output import complain


class _Commands(TyperGroup):
    """The commands; a line that cannot be understood is repeated as everything else is printed."""

    def main(self, *args: Any, **more: Any) -> Any:
        """Run the line, and exit with the code of an error in it."""
        try:
            code = super().main(*args, **{**more, "standalone_mode": False})
        except ClickException as error:
            words = StringIO()
            error.show(words)
            complain(words.getvalue(), end="")
            sys.exit(error.exit_code)
        if isinstance(code, int):
            sys.exit(code)


app = typer.Typer(
    cls=_Commands,
    name="mlflow-overlays",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Compiles a small environment.yaml into a Kustomize overlay for MLflow, and proves it.",
    epilog="Example: mlflow-overlays compile prod && kubectl apply -k overlays/prod",
)


def _declared(command: ModuleType) -> Callable[..., None]:
    """The function of a command, with its annotations evaluated: they name what is imported for type checkers alone."""
    run: Callable[..., None] = command.run
    known = {**vars(options), "Annotated": Annotated, "typer": typer, "complete": complete, **vars(command)}
    run.__annotations__ = get_type_hints(run, known, include_extras=True)
    return run


for _name in COMMANDS:
    _module = import_module(f"compiler.cli.{module(_name)}")
    app.command(_name, epilog=f"Example: {_module.EXAMPLE}")(_declared(_module))
