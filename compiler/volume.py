"""The volume of something that runs in the cluster: its schema, and the changes that follow."""

from __future__ import annotations

from compiler.overlay import Change, Overlay, Ref
from compiler.part import Schema, object_of, quantity, text
from compiler.route import Route


def storage(description: str, default: str) -> Schema:
    """The volume of something that runs in the cluster."""
    return object_of(
        description,
        {
            "size": quantity(
                "How much is asked for. The claim of a volume that is there has to be raised by hand first.",
                default=default,
            ),
            "className": text("The StorageClass; the cluster's default class without it.", examples=["gp3"]),
        },
    )


def volume(target: Ref, size: str | None, class_name: str | None, because: Route) -> Overlay:
    """The size and class of the first volume of a StatefulSet, where they are set."""
    claim: Route = ("spec", "volumeClaimTemplates", 0, "spec")
    changes = []
    if size:
        changes.append(
            Change(target, (*claim, "resources", "requests", "storage"), size, (*because, "size"), "the volume's size")
        )
    if class_name:
        changes.append(
            Change(target, (*claim, "storageClassName"), class_name, (*because, "className"), "the volume's class")
        )
    return Overlay(changes=tuple(changes))
