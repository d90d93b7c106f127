"""A share of the heavier tests, where the whole takes too long: `MLFLOW_OVERLAYS_SAMPLE=6` tries a sixth of their cases."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

Case = TypeVar("Case")
SHARE = int(os.environ.get("MLFLOW_OVERLAYS_SAMPLE", "1"))
"""One in how many is tried; 1 tries all."""


def sampled(cases: Sequence[Case], turn: int = 0) -> list[Case]:
    """The cases that are tried, at least one, beginning with another at each turn."""
    start = turn % len(cases)
    return [*cases[start:], *cases[:start]][::SHARE]
