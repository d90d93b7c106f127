"""The few things that stop a run, each with its exit code.

0    clean
1    findings: the environment, the overlay or a manifest is wrong
2    usage: the command line is wrong
3    a tool or a file that the run needs is missing, cannot be used, or fails
70   a bug in the compiler
130  interrupted by Ctrl-C; 143 ended by SIGTERM
"""

from __future__ import annotations

CLEAN = 0
FINDINGS = 1
USAGE = 2
MISSING = 3
BUG = 70
INTERRUPTED = 130
TERMINATED = 143


class Fatal(Exception):
    """The run cannot go on; `str(error)` is for a person, `exit_code` for the shell."""

    exit_code = BUG


class Usage(Fatal):
    """The command line asks for something that cannot be."""

    exit_code = USAGE


class Missing(Fatal):
    """A program or file that the run needs is not there, or fails."""

    exit_code = MISSING


class Unreadable(Missing):
    """A path that is not read: no regular file, or too large. `path`, `reason` and the code of a diagnostic are its parts."""

    def __init__(self, path: str, reason: str, code: str = "not-a-file") -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason, self.code = path, reason, code


class Terminated(BaseException):
    """The process was asked to end by SIGTERM. Like `KeyboardInterrupt`, it runs every clean-up on its way out."""
