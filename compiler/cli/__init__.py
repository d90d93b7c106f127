"""The command line: the only package that prints. A command is a module with `run`, whose docstring is its help, and `EXAMPLE`.

Exit codes: 0 clean, 1 findings, 2 usage, 3 a tool or file is missing, 70 a bug.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from compiler import errors

COMMANDS = (
    *("compile", "check", "lint", "validate", "plan", "audit", "secrets", "explain", "new", "schema", "kinds"),
    *("deploy", "cleanup", "doctor", "test-connection", "backup", "restore"),
)
"""Every command, in the order of `--help`, each the name of a module of this package."""
INTERRUPTED = 130
"""What shells call the end by Ctrl-C."""
PLAIN = ("compile", "check", "lint", "validate", "secrets")
"""The commands that can be called with names alone."""


def main() -> None:
    """Runs the command line, and turns what stops it into an exit code."""
    # A run is short: looking for garbage, above all when it ends, takes longer than it saves.
    gc.set_threshold(100_000)
    atexit.register(gc.freeze)
    arguments = sys.argv[1:]
    try:
        names = plain(arguments)
        if names is not None:
            import_module(f"compiler.cli.{module(arguments[0])}").run(names)
        else:
            from compiler.cli.app import app

            app(standalone_mode=True)
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Nobody reads any more. Python would complain once more when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(errors.FINDINGS)
    except errors.Fatal as error:
        sys.stderr.write(f"mlflow-overlays: {error}\n")
        sys.exit(error.exit_code)
    except Exception:  # noqa: BLE001 - the last resort
        import traceback

        sys.stderr.write(traceback.format_exc())
        sys.stderr.write(
            "mlflow-overlays: this is a bug in the compiler, not in your files; please report the lines above\n"
        )
        sys.exit(errors.BUG)


def module(command: str) -> str:
    """The module of a command."""
    return command.replace("-", "_")


def plain(arguments: Sequence[str]) -> list[str] | None:
    """The names that follow a command, where there is nothing else: such a line needs no reader of options, which is slow."""
    if not arguments or arguments[0] not in PLAIN:
        return None
    names = list(arguments[2:] if arguments[1:2] == ["--"] else arguments[1:])
    return None if any(name.startswith("-") for name in names) else names
