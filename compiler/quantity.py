"""Amounts as Kubernetes writes them: `500m`, `10Gi`, `1e3`."""

from __future__ import annotations

import re
from typing import Any

_FACTORS = {
    "n": 1e-9,
    "u": 1e-6,
    "m": 1e-3,
    "": 1.0,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "P": 1e15,
    "E": 1e18,
    **{f"{letter}i": 1024.0**power for power, letter in enumerate("KMGTPE", start=1)},
}


def number(written: Any) -> float:
    """A quantity as a number, to be compared with another; 0 for what is none."""
    match = re.fullmatch(r"([0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE]([-+]?[0-9]+)|([a-zA-Z]*))", str(written))
    if match is None:
        return 0.0
    digits, exponent, suffix = match.groups()
    return float(digits) * (10.0 ** int(exponent) if exponent else _FACTORS.get(suffix, 1.0))
