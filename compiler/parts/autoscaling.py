"""Lets the cluster choose how many pods of the server run, in place of `replicas`.

`cpu` and `memory` are percentages of what a pod requests (see `resources`); the cluster needs a metrics server. Pods are added at
once and removed one at a time, after five quiet minutes, unless `behavior` says otherwise. A process of Python seldom gives
memory back, so a target for `memory` adds pods and hardly ever removes them.

The number of pods then stands nowhere in the overlay, so that applying it again changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from compiler import autoscaler
from compiler.autoscaler import Autoscaling
from compiler.diagnostic import Finding
from compiler.kind import Kind
from compiler.overlay import SERVER, Overlay
from compiler.part import Schema

if TYPE_CHECKING:
    from compiler.environment import Environment

KEYS: dict[str, Schema] = {
    "autoscaling": autoscaler.key("Lets the cluster choose the number of pods, in place of replicas.")
}


def read(values: Mapping[str, Any], kind: Kind) -> Autoscaling | None:
    """The autoscaling, if there is any."""
    return autoscaler.read(values)


def check(environment: Environment) -> Iterable[Finding]:
    """Two that want to choose the number; numbers that contradict each other."""
    return autoscaler.findings(environment.autoscaling, ())


def plan(environment: Environment) -> Overlay:
    """The autoscaler, and a Deployment that says no number."""
    scaling = environment.autoscaling
    return autoscaler.plan(scaling, SERVER.name, "autoscaling-hpa", ()) if scaling else Overlay()
