"""What a step or a check came to: it passed, failed with a reason and what to do, or was skipped with a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

Tell = Callable[[str], None]
"""Where a step says how far it is, while it goes on."""


class Verdict(StrEnum):
    """The three answers. What was skipped is neither good nor bad, and is counted."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


class Result(NamedTuple):
    """An answer: of which check, what it is, in words, and where it failed what to do, with what others said of it."""

    check: str
    verdict: Verdict
    said: str
    mend: str = ""
    words: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether something is wrong."""
        return self.verdict is Verdict.FAILED


def passed(check: str, said: str) -> Result:
    """All is well."""
    return Result(check, Verdict.PASSED, said)


def failed(check: str, said: str, mend: str = "", words: Sequence[str] = ()) -> Result:
    """Something is wrong; what to do; and the words of a pod, a server or a tool."""
    return Result(check, Verdict.FAILED, said, mend, tuple(words))


def skipped(check: str, reason: str) -> Result:
    """It could not be looked at, or means nothing here."""
    return Result(check, Verdict.SKIPPED, reason)


def any_failed(results: Iterable[Result]) -> bool:
    """Whether one of several failed."""
    return any(result.failed for result in results)
