"""How many pods of the server run.

The server keeps nothing on its disk, so pods are equal and are replaced one by one. With more than one, a
PodDisruptionBudget lets a drain take one at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from compiler.kind import Kind
from compiler.overlay import SERVER, Change, Overlay
from compiler.part import Schema, sound

if TYPE_CHECKING:
    from compiler.environment import Environment

KEYS: dict[str, Schema] = {
    "replicas": {
        "type": "integer",
        "description": "Pods of the server.",
        "minimum": 1,
        "maximum": 100,
        "default": 1,
    }
}

check = sound


def read(values: Mapping[str, Any], kind: Kind) -> int:
    """The number of pods."""
    return int(values.get("replicas", 1))


def plan(environment: Environment) -> Overlay:
    """The number, unless the cluster chooses it; and a disruption budget where there may be more than one."""
    replicas, scaling = environment.replicas, environment.autoscaling
    number = Change(SERVER, ("spec", "replicas"), replicas, ("replicas",), "pods of the server")
    return Overlay(
        components=("replicas-several",) if (scaling.most if scaling else replicas) > 1 else (),
        changes=() if scaling else (number,),
    )
