"""Kustomize drops a patch or image whose target matches nothing, and says nothing: these rules look for each in the build."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from compiler.manifest import Fault, Manifest, strings
from compiler.overlay import SETTINGS, Change, Overlay, Ref
from compiler.route import ABSENT, follow, show
from compiler.workload import Workload, containers, image_name, workloads

PLACEHOLDER = "PLACEHOLDER"
"""What the base writes where every environment has to put a value."""


def hit(overlay: Overlay, manifests: Sequence[Manifest], made_up: Sequence[str]) -> list[Fault]:
    """Every value that the overlay sets stands in the build, where it was set."""
    return [
        *(fault for change in written_out(overlay, manifests) for fault in _missing(overlay, manifests, change)),
        *(fault for manifest in manifests for fault in _emptied(manifest)),
    ]


def written_out(overlay: Overlay, manifests: Sequence[Manifest]) -> tuple[Change, ...]:
    """Every change of an overlay; what it sets in every pod is one change for each pod of the base in a build."""
    in_pods = (
        Change(pod.ref, (*pod.route, every.field), every.value, every.because, every.why)
        for every in overlay.pods
        for pod in _of_base(manifests)
    )
    return (*overlay.changes, *overlay.own, *in_pods)


def _of_base(manifests: Sequence[Manifest]) -> list[Workload]:
    """The pods of the base, and not those that somebody has in `custom/`."""
    return list(workloads(manifest for manifest in manifests if manifest.origin.startswith("base/")))


def _emptied(manifest: Manifest) -> Iterator[Fault]:
    """Keys without a value in objects of the base and the overlay: what Kustomize makes of a reference to the name `null`."""
    ours = manifest.origin.startswith(("base/", "overlays/")) and "/custom/" not in manifest.origin
    for route in manifest.lost if ours else ():
        hint = "a name that YAML reads as nothing lost its quotes, or somebody set null: choose another"
        yield Fault(manifest.ref, route, "patch-misses", f"{show(route)} has no value in the build", hint)


def target(overlay: Overlay, manifests: Sequence[Manifest], ref: Ref) -> Manifest | None:
    """The built object that stands for one of the base, under the name that it has in the build."""
    name = overlay.names.get(ref, ref.name)
    for manifest in manifests:
        built = manifest.ref
        if (built.api_version, built.kind, built.namespace) != (ref.api_version, ref.kind, ref.namespace):
            continue
        hashed = ref.kind == "ConfigMap" and is_hashed(built.name, name)
        if built.name == name or hashed:
            return manifest
    return None


def _missing(overlay: Overlay, manifests: Sequence[Manifest], change: Change) -> Iterator[Fault]:
    manifest = target(overlay, manifests, change.target)
    if manifest is None:
        message = f"the overlay changes {change.target}, which is not in the build"
        yield Fault(
            change.target, (), "patch-misses", message, "the base or custom/ renamed or removed it", change.because
        )
        return
    found = follow(manifest.data, change.route)
    if found is ABSENT or not _holds(found, change.value):
        has = "nothing" if found is ABSENT else repr(found)
        message = f"{show(change.route)} should be {change.value!r}, and the build has {has}"
        hint = "something in custom/ or in a component changes it too"
        yield Fault(manifest.ref, change.route, "patch-misses", message, hint, change.because)


def _holds(found: Any, wanted: Any) -> bool:
    """Whether what was built is what was set, save for what Kustomize itself rewrites: names that carry a hash."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return all(key in found and _holds(found[key], value) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(found, list):
        return len(wanted) == len(found) and all(map(_holds, found, wanted))
    hashed = wanted == SETTINGS.name and isinstance(found, str) and is_hashed(found, wanted)
    return bool(found == wanted and type(found) is type(wanted)) or hashed


def is_hashed(name: str, base: str) -> bool:
    """Whether a name is that of a generated object of the base: its name there and Kustomize's hash of ten characters."""
    return re.fullmatch(re.escape(base) + "-[bcdfghkm2456789t]{10}", name) is not None


def images(overlay: Overlay, manifests: Sequence[Manifest], made_up: Sequence[str]) -> list[Fault]:
    """Every image that the overlay names runs in some container."""
    running = {container.get("image", "") for workload in workloads(manifests) for _, container in containers(workload)}
    faults = []
    for image in overlay.images:
        wanted = (
            image.repository + (f":{image.tag}" if image.tag else "") + (f"@{image.digest}" if image.digest else "")
        )
        if wanted not in running and not (
            image.tag is None and any(image_name(each) == image.repository for each in running)
        ):
            message = f"no container runs {wanted}: the base has no image {image.name}"
            faults.append(Fault(Ref("", "Image", image.name), (), "image-misses", message, "", image.because))
    return faults


def placeholders(overlay: Overlay, manifests: Sequence[Manifest], made_up: Sequence[str]) -> list[Fault]:
    """No value that the base leaves open is still open."""
    return [
        Fault(manifest.ref, route, "placeholder", f"{show(route)} still is {text}", "the environment has to set it")
        for manifest in manifests
        for route, text in strings(manifest.data)
        if text == PLACEHOLDER
    ]
