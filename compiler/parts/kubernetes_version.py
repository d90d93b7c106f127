"""The minor version of Kubernetes that the build is validated against: that of the oldest cluster the overlay goes to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compiler.kind import Kind
from compiler.overlay import Overlay
from compiler.part import Schema, sound

SUPPORTED = tuple(f"1.{minor}" for minor in range(30, 38))
"""Every minor from 1.30, the first where a preStop hook can sleep by itself, to the newest with bundled schemas."""

DEFAULT = "1.35"

KEYS: dict[str, Schema] = {
    "kubernetesVersion": {
        "type": "string",
        "description": "The minor version of Kubernetes that the build is validated against.",
        "enum": list(SUPPORTED),
        "default": DEFAULT,
    }
}

check = sound


def read(values: Mapping[str, Any], kind: Kind) -> str:
    """The version, as `1.35`."""
    return str(values.get("kubernetesVersion", DEFAULT))


def plan(environment: object) -> Overlay:
    """Nothing: the version decides what the build is held against, not what is built."""
    return Overlay()
