"""The pods of a build, wherever they stand: in Deployments, StatefulSets, DaemonSets, Jobs, CronJobs, or alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from compiler.manifest import Manifest
from compiler.overlay import Ref
from compiler.route import ABSENT, Named, Route, follow

PROBES = ("startupProbe", "readinessProbe", "livenessProbe")

_TEMPLATES: dict[str, Route] = {
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "Pod": (),
}
"""Where the template of a pod stands, by the kind of the object that makes pods of it."""


@dataclass(frozen=True)
class Workload:
    """A pod template: the object that holds it, where, and what it says."""

    ref: Ref
    route: Route
    labels: dict[str, str]
    pod: dict[str, Any]
    claims: tuple[str, ...] = ()
    """Volumes that a StatefulSet claims for each pod."""


def workloads(manifests: Iterable[Manifest]) -> Iterator[Workload]:
    """The pod templates of a build."""
    for manifest in manifests:
        route = _TEMPLATES.get(manifest.ref.kind)
        if route is None:
            continue
        template = follow(manifest.data, route)
        if template is ABSENT or not isinstance(template, dict):
            continue
        labels = (template.get("metadata") or {}).get("labels") or {}
        claims = manifest.spec.get("volumeClaimTemplates") or []
        names = tuple(str((claim.get("metadata") or {}).get("name")) for claim in claims)
        yield Workload(manifest.ref, (*route, "spec"), labels, template.get("spec") or {}, names)


def matches(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Whether a label selector picks a pod with these labels."""
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for expression in selector.get("matchExpressions") or []:
        value, values = labels.get(expression["key"]), expression.get("values") or []
        holds = {
            "In": value in values,
            "NotIn": value not in values,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }
        if not holds.get(expression["operator"], False):
            return False
    return True


class Pods:
    """Pod templates that are found by their labels, however many there are."""

    def __init__(self, workloads: Iterable[Workload]) -> None:
        self.all = list(workloads)
        self._by_label: dict[tuple[str, str], list[Workload]] = {}
        for workload in self.all:
            for label in workload.labels.items():
                self._by_label.setdefault(label, []).append(workload)

    def picked(self, selector: dict[str, Any]) -> list[Workload]:
        """The pods that a label selector picks."""
        if not any(selector.values()):
            return self.all
        labels = (selector.get("matchLabels") or {}).items()
        fewest = min((self._by_label.get(label, []) for label in labels), key=len, default=self.all)
        return [workload for workload in fewest if matches(selector, workload.labels)]


def containers(workload: Workload) -> Iterator[tuple[Route, dict[str, Any]]]:
    """Every container of a pod, init containers first, with its route in the object."""
    for group in ("initContainers", "containers"):
        for container in workload.pod.get(group) or []:
            yield (*workload.route, group, Named(str(container.get("name")))), container


def selected(manifests: Iterable[Manifest], workload: Workload, kind: str, route: Route) -> list[Manifest]:
    """The objects of a kind whose label selector, at a route, picks a pod; a Service's is a mapping of labels alone."""
    found = []
    for manifest in manifests:
        selector = follow(manifest.data, route)
        if manifest.ref.kind != kind or not isinstance(selector, dict):
            continue
        if matches({"matchLabels": selector} if kind == "Service" else selector, workload.labels):
            found.append(manifest)
    return found


def image_name(reference: str) -> str:
    """An image without tag and digest."""
    name = reference.partition("@")[0]
    head, _, tag = name.rpartition(":")
    return head if head and "/" not in tag else name
