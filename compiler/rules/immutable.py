"""What the API server refuses to change in an object that is there.

Jobs are named for their content, so they never change. A StatefulSet may change its replicas, template, update strategy and
retention, and nothing else (Kubernetes API, validation of StatefulSet updates). Of a Deployment the selector is fixed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from compiler.diagnostic import Severity
from compiler.manifest import Fault, Manifest
from compiler.route import Route, follow, show

_FIXED: dict[str, tuple[Route, ...]] = {
    "Deployment": (("spec", "selector"),),
    "StatefulSet": (
        ("spec", "selector"),
        ("spec", "serviceName"),
        ("spec", "podManagementPolicy"),
        ("spec", "volumeClaimTemplates"),
    ),
}


def refused(before: Sequence[Manifest], after: Sequence[Manifest]) -> list[Fault]:
    """What of a new build the API server refuses where the build before it is running. In: both builds."""
    old = {manifest.ref: manifest for manifest in before}
    return [
        fault
        for manifest in after
        if manifest.ref in old and _namespace(manifest) == _namespace(old[manifest.ref])
        for fault in _refused(old[manifest.ref], manifest)
    ]


def _namespace(manifest: Manifest) -> Any:
    return follow(manifest.data, ("metadata", "namespace"))


def _refused(before: Manifest, after: Manifest) -> Iterator[Fault]:
    for route in _FIXED.get(after.ref.kind, ()):
        if follow(before.data, route) == follow(after.data, route):
            continue
        name = after.ref.name
        message = f"the API server refuses to change {show(route)} of a {after.ref.kind} that is there"
        yield Fault(
            after.ref,
            _first_difference(before, after, route),
            "immutable-field",
            message,
            _way_out(name, route),
            None,
            Severity.WARNING,
        )


def _first_difference(before: Manifest, after: Manifest, route: Route) -> Route:
    """The route of the first value that differs below a route: the one that a person changed."""
    old, new = follow(before.data, route), follow(after.data, route)
    keys = new if isinstance(new, dict) else range(len(new)) if isinstance(new, list) else ()
    for key in keys:
        inner = (*route, key)
        if follow(before.data, inner) != follow(after.data, inner):
            return _first_difference(before, after, inner)
    return route if old != new else ()


def _way_out(name: str, route: Route) -> str:
    if route[-1] == "volumeClaimTemplates":
        return (
            f"to grow a volume: raise the request of the claim data-{name}-0 (kubectl patch pvc), then kubectl delete "
            f"statefulset {name} --cascade=orphan, then apply; a smaller volume or another class needs a new one, and a copy"
        )
    return "where it runs: kubectl delete it with --cascade=orphan, then apply"
