"""Labels and annotations of the server's pods, for whatever watches pods: cost reports, meshes, log collectors.

Labels that begin with `app.kubernetes.io/` belong to the overlay: Services, policies and budgets find pods by them. What every
object is to carry is better said once, in `custom/`, with `labels` or `commonAnnotations` of Kustomize.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compiler.diagnostic import Finding
from compiler.kind import Kind
from compiler.overlay import SERVER, Change, Overlay
from compiler.part import Schema, annotated, labelled

if TYPE_CHECKING:
    from compiler.environment import Environment

KEYS: dict[str, Schema] = {
    "podLabels": labelled("More labels of the server's pods."),
    "podAnnotations": annotated("More annotations of the server's pods."),
}

_OWN = "app.kubernetes.io/"
_READ = ("container.apparmor.security.beta.kubernetes.io/", "scheduler.alpha.kubernetes.io/", "kubernetes.io/config.")
"""Source: ValidatePodSpecificAnnotations of Kubernetes."""
_CONTROLLERS = ("pod-template-hash", "controller-revision-hash")


@dataclass(frozen=True)
class PodLabels:
    """Labels and annotations by name."""

    labels: dict[str, str]
    annotations: dict[str, str]


def read(values: Mapping[str, Any], kind: Kind) -> PodLabels:
    """The labels and annotations."""
    labels, notes = (dict(sorted(values.get(key, {}).items())) for key in KEYS)
    return PodLabels(labels, notes)


def check(environment: Environment) -> Iterable[Finding]:
    """Labels that belong to the overlay or to the cluster, and annotations that the API server reads."""
    for name in environment.pod_labels.annotations:
        if name.startswith(_READ):
            message = f"the annotation {name} is not yours to set: the API server reads it as a field of the pod"
            yield Finding(("podAnnotations", name), "reserved-setting", message, "remove it", at_key=True)
    for name in environment.pod_labels.labels:
        owner = (
            "the overlay" if name.startswith(_OWN) else "the Deployment's controller" if name in _CONTROLLERS else ""
        )
        if owner:
            message = f"the label {name} belongs to {owner}, which finds its pods by it"
            hint = "choose a name under a domain of yours, like acme.example/team"
            yield Finding(("podLabels", name), "reserved-setting", message, hint, at_key=True)


def plan(environment: Environment) -> Overlay:
    """The labels and annotations of the pod template."""
    given = environment.pod_labels
    return Overlay(
        changes=tuple(
            Change(SERVER, ("spec", "template", "metadata", field, name), value, (key, name), "set by hand")
            for key, field, entries in (
                ("podLabels", "labels", given.labels),
                ("podAnnotations", "annotations", given.annotations),
            )
            for name, value in entries.items()
        )
    )
