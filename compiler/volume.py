"""The volume of something that runs in the cluster: its schema, and the changes that follow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from compiler.diagnostic import Finding
from compiler.formats import NAME
from compiler.overlay import Change, Overlay, Ref
from compiler.part import Schema, choice, formatted, object_of, quantity
from compiler.route import Route

ONE_WRITER = "ReadWriteOnce"


def storage(description: str, default: str, **more: Schema) -> Schema:
    """The volume of something that runs in the cluster."""
    return object_of(
        description,
        {
            "size": quantity(
                "How much is asked for. The claim of a volume that is there has to be raised by hand first.",
                default=default,
            ),
            "className": formatted("The StorageClass; the cluster's default class without it.", NAME, examples=["gp3"]),
            **more,
        },
    )


STORAGE = storage(
    "The volume of artifacts: that of the object store in the cluster, or the server's own.",
    "50Gi",
    accessMode=choice(
        "Who may mount the server's own volume.",
        {ONE_WRITER: "One node.", "ReadWriteMany": "Many nodes, as NFS lets them; the StorageClass has to offer it."},
        default=ONE_WRITER,
    ),
)


def unshared(route: Route, given: Mapping[str, Any], owner: str) -> Iterator[Finding]:
    """Finds an access mode where a volume has one user alone."""
    if "accessMode" in given:
        message = f"the volume is {owner}'s alone, and nobody shares it"
        yield Finding((*route, "accessMode"), "wrong-kind", message, "remove it", at_key=True)


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
