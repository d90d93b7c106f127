"""What a container of a pod reads, an earlier one has written. Kustomize puts the containers that a patch names before the
others, so that a patch of one container can turn the order of init containers round.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from compiler.manifest import Fault, Manifest
from compiler.overlay import Overlay
from compiler.route import Named
from compiler.workload import Workload, containers, workloads


def written_first(overlay: Overlay, manifests: Sequence[Manifest], made_up: Sequence[str]) -> list[Fault]:
    """No container mounts an empty volume to read it alone before another could have written to it."""
    return [fault for workload in workloads(manifests) for fault in _early(workload)]


def _early(workload: Workload) -> Iterator[Fault]:
    empty = {str(volume.get("name")) for volume in workload.pod.get("volumes") or [] if "emptyDir" in volume}
    mounts = [mount for each in workload.pod.get("containers") or [] for mount in each.get("volumeMounts") or []]
    for route, container in containers(workload):
        if route[-2] == "containers":
            # These run side by side.
            empty -= {str(mount.get("name")) for mount in mounts if not mount.get("readOnly")}
        for mount in container.get("volumeMounts") or []:
            name = str(mount.get("name"))
            if name in empty and mount.get("readOnly"):
                message = (
                    f"the container {container.get('name')} reads the volume {name} before anything is written to it"
                )
                hint = "start the container that writes it earlier: in a patch, name both in their order"
                yield Fault(workload.ref, (*route, "volumeMounts", Named(name)), "read-before-written", message, hint)
            empty.discard(name)
