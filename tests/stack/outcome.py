"""What became of a program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """What a program answered, and all that it printed."""

    code: int
    answer: Any
    log: str
