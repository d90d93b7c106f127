"""What every container of a build must be: pinned, and within Pod Security *restricted*.

The standard is that of https://kubernetes.io/docs/concepts/security/pod-security-standards/, for what the API server checks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from compiler.manifest import Fault, Manifest
from compiler.overlay import Overlay
from compiler.route import Route
from compiler.workload import Workload, containers, workloads

_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


def pinned(overlay: Overlay, manifests: Sequence[Manifest], made_up: Sequence[str]) -> list[Fault]:
    """Every container has an image, with a tag other than latest or with a digest."""
    faults = []
    for workload in workloads(manifests):
        for route, container in containers(workload):
            image = container.get("image")
            if not image:
                message = f"the container {container.get('name')} has no image"
                hint = "a patch with a mistyped container name adds a second container"
                faults.append(Fault(workload.ref, route, "no-image", message, hint))
                continue
            name, _, digest = str(image).partition("@")
            if not digest and name.rpartition("/")[2].partition(":")[2] in ("", "latest"):
                message = f"the image {image} names another one tomorrow"
                faults.append(Fault(workload.ref, (*route, "image"), "unpinned-image", message, "name a version"))
    return faults


def restricted(overlay: Overlay, manifests: Sequence[Manifest], made_up: Sequence[str]) -> list[Fault]:
    """Every pod is one that a namespace with Pod Security restricted admits."""
    return [
        Fault(workload.ref, route, "pod-security", message, "Pod Security restricted refuses this pod")
        for workload in workloads(manifests)
        for route, message in _breaches(workload)
    ]


def _breaches(workload: Workload) -> Iterator[tuple[Route, str]]:
    pod = workload.pod
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(name):
            yield (*workload.route, name), f"the pod shares the node's {name.removeprefix('host')}"
    for index, volume in enumerate(pod.get("volumes") or []):
        kinds = set(volume) - {"name"}
        if kinds - _VOLUMES:
            yield (*workload.route, "volumes", index), f"a volume of type {', '.join(sorted(kinds - _VOLUMES))}"
    shared = pod.get("securityContext") or {}
    for route, container in containers(workload):
        yield from _container(route, container, shared)


def _container(route: Route, container: dict[str, Any], pod: dict[str, Any]) -> Iterator[tuple[Route, str]]:
    own = container.get("securityContext") or {}
    name = container.get("name")
    place = (*route, "securityContext")
    if own.get("privileged"):
        yield place, f"the container {name} is privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield place, f"the container {name} may gain privileges: set allowPrivilegeEscalation: false"
    if "ALL" not in ((own.get("capabilities") or {}).get("drop") or []):
        yield place, f"the container {name} keeps capabilities: drop ALL"
    if set((own.get("capabilities") or {}).get("add") or []) - {"NET_BIND_SERVICE"}:
        yield place, f"the container {name} adds capabilities"
    if own.get("runAsNonRoot", pod.get("runAsNonRoot")) is not True:
        yield place, f"the container {name} may run as root: set runAsNonRoot: true"
    if own.get("runAsUser", pod.get("runAsUser")) == 0:
        yield place, f"the container {name} runs as root"
    profile = own.get("seccompProfile") or pod.get("seccompProfile") or {}
    if profile.get("type") not in ("RuntimeDefault", "Localhost"):
        yield place, f"the container {name} has no seccomp profile: set RuntimeDefault"
    if any(port.get("hostPort") for port in container.get("ports") or []):
        yield (*route, "ports"), f"the container {name} takes a port of the node"
