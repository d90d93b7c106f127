"""The template of a Job cannot be changed, so a Job whose content changes needs another name."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence

from compiler.manifest import Fault, Manifest
from compiler.overlay import Overlay, Ref
from compiler.workload import containers, workloads

MAX_NAME = 63


def digest(manifest: Manifest) -> str:
    """Eight hexadecimal digits that stand for the content of a Job."""
    canonical = json.dumps(manifest.data.get("spec"), sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:8]


def job_names(manifests: Sequence[Manifest], given: Mapping[Ref, str]) -> dict[Ref, str]:
    """What each Job of a build is to be called: its name in the base, the version that it runs, and its content's digest.

    `given` are the names that Jobs of the base have in this build already, which do not count.
    """
    names = {}
    in_base = {name: ref for ref, name in given.items() if ref.kind == "Job"}
    for manifest in manifests:
        if manifest.ref.kind != "Job":
            continue
        ref = in_base.get(manifest.ref.name, manifest.ref)
        version = _version(manifest)
        room = MAX_NAME - len(ref.name) - len(digest(manifest)) - 2
        middle = version[: max(room, 0)].strip("-")
        names[ref] = "-".join(part for part in (ref.name, middle, digest(manifest)) if part)
    return names


def named(overlay: Overlay, manifests: Sequence[Manifest], made_up: Sequence[str]) -> list[Fault]:
    """Every Job of the base carries the digest of what it is in the build."""
    own = {name for ref, name in overlay.names.items() if ref.kind == "Job"}
    return [
        Fault(
            manifest.ref,
            ("metadata", "name"),
            "job-name",
            f"the name should end with {digest(manifest)}, the digest of the Job's content",
            "the API server refuses a changed Job under an old name",
        )
        for manifest in manifests
        if manifest.ref.kind == "Job"
        and manifest.ref.name in own
        and not manifest.ref.name.endswith(f"-{digest(manifest)}")
    ]


def stem(manifest: Manifest) -> str:
    """What a Job that is named for its content is called whatever its content: the name without version and digest."""
    name = manifest.ref.name
    if not re.search("-[0-9a-f]{8}$", name):
        return name
    rest, version = name[:-9], _version(manifest)
    cut = next((length for length in range(len(version), 0, -1) if rest.endswith(f"-{version[:length]}")), None)
    return rest if cut is None else rest[: -cut - 1]


def _version(manifest: Manifest) -> str:
    """The tag of the first image that a Job runs, as a name can hold it."""
    [workload] = workloads([manifest])
    image = next((str(container.get("image")) for _, container in containers(workload)), "")
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    return re.sub(r"[^a-z0-9]+", "-", tag.lower()).strip("-")
