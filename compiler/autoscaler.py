"""A HorizontalPodAutoscaler: what a person says of it, and what follows in the object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from compiler.diagnostic import Finding
from compiler.overlay import Change, Overlay, Ref, Waiver
from compiler.part import Schema, choice, integer, object_of
from compiler.route import Route

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


def key(description: str) -> Schema:
    """The key of an autoscaler."""
    return object_of(
        description,
        {
            "min": integer("The fewest pods.", 1, 100, default=2),
            "max": integer("The most pods, of which one alone needs no autoscaler.", 2, 100),
            "cpu": integer("Processor time that is aimed at, in percent of the request.", 1, 1000, default=_CPU),
            "memory": integer("Memory that is aimed at, in percent of the request; ignored without it.", 1, 1000),
            "behavior": object_of(
                "How fast pods are added and removed, in the words of HorizontalPodAutoscaler.",
                {"scaleUp": _rules("How pods are added."), "scaleDown": _rules("How pods are removed.")},
            ),
        },
        required=["max"],
    )


@dataclass(frozen=True)
class Autoscaling:
    """Between which numbers the cluster chooses, and by what."""

    least: int
    most: int
    cpu: int
    memory: int | None
    behavior: dict[str, Any]
    replicas_given: bool


def read(values: Mapping[str, Any]) -> Autoscaling | None:
    """The autoscaling, if there is any. In: what has the keys `autoscaling` and `replicas`."""
    given = values.get("autoscaling")
    if given is None:
        return None
    return Autoscaling(
        least=given.get("min", 2),
        most=given["max"],
        cpu=given.get("cpu", _CPU),
        memory=given.get("memory"),
        behavior=given.get("behavior", {}),
        replicas_given="replicas" in values,
    )


def findings(scaling: Autoscaling | None, above: Route) -> Iterator[Finding]:
    """Two that want to choose the number; numbers that contradict each other. In: what has the key `autoscaling`."""
    if scaling is None:
        return
    if scaling.replicas_given:
        message = "autoscaling chooses the number of pods, and every apply of the overlay would set it back to replicas"
        hint = "remove replicas, or write its number as autoscaling.min"
        yield Finding((*above, "replicas"), "conflicting-keys", message, hint, at_key=True)
    if scaling.least > scaling.most:
        message = f"there cannot be at least {scaling.least} and at most {scaling.most} pods"
        yield Finding((*above, "autoscaling", "max"), "conflicting-keys", message, "raise max, or lower min")


def plan(scaling: Autoscaling, name: str, component: str, above: Route) -> Overlay:
    """The autoscaler of this name with its component, and a Deployment that says no number."""
    target, because = Ref("autoscaling/v2", "HorizontalPodAutoscaler", name), (*above, "autoscaling")
    changes = tuple(
        Change(target, route, value, (*because, *keys), why) for route, value, keys, why in _changes(scaling)
    )
    least = Waiver("few-replicas", f"one pod is what {'.'.join(map(str, because))}.min says", (*because, "min"))
    return Overlay(components=(component,), changes=changes, waivers=() if scaling.least > 1 else (least,))


def _changes(scaling: Autoscaling) -> Iterator[tuple[Route, Any, Route, str]]:
    yield ("spec", "minReplicas"), scaling.least, ("min",), "the fewest pods"
    yield ("spec", "maxReplicas"), scaling.most, ("max",), "the most pods"
    if scaling.cpu != _CPU:
        target: Route = ("spec", "metrics", 0, "resource", "target", "averageUtilization")
        yield target, scaling.cpu, ("cpu",), "processor time, in percent of the request"
    if scaling.memory is not None:
        aim = {"type": "Utilization", "averageUtilization": scaling.memory}
        metric = {"type": "Resource", "resource": {"name": "memory", "target": aim}}
        yield ("spec", "metrics", 1), metric, ("memory",), "memory, in percent of the request"
    for direction, rules in sorted(scaling.behavior.items()):
        for name, value in sorted(rules.items()):
            yield ("spec", "behavior", direction, name), value, ("behavior", direction, name), "set by hand"
