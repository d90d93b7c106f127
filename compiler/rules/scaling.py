"""Autoscalers: the API server accepts one that can never reckon. That its target is there is said with all other names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from compiler.diagnostic import Severity
from compiler.manifest import Fault, Manifest
from compiler.overlay import Overlay
from compiler.route import ABSENT, Route, follow
from compiler.workload import containers, workloads

_FACTORS = {"m": 0.001, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30}
_REPLICAS: Route = ("spec", "replicas")


def reckon(overlay: Overlay, manifests: Sequence[Manifest], made_up: Sequence[str]) -> list[Fault]:
    """The containers of every target say what the aim is a share of, and can reach it."""
    return [
        fault
        for manifest in manifests
        if manifest.ref.kind == "HorizontalPodAutoscaler"
        for fault in _reckons(manifest, manifests)
    ]


def _reckons(scaler: Manifest, manifests: Sequence[Manifest]) -> Iterator[Fault]:
    spec = scaler.data.get("spec") or {}
    wanted = spec.get("scaleTargetRef") or {}
    target = next(
        (each for each in manifests if (each.ref.kind, each.ref.name) == (wanted.get("kind"), wanted.get("name"))), None
    )
    if target is None:
        return
    for index, metric in enumerate(spec.get("metrics") or []):
        resource = metric.get("resource") or {}
        share = (resource.get("target") or {}).get("averageUtilization")
        if share:
            aim: Route = ("spec", "metrics", index, "resource", "target", "averageUtilization")
            yield from _shares(scaler, aim, target, str(resource.get("name")), share)


def _shares(scaler: Manifest, aim: Route, target: Manifest, name: str, share: int) -> Iterator[Fault]:
    """What the containers of a target lack for an aim in percent of their requests."""
    for workload in workloads([target]):
        for route, container in containers(workload):
            if "initContainers" in route and container.get("restartPolicy") != "Always":
                continue
            resources = container.get("resources") or {}
            limit = (resources.get("limits") or {}).get(name)
            request = (resources.get("requests") or {}).get(name, limit)
            who = f"the container {container.get('name')}"
            if request is None:
                message = f"{who} requests no {name}, so the autoscaler has nothing that it is a share of"
                hint = f"set resources.requests.{name}"
                yield Fault(target.ref, (*route, "resources"), "scales-nothing", message, hint)
            elif limit is not None and _amount(request) * share / 100 > _amount(limit):
                message = f"{share}% of the {request} {name} that {who} requests is above its limit of {limit}"
                yield Fault(scaler.ref, aim, "scales-nothing", message, "aim lower: it would never be reached")


def _amount(written: Any) -> float:
    match = re.fullmatch(r"([0-9.]+)([a-zA-Z]*)", str(written))
    return float(match[1]) * _FACTORS.get(match[2], 1.0) if match else 0.0


def reset(before: Sequence[Manifest], after: Sequence[Manifest]) -> list[Fault]:
    """Deployments that had several pods by their overlay and now leave the number open. In: both builds.

    `kubectl apply` takes a line away by setting the field back to its default, which is one pod
    (https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/).
    """
    old = {manifest.ref: follow(manifest.data, _REPLICAS) for manifest in before}
    return [
        _reset(manifest, old[manifest.ref])
        for manifest in after
        if manifest.ref.kind == "Deployment"
        and isinstance(old.get(manifest.ref), int)
        and old[manifest.ref] > 1
        and follow(manifest.data, _REPLICAS) is ABSENT
    ]


def _reset(manifest: Manifest, number: int) -> Fault:
    name = manifest.ref.name
    namespace = follow(manifest.data, ("metadata", "namespace"))
    message = f"kubectl apply leaves one pod of {number} until the autoscaler has looked"
    hint = (
        f"before applying, remove the line replicas in kubectl apply edit-last-applied deployment/{name} -n {namespace}; "
        f"for --server-side, kubectl scale deployment/{name} -n {namespace} --replicas={number + 1}"
    )
    return Fault(manifest.ref, (), "replicas-reset", message, hint, ("autoscaling",), Severity.WARNING)
