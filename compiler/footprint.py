"""The measured memory of the MLflow server, and what a pod should ask for.

`footprint.json` is written by `scripts/footprint.py`, which starts a real server with each number of workers, with and without
job execution, leaves it idle, and then loads it with runs and artifacts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pkgutil import get_data

from compiler.part import kibibytes

MIB_STEP = 64
_GIB = 1024 * 1024
IDLE_MARGIN = 1.2
PEAK_MARGIN = 1.5


@dataclass(frozen=True)
class Row:
    """One measurement: memory in MiB of all processes of the server, idle and at its highest under load."""

    workers: int
    jobs: bool
    idle_mib: int
    peak_mib: int
    processes: int


@cache
def table() -> dict[str, tuple[Row, ...]]:
    """All measurements, by version of MLflow."""
    data = json.loads(get_data("compiler", "footprint.json") or b"{}")
    return {version: tuple(Row(**row) for row in rows) for version, rows in data.items()}


def measured(version: str) -> str:
    """The measured version that stands for a version: itself, or else the newest measured one."""
    versions = table()
    return version if version in versions else max(versions, key=lambda each: tuple(map(int, each.split("."))))


def peak(version: str, workers: int, *, jobs: bool) -> int:
    """The highest memory under load, in MiB, between and beyond measured rows by a straight line."""
    return _line(version, workers, jobs, "peak_mib")


def memory(version: str, workers: int, *, jobs: bool) -> tuple[int, int]:
    """What a pod should request and be limited to, in MiB: idle and peak with a margin, in steps of 64."""
    request = _line(version, workers, jobs, "idle_mib") * IDLE_MARGIN
    limit = _line(version, workers, jobs, "peak_mib") * PEAK_MARGIN
    return _step(request), _step(limit)


def room(largest_upload: str | None) -> int:
    """The GiB that uploads pass through: two of the largest, and 10 at least."""
    upload = kibibytes(largest_upload) if largest_upload else 0
    return max(10, -(-2 * upload // _GIB))


def _line(version: str, workers: int, jobs: bool, column: str) -> int:  # noqa: FBT001 - private
    rows = sorted((row for row in table()[measured(version)] if row.jobs == jobs), key=lambda row: row.workers)
    points = [(row.workers, int(getattr(row, column))) for row in rows]
    above = next((index for index, (count, _) in enumerate(points) if count >= workers), len(points) - 1)
    (left, low), (right, high) = points[max(above - 1, 0)], points[max(above, 1)]
    return round(low + (high - low) * (workers - left) / (right - left))


def _step(mib: float) -> int:
    return -(-int(mib) // MIB_STEP) * MIB_STEP
