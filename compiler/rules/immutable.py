"""What the API server refuses to change in an object that is there: the one home of that knowledge.

Each row follows the validation of updates in the Kubernetes API, and tests hold the rows against an API server. What the server
fills in by itself is no change: a field that one side leaves out is taken as its default, where it has a fixed one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from compiler.diagnostic import Severity
from compiler.manifest import Fault, Manifest
from compiler.quantity import number
from compiler.route import ABSENT, Route, Step, follow, show

_SELECTOR: Route = ("spec", "selector")
_FIXED: dict[str, tuple[Route, ...]] = {
    "ClusterRoleBinding": (("roleRef",),),
    "DaemonSet": (_SELECTOR,),
    "Deployment": (_SELECTOR,),
    "EndpointSlice": (("addressType",),),
    "IngressClass": (("spec", "controller"),),
    "Job": (
        _SELECTOR,
        ("spec", "template"),
        ("spec", "completionMode"),
        ("spec", "podFailurePolicy"),
        ("spec", "successPolicy"),
        ("spec", "backoffLimitPerIndex"),
        ("spec", "managedBy"),
    ),
    "PriorityClass": (("value",), ("preemptionPolicy",)),
    "ReplicaSet": (_SELECTOR,),
    "RoleBinding": (("roleRef",),),
    "RuntimeClass": (("handler",),),
    "Secret": (("type",),),
    "StatefulSet": (
        _SELECTOR,
        ("spec", "serviceName"),
        ("spec", "podManagementPolicy"),
        ("spec", "volumeClaimTemplates"),
    ),
    "StorageClass": (("provisioner",), ("parameters",), ("reclaimPolicy",), ("volumeBindingMode",)),
}
_DEFAULTS: dict[tuple[str, Route], Any] = {
    ("Job", ("spec", "completionMode")): "NonIndexed",
    ("PriorityClass", ("preemptionPolicy",)): "PreemptLowerPriority",
    ("Secret", ("type",)): "Opaque",
    ("StatefulSet", ("spec", "podManagementPolicy")): "OrderedReady",
    ("StorageClass", ("reclaimPolicy",)): "Delete",
    ("StorageClass", ("volumeBindingMode",)): "Immediate",
}
_STORAGE: Route = ("spec", "resources", "requests", "storage")
_ATTRIBUTES: Route = ("spec", "volumeAttributesClassName")


def refused(before: Sequence[Manifest], after: Sequence[Manifest]) -> list[Fault]:
    """What of a new build the API server refuses where the build before it is running. In: both builds."""
    old = {_identity(manifest): manifest for manifest in before}
    return [
        Fault(
            manifest.ref,
            route,
            "immutable-field",
            f"the API server refuses to change {show(route)} of a {manifest.ref.kind} that is there",
            _way_out(manifest, route),
            None,
            Severity.WARNING,
        )
        for manifest in after
        if (known := old.get(_identity(manifest)))
        for route in fixed(known, manifest)
    ]


def fixed(before: Manifest, after: Manifest) -> Iterator[Route]:
    """The routes at which two versions of an object differ though nothing may: each is the first that differs there."""
    kind = after.ref.kind
    for route in _FIXED.get(kind, ()):
        default = _DEFAULTS.get((kind, route), ABSENT)
        if _value(before, route, default) != _value(after, route, default):
            yield _first_difference(before, after, route)
    if special := _SPECIAL.get(kind):
        yield from special(before, after)


def _identity(manifest: Manifest) -> tuple[str, str, str, Any]:
    """What names one object in a cluster, in whatever version of its API it is written."""
    ref = manifest.ref
    return (
        ref.api_version.rpartition("/")[0],
        ref.kind,
        ref.name,
        str(follow(manifest.data, ("metadata", "namespace"))),
    )


def _value(manifest: Manifest, route: Route, default: Any = ABSENT) -> Any:
    """What stands at a route, with amounts of storage as numbers."""
    found = follow(manifest.data, route)
    return default if found is ABSENT else _counted(found, route[-1])


def _counted(value: Any, key: Step) -> Any:
    if isinstance(value, dict):
        return {inner: _counted(each, inner) for inner, each in value.items()}
    if isinstance(value, list):
        return [_counted(each, "") for each in value]
    return number(value) if key == "storage" else value


def _service(before: Manifest, after: Manifest) -> Iterator[Route]:
    """The address of a Service, unless it is a name alone, and what is settled with it."""
    old, new = before.spec, after.spec
    if "ExternalName" in (old.get("type"), new.get("type")):
        return
    address = new.get("clusterIP")
    # Left open, the address stays what it is.
    if address and address != old.get("clusterIP"):
        yield "spec", "clusterIP"
    was, is_ = old.get("ipFamilies"), new.get("ipFamilies")
    if was and is_ and was[0] != is_[0]:
        yield "spec", "ipFamilies", 0
    balanced = old.get("type") == new.get("type") == "LoadBalancer"
    if balanced and old.get("loadBalancerClass") != new.get("loadBalancerClass"):
        yield "spec", "loadBalancerClass"
    ports = old.get("healthCheckNodePort"), new.get("healthCheckNodePort")
    if all(ports) and ports[0] != ports[1]:
        yield "spec", "healthCheckNodePort"


def _claim(before: Manifest, after: Manifest) -> Iterator[Route]:
    """A claim may ask for more, and for other attributes, and for nothing else."""
    defaults = {"volumeMode": "Filesystem"}
    for key in sorted({*before.spec, *after.spec} - {"resources", "volumeName", _ATTRIBUTES[-1]}):
        default = defaults.get(key, ABSENT)
        if before.spec.get(key, default) != after.spec.get(key, default):
            yield _first_difference(before, after, ("spec", key))
    old, new = follow(before.data, _STORAGE), follow(after.data, _STORAGE)
    if new is ABSENT or (old is not ABSENT and number(new) < number(old)):
        yield _STORAGE


def _sealed(before: Manifest, after: Manifest) -> Iterator[Route]:
    """A ConfigMap or Secret that says it never changes."""
    if before.data.get("immutable") is not True:
        return
    for key in ("immutable", "data", "binaryData", "stringData"):
        if before.data.get(key) != after.data.get(key):
            yield _first_difference(before, after, (key,))


def _completions(before: Manifest, after: Manifest) -> Iterator[Route]:
    """How often a Job is to succeed; of one that counts its pods, together with how many run at once."""
    if before.spec.get("completions", 1) == after.spec.get("completions", 1):
        return
    elastic = after.spec.get("completionMode") == "Indexed"
    if not (elastic and after.spec.get("completions") == after.spec.get("parallelism")):
        yield "spec", "completions"


def _bare(before: Manifest, after: Manifest) -> Iterator[Route]:
    """A pod without an owner: its images and how long it may run may change."""
    free = {"containers", "initContainers", "activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds"}
    for key in sorted({*before.spec, *after.spec} - free):
        if before.spec.get(key) != after.spec.get(key):
            yield _first_difference(before, after, ("spec", key))
    for group in ("initContainers", "containers"):
        old, new = ([{**each, "image": ""} for each in side.spec.get(group) or []] for side in (before, after))
        if old != new:
            yield "spec", group


_SPECIAL: dict[str, Callable[[Manifest, Manifest], Iterator[Route]]] = {
    "ConfigMap": _sealed,
    "Job": _completions,
    "PersistentVolumeClaim": _claim,
    "Pod": _bare,
    "Secret": _sealed,
    "Service": _service,
}


def _first_difference(before: Manifest, after: Manifest, route: Route) -> Route:
    """The route of the first value that differs below a route: the one that a person changed."""
    old, new = follow(before.data, route), follow(after.data, route)
    if type(old) is type(new) and isinstance(new, dict | list):
        for key in new if isinstance(new, dict) else range(len(new)):
            inner = (*route, key)
            if _value(before, inner) != _value(after, inner):
                return _first_difference(before, after, inner)
    return route


def _way_out(manifest: Manifest, route: Route) -> str:
    kind, name = manifest.ref.kind, manifest.ref.name
    if "volumeClaimTemplates" in route:
        return (
            f"to grow a volume: raise the request of the claim data-{name}-0 (kubectl patch pvc), then kubectl delete "
            f"statefulset {name} --cascade=orphan, then apply; a smaller volume or another class needs a new one, and a copy"
        )
    return _WAYS.get(kind, f"where it runs: kubectl delete {kind.lower()} {name}, then apply")


_ORPHAN = "where it runs: kubectl delete it with --cascade=orphan, then apply"
_WAYS = {
    **dict.fromkeys(("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"), _ORPHAN),
    "ConfigMap": "give it another name, or delete it, and restart what reads it",
    "PersistentVolumeClaim": "a smaller volume or another class needs a new claim under another name, and a copy",
    "Service": "kubectl delete it, then apply: it gets a new address, and its clients look for the name again",
}
