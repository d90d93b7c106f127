"""What a person has to confirm before it is done."""

from __future__ import annotations

import sys

from compiler.cli.output import complain
from compiler.errors import Usage


def confirmed(name: str, what: str, *, asked: bool) -> None:
    """Asks for the environment's name on a terminal; `asked` says that the command line has said yes already.

    Raises `Usage` where it is not typed, and where there is no terminal to type it on.
    """
    if asked:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Usage(f"say --yes to {what}: without a terminal nobody can confirm it")
    complain(f"Type {name} to {what}: ", end="")
    if sys.stdin.readline().strip() != name:
        raise Usage("another name was typed; nothing is done")
