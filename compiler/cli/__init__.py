"""The command line: the only package that prints. A command is a module with `run`, whose docstring is its help, and `EXAMPLE`.

Exit codes: 0 clean, 1 findings, 2 usage, 3 a tool or file is missing, 70 a bug.
"""

from __future__ import annotations

import sys
import traceback

import typer

from compiler import errors
from compiler.cli import check, compile, explain, kinds, lint, new, schema, secrets  # noqa: A004 - the command's name

COMMANDS = {
    "compile": compile,
    "check": check,
    "lint": lint,
    "secrets": secrets,
    "explain": explain,
    "new": new,
    "schema": schema,
    "kinds": kinds,
}
"""Every command, in the order of `--help`."""

app = typer.Typer(
    name="mlflow-overlays",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Compiles a small environment.yaml into a Kustomize overlay for MLflow, and proves it.",
    epilog="Example: mlflow-overlays compile prod && kubectl apply -k overlays/prod",
)
for _name, _command in COMMANDS.items():
    app.command(_name, epilog=f"Example: {_command.EXAMPLE}")(_command.run)


def main() -> None:
    """Runs the command line, and turns what stops it into an exit code."""
    try:
        app(standalone_mode=True)
    except errors.Fatal as error:
        typer.echo(f"mlflow-overlays: {error}", err=True)
        sys.exit(error.exit_code)
    except Exception:  # noqa: BLE001 - the last resort
        typer.echo(traceback.format_exc(), err=True, nl=False)
        typer.echo(
            "mlflow-overlays: this is a bug in the compiler, not in your files; please report the lines above", err=True
        )
        sys.exit(errors.BUG)
