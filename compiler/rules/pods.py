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


_SELINUX = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")
_SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
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
    place = (*workload.route, "securityContext")
    yield from ((place, message) for message in _context("the pod", shared))
    for index, sysctl in enumerate(shared.get("sysctls") or []):
        if sysctl.get("name") not in _SYSCTLS:
            yield (*place, "sysctls", index), f"the pod sets {sysctl.get('name')} of the node's kernel"
    for route, container in containers(workload):
        yield from _container(route, container, shared)


def _context(who: str, context: dict[str, Any]) -> Iterator[str]:
    """What neither a pod nor a container may say of itself."""
    if context.get("runAsUser") == 0:
        yield f"{who} runs as root"
    if context.get("runAsNonRoot") is False:
        yield f"{who} may run as root: set runAsNonRoot: true"
    if (context.get("seccompProfile") or {}).get("type") == "Unconfined":
        yield f"{who} has no seccomp profile: set RuntimeDefault"
    if (context.get("appArmorProfile") or {}).get("type") == "Unconfined":
        yield f"{who} has no AppArmor profile: set RuntimeDefault"
    options = context.get("seLinuxOptions") or {}
    if options.get("user") or options.get("role") or options.get("type", "") not in _SELINUX:
        yield f"{who} chooses SELinux options"
    if (context.get("windowsOptions") or {}).get("hostProcess"):
        yield f"{who} is a process of the Windows host"


def _container(route: Route, container: dict[str, Any], pod: dict[str, Any]) -> Iterator[tuple[Route, str]]:
    own = container.get("securityContext") or {}
    who = f"the container {container.get('name')}"
    place = (*route, "securityContext")
    yield from ((place, message) for message in _context(who, own))
    if own.get("privileged"):
        yield place, f"{who} is privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield place, f"{who} may gain privileges: set allowPrivilegeEscalation: false"
    if "ALL" not in ((own.get("capabilities") or {}).get("drop") or []):
        yield place, f"{who} keeps capabilities: drop ALL"
    if set((own.get("capabilities") or {}).get("add") or []) - {"NET_BIND_SERVICE"}:
        yield place, f"{who} adds capabilities"
    if own.get("procMount", "Default") != "Default":
        yield place, f"{who} sees all of /proc"
    if own.get("runAsNonRoot", pod.get("runAsNonRoot")) is None:
        yield place, f"{who} may run as root: set runAsNonRoot: true"
    if not (own.get("seccompProfile") or pod.get("seccompProfile")):
        yield place, f"{who} has no seccomp profile: set RuntimeDefault"
    if any(port.get("hostPort") for port in container.get("ports") or []):
        yield (*route, "ports"), f"{who} takes a port of the node"
    yield from _hosts(route, container, who)


def _hosts(route: Route, container: dict[str, Any], who: str) -> Iterator[tuple[Route, str]]:
    """Probes and hooks that name a host: refused from Kubernetes 1.34 on."""
    hooks = container.get("lifecycle") or {}
    handlers: list[tuple[tuple[str, ...], dict[str, Any]]]
    handlers = [((probe,), container.get(probe) or {}) for probe in ("startupProbe", "readinessProbe", "livenessProbe")]
    handlers += [(("lifecycle", hook), hooks.get(hook) or {}) for hook in ("postStart", "preStop")]
    for place, handler in handlers:
        for kind in ("httpGet", "tcpSocket"):
            if (handler.get(kind) or {}).get("host"):
                yield (*route, *place, kind, "host"), f"{who} probes another host"
