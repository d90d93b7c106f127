"""Selectors pick pods and ports exist: a Service, policy or budget that picks nothing is valid, and does nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from compiler.manifest import Fault, Manifest
from compiler.overlay import Overlay, Ref
from compiler.route import Route
from compiler.workload import PROBES, Pods, Workload, containers, matches, workloads


def pick(overlay: Overlay, manifests: Sequence[Manifest], made_up: Sequence[str]) -> list[Fault]:
    """Every selector picks a pod of the build, and every named port is one of the pods that are picked."""
    return picks(manifests)


def picks(manifests: Sequence[Manifest]) -> list[Fault]:
    """The same of any objects of a namespace that belong together."""
    pods = Pods(workloads(manifests))
    services = {manifest.ref.name: manifest for manifest in manifests if manifest.ref.kind == "Service"}
    faults: list[Fault] = []
    for manifest in manifests:
        match manifest.ref.kind:
            case "Service":
                faults += _service(manifest, pods)
            case "Ingress" | "HTTPRoute":
                faults += _routed(manifest, services)
            case "NetworkPolicy":
                faults += _policy(manifest, pods)
            case "PodDisruptionBudget":
                faults += _selected(manifest, ("spec", "selector"), manifest.spec.get("selector") or {}, pods)
            case "ServiceMonitor":
                faults += _monitor(manifest, services)
            case "Deployment" | "StatefulSet" | "DaemonSet":
                faults += _controller(manifest, services)
            case "HorizontalPodAutoscaler":
                faults += _autoscaler(manifest, manifests)
            case _:
                pass
    for pod in pods.all:
        faults += _probes(pod)
    return faults


def _fault(manifest: Manifest, route: Route, message: str, looks_for: str = "") -> Fault:
    hint = "compare its words with those of the pods"
    return Fault(manifest.ref, route, "picks-nothing", message, hint, looks_for=looks_for)


def _selected(manifest: Manifest, route: Route, selector: dict[str, Any], pods: Pods) -> Iterator[Fault]:
    if not pods.picked(selector):
        yield _fault(manifest, route, f"{manifest.ref} selects no pod", "Pod")


def _ports(pods: Sequence[Workload]) -> set[Any]:
    ports: set[Any] = set()
    for pod in pods:
        for _, container in containers(pod):
            for port in container.get("ports") or []:
                ports |= {port.get("name"), port.get("containerPort")}
    return ports


def _service(manifest: Manifest, pods: Pods) -> Iterator[Fault]:
    labels = manifest.spec.get("selector")
    if not labels:
        return
    selector = {"matchLabels": labels}
    yield from _selected(manifest, ("spec", "selector"), selector, pods)
    picked = pods.picked(selector)
    for index, port in enumerate(manifest.spec.get("ports") or []):
        target = port.get("targetPort", port.get("port"))
        if picked and target not in _ports(picked):
            message = f"the pods of {manifest.ref} have no port {target}"
            yield _fault(manifest, ("spec", "ports", index, "targetPort"), message)


def _routed(manifest: Manifest, services: dict[str, Manifest]) -> Iterator[Fault]:
    route = _ingress if manifest.ref.kind == "Ingress" else _http_route
    yield from route(manifest, services)


def _ingress(manifest: Manifest, services: dict[str, Manifest]) -> Iterator[Fault]:
    spec = manifest.spec
    yield from _backend(manifest, ("spec", "defaultBackend"), spec.get("defaultBackend") or {}, services)
    for rule_index, rule in enumerate(spec.get("rules") or []):
        for index, path in enumerate((rule.get("http") or {}).get("paths") or []):
            route = ("spec", "rules", rule_index, "http", "paths", index, "backend")
            yield from _backend(manifest, route, path["backend"], services)


def _backend(
    manifest: Manifest, route: Route, backend: dict[str, Any], services: dict[str, Manifest]
) -> Iterator[Fault]:
    target = backend.get("service")
    if target is None:
        return
    port = target.get("port") or {}
    wanted = port.get("name") or port.get("number")
    yield from _target(manifest, (*route, "service"), str(target["name"]), wanted, services)


def _target(manifest: Manifest, route: Route, name: str, port: Any, services: dict[str, Manifest]) -> Iterator[Fault]:
    """A Service that is named, and a port of it by name or number."""
    service = services.get(name)
    if service is None:
        yield _fault(manifest, (*route, "name"), f"there is no Service {name}", "Service")
        return
    if port not in {value for each in service.spec.get("ports") or [] for value in (each.get("name"), each["port"])}:
        yield _fault(manifest, (*route, "port"), f"the Service {name} has no port {port}")


def _http_route(manifest: Manifest, services: dict[str, Manifest]) -> Iterator[Fault]:
    for rule_index, rule in enumerate(manifest.spec.get("rules") or []):
        for index, target in enumerate(rule.get("backendRefs") or []):
            if target.get("namespace") or target.get("kind", "Service") != "Service":
                continue
            route: Route = ("spec", "rules", rule_index, "backendRefs", index)
            yield from _target(manifest, route, str(target["name"]), target.get("port"), services)


def _monitor(manifest: Manifest, services: dict[str, Manifest]) -> Iterator[Fault]:
    selector = manifest.spec.get("selector") or {}
    picked = [each for each in services.values() if matches(selector, each.data["metadata"].get("labels") or {})]
    if not picked:
        yield _fault(manifest, ("spec", "selector"), f"{manifest.ref} selects no Service of the overlay")
        return
    ports = {port.get("name") for service in picked for port in service.spec.get("ports") or []}
    for index, endpoint in enumerate(manifest.spec.get("endpoints") or []):
        if endpoint.get("port") not in ports:
            message = f"the Services of {manifest.ref} have no port {endpoint.get('port')}"
            yield _fault(manifest, ("spec", "endpoints", index, "port"), message)


def _policy(manifest: Manifest, pods: Pods) -> Iterator[Fault]:
    spec = manifest.spec
    yield from _selected(manifest, ("spec", "podSelector"), spec.get("podSelector") or {}, pods)
    own = pods.picked(spec.get("podSelector") or {})
    for direction, field in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(direction) or []):
            route: Route = ("spec", direction, index)
            picked = own
            for number, peer in enumerate(rule.get(field) or []):
                if "podSelector" in peer and "namespaceSelector" not in peer:
                    yield from _selected(manifest, (*route, field, number), peer["podSelector"] or {}, pods)
                    if direction == "egress":
                        picked = pods.picked(peer["podSelector"] or {})
            for number, port in enumerate(rule.get("ports") or []):
                name = port.get("port")
                if isinstance(name, str) and picked and name not in _ports(picked):
                    yield _fault(manifest, (*route, "ports", number), f"the pods have no port {name}")


def _controller(manifest: Manifest, services: dict[str, Manifest]) -> Iterator[Fault]:
    spec = manifest.spec
    if not any(matches(spec.get("selector") or {}, own.labels) for own in workloads([manifest])):
        yield _fault(manifest, ("spec", "selector"), f"{manifest.ref} does not select its own pods")
    service = spec.get("serviceName")
    if service and service not in services:
        yield _fault(manifest, ("spec", "serviceName"), f"there is no Service {service}", "Service")


def _autoscaler(manifest: Manifest, manifests: Sequence[Manifest]) -> Iterator[Fault]:
    target = manifest.spec.get("scaleTargetRef") or {}
    named = Ref(str(target.get("apiVersion", "")), str(target.get("kind", "")), str(target.get("name", "")))
    if named not in {each.ref for each in manifests}:
        yield _fault(manifest, ("spec", "scaleTargetRef"), f"there is no {named} to scale", named.kind)


def _probes(pod: Workload) -> Iterator[Fault]:
    for route, container in containers(pod):
        ports = {
            value for port in container.get("ports") or [] for value in (port.get("name"), port.get("containerPort"))
        }
        for probe in PROBES:
            for handler in ("httpGet", "tcpSocket"):
                target = ((container.get(probe) or {}).get(handler) or {}).get("port")
                if target is not None and target not in ports:
                    message = f"the container has no port {target}"
                    yield Fault(
                        pod.ref, (*route, probe, handler, "port"), "picks-nothing", message, "name one of its ports"
                    )
