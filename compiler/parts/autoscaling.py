"""Lets the cluster choose how many pods of the server run, in place of `replicas`.

`cpu` and `memory` are percentages of what a pod requests (see `resources`); the cluster needs a metrics server. Pods are added at
once and removed one at a time, after five quiet minutes, unless `behavior` says otherwise. A process of Python seldom gives
memory back, so a target for `memory` adds pods and hardly ever removes them.

The number of pods then stands nowhere in the overlay, so that applying it again changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compiler.diagnostic import Finding
from compiler.kind import Kind
from compiler.overlay import Change, Overlay, Ref, Waiver
from compiler.part import Schema, choice, integer, object_of
from compiler.route import Route

if TYPE_CHECKING:
    from compiler.environment import Environment

AUTOSCALER = Ref("autoscaling/v2", "HorizontalPodAutoscaler", "mlflow")
_CPU = 80


def _rules(description: str) -> Schema:
    policy = object_of(
        "How much may change within a time.",
        {
            "type": choice("What value counts.", {"Pods": "Pods.", "Percent": "Percent of the pods that are there."}),
            "value": integer("How many.", 1, 10000),
            "periodSeconds": integer("Within how many seconds.", 1, 1800),
        },
        required=["type", "value", "periodSeconds"],
    )
    return object_of(
        description,
        {
            "stabilizationWindowSeconds": integer("For how long the need has to last.", 0, 3600),
            "selectPolicy": choice(
                "Which of several policies holds.",
                {
                    "Max": "The one that changes the most.",
                    "Min": "The one that changes the least.",
                    "Disabled": "None: nothing is changed in this direction.",
                },
            ),
            "policies": {
                "type": "array",
                "description": "How much may change within a time.",
                "items": policy,
                "minItems": 1,
            },
        },
    )


KEYS: dict[str, Schema] = {
    "autoscaling": object_of(
        "Lets the cluster choose the number of pods, in place of replicas.",
        {
            "min": integer("The fewest pods.", 1, 100, default=2),
            "max": integer("The most pods.", 1, 100),
            "cpu": integer("Processor time that is aimed at, in percent of the request.", 1, 1000, default=_CPU),
            "memory": integer("Memory that is aimed at, in percent of the request; ignored without it.", 1, 1000),
            "behavior": object_of(
                "How fast pods are added and removed, in the words of HorizontalPodAutoscaler.",
                {"scaleUp": _rules("How pods are added."), "scaleDown": _rules("How pods are removed.")},
            ),
        },
        required=["max"],
    )
}


@dataclass(frozen=True)
class Autoscaling:
    """Between which numbers the cluster chooses, and by what."""

    least: int
    most: int
    cpu: int
    memory: int | None
    behavior: dict[str, Any]
    replicas_given: bool


def read(values: Mapping[str, Any], kind: Kind) -> Autoscaling | None:
    """The autoscaling, if there is any."""
    given = values.get("autoscaling")
    if given is None:
        return None
    return Autoscaling(
        least=given.get("min", min(2, given["max"])),
        most=given["max"],
        cpu=given.get("cpu", _CPU),
        memory=given.get("memory"),
        behavior=given.get("behavior", {}),
        replicas_given="replicas" in values,
    )


def check(environment: Environment) -> Iterable[Finding]:
    """Two that want to choose the number; numbers that contradict each other."""
    scaling = environment.autoscaling
    if scaling is None:
        return
    if scaling.replicas_given:
        message = "autoscaling chooses the number of pods, and every apply of the overlay would set it back to replicas"
        hint = "remove replicas, or write its number as autoscaling.min"
        yield Finding(("replicas",), "conflicting-keys", message, hint, at_key=True)
    if scaling.least > scaling.most:
        message = f"there cannot be at least {scaling.least} and at most {scaling.most} pods"
        yield Finding(("autoscaling", "max"), "conflicting-keys", message, "raise max, or lower min")


def plan(environment: Environment) -> Overlay:
    """The autoscaler, and a Deployment that says no number."""
    scaling = environment.autoscaling
    if scaling is None:
        return Overlay()
    changes = tuple(Change(AUTOSCALER, *change) for change in _changes(scaling))
    least = Waiver("few-replicas", "one pod is what autoscaling.min says", ("autoscaling", "min"))
    return Overlay(components=("autoscaling-hpa",), changes=changes, waivers=() if scaling.least > 1 else (least,))


def _changes(scaling: Autoscaling) -> Iterator[tuple[Route, Any, Route, str]]:
    yield ("spec", "minReplicas"), scaling.least, ("autoscaling", "min"), "the fewest pods"
    yield ("spec", "maxReplicas"), scaling.most, ("autoscaling", "max"), "the most pods"
    if scaling.cpu != _CPU:
        target: Route = ("spec", "metrics", 0, "resource", "target", "averageUtilization")
        yield target, scaling.cpu, ("autoscaling", "cpu"), "processor time, in percent of the request"
    if scaling.memory is not None:
        aim = {"type": "Utilization", "averageUtilization": scaling.memory}
        metric = {"type": "Resource", "resource": {"name": "memory", "target": aim}}
        yield ("spec", "metrics", 1), metric, ("autoscaling", "memory"), "memory, in percent of the request"
    for direction, rules in sorted(scaling.behavior.items()):
        for name, value in sorted(rules.items()):
            yield (
                ("spec", "behavior", direction, name),
                value,
                ("autoscaling", "behavior", direction, name),
                "set by hand",
            )
