"""Where the server's pod has an identity of its own, no credential stands before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from compiler.manifest import Fault, Manifest
from compiler.overlay import ARTIFACT_SERVER, SERVER, Overlay
from compiler.route import Named, Route
from compiler.workload import containers, workloads


def unshadowed(overlay: Overlay, manifests: Sequence[Manifest], made_up: Sequence[str]) -> list[Fault]:
    """No container of the server is given a variable that a client takes instead of the pod's identity.

    What a Secret of a person's holds can't be seen here; the identity's component removes it when the server starts.
    """
    if not overlay.shadows:
        return []
    maps = {each.ref.name: each.data.get("data") or {} for each in manifests if each.ref.kind == "ConfigMap"}
    return [
        Fault(
            workload.ref,
            route,
            "shadowed-identity",
            f"{name} would be taken instead of the identity of the pod",
            "remove it",
        )
        for workload in workloads(manifests)
        if workload.ref in (SERVER, ARTIFACT_SERVER)
        for place, container in containers(workload)
        for route, name in _variables(place, container, maps)
        if name in overlay.shadows
    ]


def _variables(place: Route, container: dict[str, Any], maps: dict[str, Any]) -> Iterator[tuple[Route, str]]:
    for variable in container.get("env") or []:
        name = str(variable.get("name"))
        yield (*place, "env", Named(name)), name
    for index, source in enumerate(container.get("envFrom") or []):
        for name in maps.get(str((source.get("configMapRef") or {}).get("name")), {}):
            yield (*place, "envFrom", index), f"{source.get('prefix', '')}{name}"
