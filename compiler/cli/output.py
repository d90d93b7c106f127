"""Printing what was found, in the format that was asked for, and ending with the exit code that says it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

import typer

from compiler import errors
from compiler.diagnostic import Diagnostic, has_errors
from compiler.report import AT_END, FORMATS, ansi, as_fixed, entries, github_fixed, plain, text


def choose(output: str) -> str:
    """The format that was asked for, or the one that fits where this runs. Raises `Usage` for one that there is not."""
    format_ = output or ("github" if os.environ.get("GITHUB_ACTIONS") == "true" else "text")
    if format_ not in FORMATS:
        raise errors.Usage(f"there is no output '{format_}'; there are {', '.join(FORMATS)}")
    return format_


def show(diagnostics: list[Diagnostic], format_: str) -> list[Diagnostic]:
    """Prints diagnostics as soon as they are known, but for JSON, which is one document at the end."""
    if format_ == "text":
        typer.echo(text(diagnostics, ansi if _coloured() else plain), nl=False, color=True)
    elif format_ not in AT_END:
        typer.echo(FORMATS[format_](diagnostics), nl=False)
    return diagnostics


def show_fixed(fixed: Sequence[Diagnostic], format_: str) -> Sequence[Diagnostic]:
    """Prints what was put right, where a format has a way to say it before the end."""
    if format_ == "text":
        typer.echo(as_fixed(fixed, ansi if _coloured() else plain), nl=False, color=True)
    elif format_ == "github":
        typer.echo(github_fixed(fixed), nl=False)
    return fixed


def _coloured() -> bool:
    """Colour on a terminal and nowhere else, unless NO_COLOR or FORCE_COLOR says otherwise."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()


def finish(found: list[Diagnostic], format_: str, fixed: Sequence[Diagnostic] = (), **more: Any) -> None:
    """Ends a run: prints a format that is one document, with what else JSON is to hold, and exits 1 where there is an error."""
    if format_ == "json":
        report = {"diagnostics": entries(found), "fixed": entries(fixed), **more}
        typer.echo(json.dumps(report, indent=2, ensure_ascii=False))
    elif format_ in AT_END:
        typer.echo(FORMATS[format_](found), nl=False)
    if has_errors(found):
        raise typer.Exit(errors.FINDINGS)
