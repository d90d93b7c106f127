"""What must hold of an installation of Kubeflow Pipelines on a store of one's own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from compiler.manifest import Fault, Manifest, strings
from compiler.overlay import Overlay
from compiler.route import show
from compiler.workload import containers, workloads

_EMBEDDED = re.compile(r"mlpipeline-minio-artifact|seaweedfs|minio-service|minio123")
"""What names upstream's own store: its objects, its Secret and the key that is in it."""
_CONTROLLER = "kubeflow-pipelines-profile-controller"
_ROLE = "AwsIamForServiceAccount"


def detached(overlay: Overlay, manifests: Sequence[Manifest], made_up: Sequence[str]) -> list[Fault]:
    """Nothing names upstream's own store any more, but for a value that the environment itself has."""
    own = [str(change.value) for change in overlay.changes]
    return [
        Fault(
            manifest.ref,
            route,
            "embedded-store",
            f"{show(route)} still names upstream's own store: {_short(text)}",
            _HINT,
        )
        for manifest in manifests
        if not manifest.apart and manifest.ref.kind != "CustomResourceDefinition"
        for route, text in strings(manifest.data)
        if _EMBEDDED.search(text) and text not in own
    ]


_HINT = "take the object away in custom/, or change what names the store there"


def _short(text: str) -> str:
    line = next(line.strip() for line in text.splitlines() if _EMBEDDED.search(line))
    return line if len(line) <= 80 else f"{line[:77]}..."


def uncontrolled(overlay: Overlay, manifests: Sequence[Manifest], made_up: Sequence[str]) -> list[Fault]:
    """No controller sets profiles up for upstream's own store, which it would do over what profiles have here."""
    message = "the controller gives every profile the settings of upstream's own store"
    hint = "take it away in custom/: profiles have their settings from the overlay"
    return [
        Fault(manifest.ref, (), "embedded-store", message, hint)
        for manifest in manifests
        if overlay.profiles and manifest.ref.name.startswith(_CONTROLLER) and manifest.ref.kind != "ServiceAccount"
    ]


def one_source(overlay: Overlay, manifests: Sequence[Manifest], made_up: Sequence[str]) -> list[Fault]:
    """Every variable of a container has one value: a patch can give one a second, which the API server refuses."""
    return [fault for workload in workloads(manifests) for fault in _twice(workload)]


def _twice(workload: Any) -> Iterator[Fault]:
    for route, container in containers(workload):
        if not container.get("image"):
            message, hint = f"the container {container.get('name')} has no image", "upstream calls it something else"
            yield Fault(workload.ref, route, "no-image", message, hint)
        names = [variable.get("name") for variable in container.get("env") or []]
        for name in sorted({str(each) for each in names if names.count(each) > 1}):
            yield Fault(
                workload.ref, (*route, "env"), "patch-misses", f"{name} is set twice", "one of the two has to go"
            )
        for index, variable in enumerate(container.get("env") or []):
            if variable.get("value") and variable.get("valueFrom"):
                message = f"{variable.get('name')} has a value and a source of one"
                yield Fault(workload.ref, (*route, "env", index), "patch-misses", message, "one of the two has to go")


def trust_kept(overlay: Overlay, manifests: Sequence[Manifest], made_up: Sequence[str]) -> list[Fault]:
    """No Profile lets Kubeflow rewrite the trust of its role: it would keep the first statement alone."""
    faults = []
    for manifest in (each for each in manifests if each.ref.kind == "Profile"):
        for index, plugin in enumerate(manifest.spec.get("plugins") or []):
            words = {str(key).lower(): value for key, value in (plugin.get("spec") or {}).items()}
            if plugin.get("kind") == _ROLE and words.get("annotateonly") is not True:
                message = (
                    "without annotateOnly, Kubeflow rewrites the trust of the role, and keeps its first statement alone"
                )
                route = ("spec", "plugins", index, "spec")
                faults.append(Fault(manifest.ref, route, "rewritten-trust", message, "set annotateOnly: true"))
    return faults
