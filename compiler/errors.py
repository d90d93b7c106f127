"""The few things that stop a run, each with its exit code.

0   clean
1   findings: the environment, the overlay or a manifest is wrong
2   usage: the command line is wrong
3   a tool or a file that the run needs is missing
70  a bug in the compiler
"""

from __future__ import annotations

CLEAN = 0
FINDINGS = 1
USAGE = 2
MISSING = 3
BUG = 70


class Fatal(Exception):
    """The run cannot go on; `str(error)` is for a person, `exit_code` for the shell."""

    exit_code = BUG


class Usage(Fatal):
    """The command line asks for something that cannot be."""

    exit_code = USAGE


class Missing(Fatal):
    """A program or file that the run needs is not there."""

    exit_code = MISSING
