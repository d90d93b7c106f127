"""Printing what was found, in the format that was asked for, and ending with the exit code that says it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, TextIO

from compiler import errors
from compiler.printable import as_json, guarded

if TYPE_CHECKING:
    from compiler.diagnostic import Diagnostic
    from compiler.report import Paint


def choose(output: str, only: Sequence[str] = ()) -> str:
    """The format that was asked for, or the one that fits where this runs. Raises `Usage` for one that there is not.

    `only` are the formats of a command that does not have all of them, the one that is taken by itself first.
    """
    format_ = output or ("github" if os.environ.get("GITHUB_ACTIONS") == "true" and not only else "text")
    if format_ == "text":
        return format_
    from compiler.report import FORMATS

    if format_ not in (only or FORMATS):
        raise errors.Usage(f"there is no output '{format_}'; there are {', '.join(only or FORMATS)}")
    return format_


def say(text: str, end: str = "\n", *, commands: bool = False) -> None:
    """Prints a text, as UTF-8 where the locale would be ASCII: a report repeats what a person wrote.

    The way out of all that this program prints. Line breaks are those of the report: whoever puts one together has folded the
    texts of others. In: whether its lines are commands for GitHub.
    """
    _write(sys.stdout, text + end, commands=commands)


def complain(text: str, end: str = "\n") -> None:
    """Prints a text on standard error, as `say` does."""
    _write(sys.stderr, text + end)
    sys.stderr.flush()


def _write(out: TextIO, text: str, *, commands: bool = False) -> None:
    if isinstance(out, TextIOWrapper) and out.encoding.lower() in ("ascii", "us-ascii", "ansi_x3.4-1968"):
        out.reconfigure(encoding="utf-8")
    out.write(text if commands else guarded(text))


def show(diagnostics: list[Diagnostic], format_: str) -> list[Diagnostic]:
    """Prints diagnostics as soon as they are known, but for JSON, which is one document at the end."""
    if not diagnostics:
        return diagnostics
    from compiler.report import AT_END, FORMATS, text

    if format_ == "text":
        say(text(diagnostics, paint()), end="")
    elif format_ not in AT_END:
        say(FORMATS[format_](diagnostics), end="", commands=format_ == "github")
    return diagnostics


def show_fixed(fixed: Sequence[Diagnostic], format_: str) -> Sequence[Diagnostic]:
    """Prints what was put right, where a format has a way to say it before the end."""
    from compiler.report import as_fixed, github_fixed

    if format_ == "text":
        say(as_fixed(fixed, paint()), end="")
    elif format_ == "github":
        say(github_fixed(fixed), end="", commands=True)
    return fixed


def paint() -> Paint:
    """What puts a text into colour, or leaves it plain, as fits where it goes."""
    from compiler.report import ansi, plain

    return ansi if coloured() else plain


def coloured() -> bool:
    """Colour on a terminal and nowhere else, unless NO_COLOR or FORCE_COLOR says otherwise."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()


def finish(found: list[Diagnostic], format_: str, fixed: Sequence[Diagnostic] = (), **more: Any) -> None:
    """Ends a run: prints a format that is one document, with what else JSON is to hold, and exits 1 where there is an error."""
    if format_ == "text" and not found:
        return
    from compiler.diagnostic import has_errors
    from compiler.report import AT_END, FORMATS, entries

    if format_ == "json":
        report = {"diagnostics": entries(found), "fixed": entries(fixed), **more}
        say(as_json(report))
    elif format_ in AT_END:
        say(FORMATS[format_](found), end="")
    if has_errors(found):
        sys.stdout.flush()
        sys.exit(errors.FINDINGS)
