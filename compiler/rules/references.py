"""Whatever an object names exists: in the build, or among the Secrets that the environment asks a person to create."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from compiler.manifest import Fault, Manifest
from compiler.overlay import Overlay
from compiler.route import Named, Route
from compiler.workload import Workload, containers, workloads

Keys = dict[str, set[str] | None]
"""The keys of each ConfigMap or Secret by its name; None where they are not known."""


def resolve(overlay: Overlay, manifests: Sequence[Manifest], made_up: Sequence[str]) -> list[Fault]:
    """Every Secret, ConfigMap, ServiceAccount, Service and volume that is named is there, with the key that is named."""
    provided = {
        "ConfigMap": dict.fromkeys(overlay.config_maps),
        "Secret": {secret.name: {key.key for key in secret.keys} or None for secret in overlay.secrets},
    }
    return resolved(manifests, provided, overlay.accounts)


def resolved(
    manifests: Sequence[Manifest], provided: dict[str, Keys], accounts_elsewhere: Sequence[str] = ()
) -> list[Fault]:
    """The same of any objects of a namespace that belong together, with the objects that others provide."""
    known = {kind: provided.get(kind, {}) | _built(manifests, kind) for kind in ("ConfigMap", "Secret")}
    accounts = {manifest.ref.name for manifest in manifests if manifest.ref.kind == "ServiceAccount"}
    accounts |= {"default", *accounts_elsewhere}
    faults = []
    for workload in workloads(manifests):
        account = workload.pod.get("serviceAccountName", "default")
        if account not in accounts:
            route = (*workload.route, "serviceAccountName")
            faults.append(_fault(workload, route, f"the ServiceAccount {account}", "ServiceAccount"))
        for route, kind, name, key in _named(workload):
            keys = known[kind].get(name)
            if name not in known[kind]:
                faults.append(_fault(workload, route, f"the {kind} {name}", kind))
            elif key and keys is not None and key not in keys:
                faults.append(_fault(workload, route, f"the key {key} of the {kind} {name}"))
        faults += _volumes(workload)
    return faults


def _fault(workload: Workload, route: Route, what: str, looks_for: str = "") -> Fault:
    hint = "the pod would never start"
    return Fault(workload.ref, route, "dangling-reference", f"{what} is not there", hint, looks_for=looks_for)


def _built(manifests: Sequence[Manifest], kind: str) -> Keys:
    return {
        manifest.ref.name: {*(manifest.data.get("data") or {}), *(manifest.data.get("stringData") or {})}
        for manifest in manifests
        if manifest.ref.kind == kind
    }


def _named(workload: Workload) -> Iterator[tuple[Route, str, str, str]]:
    """Every ConfigMap and Secret that a pod names: where, which kind, which name, and which key, if one is named."""
    for route, container in containers(workload):
        for index, source in enumerate(container.get("envFrom") or []):
            place: Route = (*route, "envFrom", index)
            yield from _target(place, source, {"configMapRef": "ConfigMap", "secretRef": "Secret"})
        for variable in container.get("env") or []:
            place = (*route, "env", Named(str(variable.get("name"))), "valueFrom")
            origin = variable.get("valueFrom") or {}
            yield from _target(place, origin, {"configMapKeyRef": "ConfigMap", "secretKeyRef": "Secret"})
    for volume in workload.pod.get("volumes") or []:
        place = (*workload.route, "volumes", Named(str(volume.get("name"))))
        yield from _target(place, volume, {"configMap": "ConfigMap", "secret": "Secret"})
        yield from _target((*place, "csi"), volume.get("csi") or {}, {"nodePublishSecretRef": "Secret"})
        for index, source in enumerate((volume.get("projected") or {}).get("sources") or []):
            yield from _target(
                (*place, "projected", "sources", index), source, {"configMap": "ConfigMap", "secret": "Secret"}
            )
    for index, secret in enumerate(workload.pod.get("imagePullSecrets") or []):
        yield (*workload.route, "imagePullSecrets", index, "name"), "Secret", str(secret.get("name")), ""


def _target(place: Route, holder: dict[str, Any], kinds: dict[str, str]) -> Iterator[tuple[Route, str, str, str]]:
    """What a reference names, in any of the forms that Kubernetes has for it."""
    for field, kind in kinds.items():
        reference = holder.get(field) or {}
        if not reference or reference.get("optional"):
            continue
        word = "secretName" if "secretName" in reference else "name"
        for item in reference.get("items") or [reference]:
            yield (*place, field, word), kind, str(reference.get(word)), str(item.get("key", ""))


def _volumes(workload: Workload) -> Iterator[Fault]:
    there: set[Any] = {volume.get("name") for volume in workload.pod.get("volumes") or []} | set(workload.claims)
    for route, container in containers(workload):
        for index, mount in enumerate(container.get("volumeMounts") or []):
            if mount.get("name") not in there:
                yield _fault(workload, (*route, "volumeMounts", index, "name"), f"the volume {mount.get('name')}")
