"""On which nodes the pods run.

`nodeSelector`, `tolerations` and `priorityClassName` hold for every pod of the overlay, databases and stores too: they say where
this installation lives. `affinity` holds for the server's pods, and is written as Kubernetes has it; a list of it takes the place
of the base's, which keeps pods on different nodes.

Pods of the server are spread over nodes and zones where that is possible. With `topologySpread` it is demanded: a pod that would
stand beside too many others waits, and where nodes carry no label of their zone, `zones: required` lets no pod start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compiler import affinity
from compiler.diagnostic import Finding
from compiler.formats import LABEL_VALUE, NAME, QUALIFIED
from compiler.kind import Kind
from compiler.overlay import POD, SERVER, Change, Overlay, PodChange
from compiler.part import Schema, choice, formatted, integer, labelled, object_of

if TYPE_CHECKING:
    from compiler.environment import Environment

_SPREADS = ("nodes", "zones")
"""What the server's pods are spread over, in the order of the constraints in the base."""


def _spread(description: str) -> Schema:
    meanings = {"preferred": "Where it is possible.", "required": "A pod that cannot be spread waits."}
    return choice(description, meanings, default="preferred")


KEYS: dict[str, Schema] = {
    "scheduling": object_of(
        "On which nodes the pods run.",
        {
            "nodeSelector": labelled("Labels that a node has to have, for every pod."),
            "tolerations": {
                "type": "array",
                "description": "Taints of nodes that every pod puts up with.",
                "items": object_of(
                    "A taint, or several.",
                    {
                        "key": formatted("The taint's key; every taint without it.", QUALIFIED),
                        "operator": choice(
                            "How the value is compared; Equal without it.",
                            {"Exists": "Any value of the key will do.", "Equal": "It has to be this value."},
                        ),
                        "value": formatted("The taint's value.", LABEL_VALUE, minLength=0),
                        "effect": choice(
                            "The taint's effect; every effect without it.",
                            {
                                "NoSchedule": "It keeps new pods away.",
                                "PreferNoSchedule": "It keeps new pods away where others can take them.",
                                "NoExecute": "It drives out pods that are there, too.",
                            },
                        ),
                        "tolerationSeconds": integer("For how long NoExecute is put up with.", 0, 10**9),
                    },
                ),
            },
            "affinity": affinity.KEY,
            "priorityClassName": formatted("The PriorityClass of every pod.", NAME),
            "topologySpread": object_of(
                "How strictly the server's pods are spread.",
                {
                    "nodes": _spread("Over nodes, by kubernetes.io/hostname."),
                    "zones": _spread("Over zones, by topology.kubernetes.io/zone."),
                },
            ),
        },
    )
}


@dataclass(frozen=True)
class Scheduling:
    """On which nodes the pods run; `required` is what the server's pods have to be spread over."""

    node_selector: dict[str, str]
    tolerations: tuple[dict[str, Any], ...]
    affinity: dict[str, Any]
    priority_class_name: str | None
    required: tuple[str, ...]


def read(values: Mapping[str, Any], kind: Kind) -> Scheduling:
    """The choice of nodes."""
    given = values.get("scheduling", {})
    spread = given.get("topologySpread", {})
    return Scheduling(
        node_selector=dict(sorted(given.get("nodeSelector", {}).items())),
        tolerations=tuple(given.get("tolerations", ())),
        affinity=given.get("affinity", {}),
        priority_class_name=given.get("priorityClassName"),
        required=tuple(name for name in _SPREADS if spread.get(name) == "required"),
    )


def check(environment: Environment) -> Iterable[Finding]:
    """Tolerations and affinities that the API server refuses."""
    yield from affinity.findings(environment.scheduling.affinity, ("scheduling", "affinity"))
    for index, toleration in enumerate(environment.scheduling.tolerations):
        exists = toleration.get("operator") == "Exists"
        reason = ""
        if exists and toleration.get("value"):
            reason = "operator Exists takes any value, so it cannot name one"
        elif not exists and "key" not in toleration:
            reason = "without a key it takes every taint, which only operator Exists says"
        elif "tolerationSeconds" in toleration and toleration.get("effect") != "NoExecute":
            reason = "tolerationSeconds is for effect NoExecute alone"
        if reason:
            hint = "see https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/"
            yield Finding(
                ("scheduling", "tolerations", index), "conflicting-keys", f"in this toleration {reason}", hint
            )


def plan(environment: Environment) -> Overlay:
    """Fields of every pod, and what is the server's alone."""
    scheduling = environment.scheduling
    return Overlay(pods=tuple(_every_pod(scheduling)), changes=tuple(_server(scheduling)))


def _every_pod(scheduling: Scheduling) -> Iterator[PodChange]:
    if scheduling.node_selector:
        because = ("scheduling", "nodeSelector")
        yield PodChange("nodeSelector", scheduling.node_selector, because, "labels that a node has to have")
    if scheduling.tolerations:
        because = ("scheduling", "tolerations")
        yield PodChange("tolerations", list(scheduling.tolerations), because, "taints that are put up with")
    if scheduling.priority_class_name:
        because = ("scheduling", "priorityClassName")
        yield PodChange("priorityClassName", scheduling.priority_class_name, because, "who goes first")


def _server(scheduling: Scheduling) -> Iterator[Change]:
    if scheduling.affinity:
        yield Change(SERVER, (*POD, "affinity"), scheduling.affinity, ("scheduling", "affinity"), "set by hand")
    for index, name in enumerate(_SPREADS):
        if name in scheduling.required:
            route = (*POD, "topologySpreadConstraints", index, "whenUnsatisfiable")
            because = ("scheduling", "topologySpread", name)
            yield Change(SERVER, route, "DoNotSchedule", because, f"pods have to be spread over {name}")
