"""What keeps the pods of a build available while nodes, versions and numbers change: `compiler.policy` has each demand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from compiler.manifest import Fault, Manifest
from compiler.overlay import Overlay
from compiler.route import Route
from compiler.workload import Workload, containers, matches, selected, workloads

_KEPT = ("Deployment", "StatefulSet")
_NODES = {"kubernetes.io/hostname"}
"""Topologies in which two pods are apart; kube-linter accepts this one alone."""
_BUDGET: Route = ("spec", "selector")


def available(overlay: Overlay, manifests: Sequence[Manifest], made_up: Sequence[str]) -> list[Fault]:
    """Probes tell what they should, replicas stand apart and go one by one, and nothing removes what was applied."""
    faults: list[Fault] = []
    by_ref = {manifest.ref: manifest for manifest in manifests}
    for workload in workloads(manifests):
        spec = by_ref[workload.ref].spec
        kind = workload.ref.kind
        faults += _spread(workload)
        if kind not in ("Job", "CronJob"):
            faults += _probes(workload)
        if kind in _KEPT:
            faults += _several(workload, spec, manifests)
        if kind == "Deployment":
            faults += _behind_a_service(workload, spec, manifests)
        if kind == "StatefulSet":
            faults += _headless(workload, spec, manifests)
    for manifest in manifests:
        faults += _finished(manifest)
        if manifest.ref.kind == "PodDisruptionBudget":
            faults += _budget(manifest, by_ref, manifests)
        if manifest.ref.kind == "HorizontalPodAutoscaler" and manifest.spec.get("minReplicas", 1) < 2:
            message = "it may leave one pod"
            faults.append(
                Fault(manifest.ref, ("spec", "minReplicas"), "few-replicas", message, "set minReplicas to 2 or more")
            )
    return faults


def _replicas(spec: dict[str, Any]) -> int:
    return int(spec.get("replicas", 1))


def _probes(workload: Workload) -> Iterator[Fault]:
    for route, container in containers(workload):
        who = f"the container {container.get('name')}"
        ready, alive = container.get("readinessProbe") or {}, container.get("livenessProbe") or {}
        if "initContainers" not in route:
            for probe, field in ((ready, "readinessProbe"), (alive, "livenessProbe")):
                if not probe:
                    message = f"{who} has no {field}"
                    yield Fault(workload.ref, (*route, field), "missing-probe", message, "nobody sees when it hangs")
        if ready and alive and _question(ready) == _question(alive):
            message = f"{who} is restarted by the same probe that takes it out of service"
            hint = "liveness should fail only where a restart helps"
            yield Fault(workload.ref, (*route, "livenessProbe"), "identical-probes", message, hint)


def _question(probe: dict[str, Any]) -> tuple[str, Any]:
    """What a probe asks, as kube-score compares it: of HTTP the path and the number of the port, a name being none."""
    if "httpGet" in probe:
        port = probe["httpGet"].get("port")
        return "http", (probe["httpGet"].get("path"), port if isinstance(port, int) else 0)
    if "tcpSocket" in probe:
        return "tcp", probe["tcpSocket"].get("port")
    if "exec" in probe:
        return "exec", probe["exec"].get("command")
    return "other", id(probe)


def _several(workload: Workload, spec: dict[str, Any], manifests: Sequence[Manifest]) -> Iterator[Fault]:
    """What more than one replica needs. A number that is left out may be an autoscaler's, which has its own rule."""
    scaled = "replicas" not in spec and bool(_scalers(workload, manifests))
    if _replicas(spec) < 2 and not scaled:
        return
    if not selected(manifests, workload, "PodDisruptionBudget", _BUDGET):
        message, hint = "a drain may take all of its pods at once", "add a PodDisruptionBudget"
        yield Fault(workload.ref, ("spec", "replicas"), "disruption-budget", message, hint)
    if not any(_apart(term, workload) for term in _terms(workload)):
        message = "nothing keeps its pods on different nodes"
        hint = "add a podAntiAffinity over kubernetes.io/hostname that picks the pod's own labels"
        yield Fault(workload.ref, (*workload.route, "affinity"), "no-anti-affinity", message, hint)


def _terms(workload: Workload) -> Iterator[dict[str, Any]]:
    against = (workload.pod.get("affinity") or {}).get("podAntiAffinity") or {}
    for preferred in against.get("preferredDuringSchedulingIgnoredDuringExecution") or []:
        yield preferred.get("podAffinityTerm") or {}
    yield from against.get("requiredDuringSchedulingIgnoredDuringExecution") or []


def _apart(term: dict[str, Any], workload: Workload) -> bool:
    return term.get("topologyKey") in _NODES and matches(term.get("labelSelector") or {}, workload.labels)


def _scalers(workload: Workload, manifests: Sequence[Manifest]) -> list[Manifest]:
    wanted = {"apiVersion": workload.ref.api_version, "kind": workload.ref.kind, "name": workload.ref.name}
    return [
        manifest
        for manifest in manifests
        if manifest.ref.kind == "HorizontalPodAutoscaler" and manifest.spec.get("scaleTargetRef") == wanted
    ]


def _behind_a_service(workload: Workload, spec: dict[str, Any], manifests: Sequence[Manifest]) -> Iterator[Fault]:
    scaled = bool(_scalers(workload, manifests))
    if scaled and "replicas" in spec:
        message, hint = "every apply sets the number that an autoscaler chose back", "remove replicas"
        yield Fault(workload.ref, ("spec", "replicas"), "rolling-update", message, hint)
    if not selected(manifests, workload, "Service", ("spec", "selector")):
        return
    if not scaled and _replicas(spec) < 2:
        message, hint = "one pod answers a Service: when it goes, nobody does", "set two or more replicas"
        yield Fault(workload.ref, ("spec", "replicas"), "few-replicas", message, hint)
    if (spec.get("strategy") or {}).get("type", "RollingUpdate") != "RollingUpdate":
        message = "an update stops every pod before it starts a new one"
        yield Fault(workload.ref, ("spec", "strategy", "type"), "rolling-update", message, "set type: RollingUpdate")


def _headless(workload: Workload, spec: dict[str, Any], manifests: Sequence[Manifest]) -> Iterator[Fault]:
    named = [
        service
        for service in selected(manifests, workload, "Service", ("spec", "selector"))
        if service.ref.name == spec.get("serviceName") and service.spec.get("clusterIP") == "None"
    ]
    if not named:
        message = "no headless Service gives its pods names of their own"
        hint = "name a Service with clusterIP: None in serviceName"
        yield Fault(workload.ref, ("spec", "serviceName"), "headless-service", message, hint)


def _spread(workload: Workload) -> Iterator[Fault]:
    for index, constraint in enumerate(workload.pod.get("topologySpreadConstraints") or []):
        if "labelSelector" not in constraint:
            route = (*workload.route, "topologySpreadConstraints", index)
            message = "the constraint counts no pods, so it spreads none"
            yield Fault(workload.ref, route, "spread-constraint", message, "add a labelSelector")


def _budget(manifest: Manifest, by_ref: dict[Any, Manifest], manifests: Sequence[Manifest]) -> Iterator[Fault]:
    spec = manifest.spec
    picked = [each for each in workloads(manifests) if matches(spec.get("selector") or {}, each.labels)]
    counts = [_replicas(by_ref[each.ref].spec) for each in picked if each.ref.kind in _KEPT]
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    if least is None and most is None:
        yield _blocked(manifest, "", "it says neither how many may go nor how many must stay")
    if most in (0, "0%"):
        yield _blocked(manifest, "maxUnavailable", "it lets no pod go, so a node is never drained")
    if least == "100%" or (isinstance(least, int) and any(least >= count for count in counts)):
        yield _blocked(manifest, "minAvailable", "it keeps every pod, so a node is never drained")
    if "unhealthyPodEvictionPolicy" not in spec:
        yield _blocked(manifest, "unhealthyPodEvictionPolicy", "a pod that is never ready may block a drain for ever")


def _blocked(manifest: Manifest, field: str, message: str) -> Fault:
    hints = {
        "": "set maxUnavailable: 1",
        "maxUnavailable": "set maxUnavailable: 1",
        "minAvailable": "set maxUnavailable: 1 in its place",
        "unhealthyPodEvictionPolicy": "set unhealthyPodEvictionPolicy: AlwaysAllow",
    }
    return Fault(manifest.ref, ("spec", field) if field else ("spec",), "disruption-budget", message, hints[field])


def _finished(manifest: Manifest) -> Iterator[Fault]:
    spec, ttl = manifest.spec, "ttlSecondsAfterFinished"
    if manifest.ref.kind == "Job" and ttl not in spec:
        message = "it stays when it is finished"
        yield Fault(manifest.ref, ("spec", ttl), "job-ttl", message, f"set {ttl}")
    if manifest.ref.kind != "CronJob":
        return
    job = (spec.get("jobTemplate") or {}).get("spec") or {}
    policy = ((job.get("template") or {}).get("spec") or {}).get("restartPolicy")
    if "startingDeadlineSeconds" not in spec:
        message, hint = "a run that was missed has no deadline", "set startingDeadlineSeconds"
        yield Fault(manifest.ref, ("spec",), "cron-job", message, hint)
    if policy not in ("Never", "OnFailure"):
        message, hint = "its pods do not say how they restart", "set restartPolicy: Never or OnFailure"
        yield Fault(manifest.ref, ("spec", "jobTemplate"), "cron-job", message, hint)
    if ttl in job:
        message, hint = f"{ttl} removes runs before the history limits do", f"remove {ttl}"
        yield Fault(manifest.ref, ("spec", "jobTemplate", "spec", ttl), "cron-job", message, hint)
