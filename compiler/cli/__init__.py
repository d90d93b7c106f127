"""The command line: the only package that prints. A command is a module with `run`, whose docstring is its help, and `EXAMPLE`.

Exit codes: 0 clean, 1 findings, 2 usage, 3 a tool or file is missing or fails, 70 a bug, 130 interrupted, 143 terminated.
"""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import NoReturn

from compiler import errors

COMMANDS = (
    *("compile", "check", "lint", "validate", "plan", "audit", "secrets", "explain", "new", "schema", "kinds"),
    *("deploy", "cleanup", "doctor", "test-connection", "backup", "restore"),
)
"""Every command, in the order of `--help`, each the name of a module of this package."""
TROUBLES: list[str] = []
"""What went wrong beside findings, in a command that went on: it exits 3 at the end."""
PLAIN = ("compile", "check", "lint", "validate", "secrets")
"""The commands that can be called with names alone."""


def main() -> None:
    """Runs the command line, and turns what stops it into an exit code."""
    # A run is short: looking for garbage, above all when it ends, takes longer than it saves.
    gc.set_threshold(100_000)
    atexit.register(gc.freeze)
    before = signal.signal(signal.SIGTERM, _terminated)
    try:
        _run(sys.argv[1:])
    finally:
        signal.signal(signal.SIGTERM, before)


def _run(arguments: list[str]) -> None:
    TROUBLES.clear()
    code: int | str | None = 0
    try:
        with trouble_is_fatal():
            names = plain(arguments)
            if names is not None:
                import_module(f"compiler.cli.{module(arguments[0])}").run(names)
            else:
                from compiler.cli.app import app

                app(standalone_mode=True)
            sys.stdout.flush()
    except SystemExit as end:
        code = end.code
    except KeyboardInterrupt:
        sys.exit(errors.INTERRUPTED)
    except errors.Terminated:
        sys.exit(errors.TERMINATED)
    except BrokenPipeError:
        # Nobody reads any more. Python would complain once more when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(errors.FINDINGS)
    except errors.Fatal as error:
        from compiler.printable import folded

        _complain(folded(f"mlflow-overlays: {error}"))
        sys.exit(error.exit_code)
    except Exception:  # noqa: BLE001 - the last resort
        import traceback

        _complain(traceback.format_exc())
        _complain("mlflow-overlays: this is a bug in the compiler, not in your files; please report the lines above")
        sys.exit(errors.BUG)
    if TROUBLES and code in (None, 0, errors.FINDINGS):
        code = errors.MISSING
    if code:
        sys.exit(code)


def _terminated(_number: int, _frame: object) -> NoReturn:
    raise errors.Terminated


@contextmanager
def trouble_is_fatal() -> Iterator[None]:
    """Turns what the operating system refuses into `Missing`: a sentence with the path, where there is one."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        words = error.strerror or str(error)
        raise errors.Missing(f"{error.filename}: {words}" if error.filename else words) from error
    except MemoryError as error:
        raise errors.Missing("there is not enough memory") from error


@contextmanager
def going_on() -> Iterator[None]:
    """Lets a command go on with its other environments where one cannot be read or built; the command exits 3 at its end."""
    try:
        with trouble_is_fatal():
            yield
    except errors.Fatal as error:
        if error.exit_code not in (errors.MISSING, errors.USAGE):
            raise
        from compiler.printable import folded

        TROUBLES.append(str(error))
        _complain(folded(f"mlflow-overlays: {error}"))


def _complain(text: str) -> None:
    from compiler.cli.output import complain

    complain(text)


def module(command: str) -> str:
    """The module of a command."""
    return command.replace("-", "_")


def plain(arguments: Sequence[str]) -> list[str] | None:
    """The names that follow a command, where there is nothing else: such a line needs no reader of options, which is slow."""
    if not arguments or arguments[0] not in PLAIN:
        return None
    names = list(arguments[2:] if arguments[1:2] == ["--"] else arguments[1:])
    return None if any(name.startswith("-") for name in names) else names
