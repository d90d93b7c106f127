"""What is wrong, how badly, and where.

Checks return `Finding`s, which speak in routes of `environment.yaml`. Only when all findings of a stage are known are they
turned into `Diagnostic`s, which speak in files, lines and columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from compiler.route import Route


class Severity(StrEnum):
    """How bad a diagnostic is: an error stops the compiler, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, order=True)
class Place:
    """A place in a file; line and column count from 1, and 0 means that none is known."""

    path: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.path
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True, order=True)
class Edit:
    """A stretch of a file and the text that is right there. It ends before its end; lines and columns count from 1."""

    line: int
    column: int
    end_line: int
    end_column: int
    text: str


@dataclass(frozen=True)
class Finding:
    """Something wrong at a route of the environment.

    `at_key` points at the key rather than at its value. `instead` is what should be written there, where there is exactly
    one right answer.
    """

    route: Route
    code: str
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR
    at_key: bool = False
    instead: str | None = None


@dataclass(frozen=True, order=True)
class Diagnostic:
    """Something wrong at a place, ready to be reported. `line` is the text of the place's line, where it is known.

    `edits` put it right, in the file of the place; there are none where a person has to choose.
    """

    place: Place
    code: str
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR
    line: str = ""
    edits: tuple[Edit, ...] = ()


def has_errors(diagnostics: list[Diagnostic]) -> bool:
    """Whether any of them stops the compiler."""
    return any(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)
