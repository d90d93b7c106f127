"""Whether an object of a cluster that a build would change belongs to somebody else: to a release of Helm, or to nothing of ours.

Helm marks what it installs with a label and annotations (https://helm.sh/docs/chart_best_practices/labels/). Applying over a
release of the same names goes by halves: Services are pointed to other pods and the database is migrated, while the API server
refuses the Deployment, whose selector cannot be changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from compiler.manifest import Manifest
from compiler.overlay import Ref

HINT = "stop and back up what runs there, then remove it: docs/helm.md has the way over; or take another namespace"
_PART_OF = "app.kubernetes.io/part-of"
_SHARED = ("Namespace", "Secret", "ServiceAccount")
"""Kinds that people make beforehand, without labels."""


class Foreign(NamedTuple):
    """An object of the cluster that is not ours, and why that is known."""

    ref: Ref
    message: str


def foreign(live: Iterable[Mapping[str, Any]], build: Sequence[Manifest]) -> Iterator[Foreign]:
    """Those objects of a cluster that a build would change and that are not ours. In: the objects, and the build."""
    ours = {_key(each.data): each for each in build}
    for data in live:
        each = ours.get(_key(data))
        if each is None:
            continue
        metadata = data.get("metadata") or {}
        labels, notes = metadata.get("labels") or {}, metadata.get("annotations") or {}
        release = notes.get("meta.helm.sh/release-name")
        if release or labels.get("app.kubernetes.io/managed-by") == "Helm":
            whose = f"of the Helm release {release}" if release else "managed by Helm"
            yield Foreign(
                each.ref, f"is in the cluster, {whose}: applied over it, a part would change and a part be refused"
            )
            continue
        wanted = ((each.data.get("metadata") or {}).get("labels") or {}).get(_PART_OF)
        if wanted and each.ref.kind not in _SHARED and labels.get(_PART_OF) != wanted:
            message = f"is in the cluster, without the label {_PART_OF}={wanted}: it is not of this overlay"
            yield Foreign(each.ref, message)


def _key(data: Mapping[str, Any]) -> tuple[str, str, str]:
    metadata = data.get("metadata") or {}
    return str(data.get("kind")), str(metadata.get("namespace") or ""), str(metadata.get("name"))
