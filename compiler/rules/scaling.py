"""Budgets and autoscalers fit what they act on: one that cannot act is valid, and holds up a node or scales nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from compiler.diagnostic import Severity
from compiler.manifest import Fault, Manifest
from compiler.overlay import ARTIFACT_SERVER, Overlay
from compiler.quantity import number
from compiler.route import ABSENT, Route, follow
from compiler.workload import Pods, Workload, containers, workloads

_SCALED = ("Deployment", "StatefulSet", "ReplicaSet", "ReplicationController")
_REPLICAS: Route = ("spec", "replicas")


def scale(overlay: Overlay, manifests: Sequence[Manifest], made_up: Sequence[str]) -> list[Fault]:
    """Every HorizontalPodAutoscaler has what it measures; budgets are a rule of `availability`, which can be waived."""
    return autoscalers(manifests)


def autoscalers(manifests: Sequence[Manifest]) -> list[Fault]:
    """What is wrong with autoscalers among any objects of a namespace that belong together."""
    found = [manifest for manifest in manifests if manifest.ref.kind == "HorizontalPodAutoscaler"]
    pods = list(workloads(manifests)) if found else []
    return [fault for manifest in found for fault in _autoscaler(manifest, pods)]


def budgets(manifests: Sequence[Manifest]) -> list[Fault]:
    """What is wrong with budgets among any objects of a namespace that belong together."""
    found = [manifest for manifest in manifests if manifest.ref.kind == "PodDisruptionBudget"]
    if not found:
        return []
    replicas = {manifest.ref: manifest.spec.get("replicas", 1) for manifest in manifests}
    least = {
        (target.get("kind"), target.get("name")): spec.get("minReplicas", 1) for spec, target in _autoscalers(manifests)
    }
    pods = Pods(workloads(manifests))
    faults: list[Fault] = []
    for manifest in found:
        picked = [pod for pod in pods.picked(manifest.spec.get("selector") or {}) if pod.ref.kind in _SCALED]
        counts = [least.get((pod.ref.kind, pod.ref.name), replicas.get(pod.ref, 1)) for pod in picked]
        faults += _budget(manifest, sum(count for count in counts if isinstance(count, int)) if picked else None)
    return faults


def _autoscalers(manifests: Sequence[Manifest]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for manifest in manifests:
        if manifest.ref.kind == "HorizontalPodAutoscaler":
            yield manifest.spec, manifest.spec.get("scaleTargetRef") or {}


def _budget(manifest: Manifest, count: int | None) -> Iterator[Fault]:
    spec = manifest.spec
    most, least = spec.get("maxUnavailable"), spec.get("minAvailable")
    if most is not None and least is not None:
        message, hint = "minAvailable and maxUnavailable exclude each other", "keep one of the two"
        yield Fault(manifest.ref, ("spec", "minAvailable"), "budget-blocks", message, hint)
        return
    hint = "a node with such a pod can never be drained: allow one to be away, or run one more"
    if most in (0, "0%"):
        message = "no pod may ever be away"
    elif least == "100%" or (isinstance(least, int) and count is not None and least >= count > 0):
        message = f"minAvailable is {least}, and there may be no more pods, so none may ever be away"
    else:
        return
    field = "maxUnavailable" if most is not None else "minAvailable"
    yield Fault(manifest.ref, ("spec", field), "budget-blocks", message, hint, severity=Severity.WARNING)


def _autoscaler(manifest: Manifest, pods: Sequence[Workload]) -> Iterator[Fault]:
    spec, ref = manifest.spec, manifest.ref
    least, most = spec.get("minReplicas", 1), spec.get("maxReplicas")
    if isinstance(most, int) and isinstance(least, int) and most < least:
        message = f"maxReplicas is {most}, below minReplicas, which is {least}"
        yield Fault(ref, ("spec", "maxReplicas"), "autoscaler-stuck", message, "the API server refuses it")
    target = spec.get("scaleTargetRef") or {}
    kind, name = target.get("kind"), target.get("name")
    for pod in pods:
        if (pod.ref.kind, pod.ref.name) == (kind, name):
            yield from _requests(manifest, pod)


def _requests(manifest: Manifest, pod: Workload) -> Iterator[Fault]:
    """A share of what is requested can be measured only where every container requests it, and is reached below its limit."""
    kept = [each for route, each in containers(pod) if "initContainers" not in route or each.get("restartPolicy")]
    for index, metric in enumerate(manifest.spec.get("metrics") or []):
        resource: Route = ("spec", "metrics", index, "resource")
        share = follow(metric, ("resource", "target", "averageUtilization"))
        if not isinstance(share, int):
            continue
        wanted = str(metric["resource"].get("name"))
        for container in kept:
            asked, who = container.get("resources") or {}, f"container {container.get('name')}"
            limit = (asked.get("limits") or {}).get(wanted)
            request = (asked.get("requests") or {}).get(wanted, limit)
            if request is None:
                message = f"{pod.ref} requests no {wanted} for its {who}"
                hint = "a share of nothing cannot be measured, so the autoscaler would never act"
                yield Fault(manifest.ref, resource, "autoscaler-stuck", message, hint)
            elif limit is not None and number(request) * share / 100 > number(limit):
                message = f"{share}% of the {request} {wanted} that the {who} requests is above its limit of {limit}"
                aim = (*resource, "target", "averageUtilization")
                yield Fault(manifest.ref, aim, "autoscaler-stuck", message, "aim lower: it would never be reached")


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
    because: Route = ("artifactServer", "autoscaling") if name == ARTIFACT_SERVER.name else ("autoscaling",)
    return Fault(manifest.ref, (), "replicas-reset", message, hint, because, Severity.WARNING)
