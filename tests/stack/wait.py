"""Waiting for something to become true: the one place that sleeps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
STEP_SECONDS = 0.2


class Late(AssertionError):
    """What was waited for did not come."""


def until(
    what: str,
    look: Callable[[], T | None],
    seconds: float,
    *,
    step: float = STEP_SECONDS,
    otherwise: Callable[[], str] = str,
) -> T:
    """Looks until there is an answer that is true, and returns it; `otherwise` says more when the time is up."""
    deadline = time.monotonic() + seconds
    while True:
        answer = look()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise Late(f"{what}: not within {seconds:g} seconds\n{otherwise()}".strip())
        time.sleep(step)
