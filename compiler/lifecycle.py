"""What a bucket does by itself with what nobody reads any more: old versions of objects, and uploads that never ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from compiler.diagnostic import Finding
from compiler.part import Schema, integer, object_of
from compiler.route import Route

VERSIONING: Schema = {
    "type": "boolean",
    "description": "Whether the bucket keeps what is overwritten or deleted, as old versions. Without it, that of a MinIO in "
    "the cluster is not changed, and the documents for a cloud turn it on.",
    "examples": [True],
}
LIFECYCLE: Schema = object_of(
    "What the bucket deletes by itself.",
    {
        "noncurrentVersionDays": integer(
            "After how many days an old version is deleted. Without it, a MinIO in the cluster keeps all, and the documents for "
            "a cloud say 30.",
            1,
            36500,
            examples=[30],
        ),
        "incompleteUploadDays": integer(
            "After how many days the parts of an upload are deleted that never ended. Without it, a MinIO in the cluster takes a "
            "day, and the documents for a cloud say 7.",
            1,
            36500,
            examples=[7],
        ),
    },
    minProperties=1,
)
KEYS: dict[str, Schema] = {"versioning": VERSIONING, "lifecycle": LIFECYCLE}
VERSIONING_ROUTE: Route = ("artifacts", "versioning")
NONCURRENT_ROUTE: Route = ("artifacts", "lifecycle", "noncurrentVersionDays")
INCOMPLETE_ROUTE: Route = ("artifacts", "lifecycle", "incompleteUploadDays")


@dataclass(frozen=True)
class Lifecycle:
    """What a bucket is asked to keep and to delete; None is what nothing was said of."""

    versioning: bool | None
    noncurrent_days: int | None
    incomplete_days: int | None


def read(given: Mapping[str, Any]) -> Lifecycle:
    """What a bucket is asked for. In: the keys of `artifacts`."""
    rules = given.get("lifecycle", {})
    return Lifecycle(given.get("versioning"), rules.get("noncurrentVersionDays"), rules.get("incompleteUploadDays"))


def findings(lifecycle: Lifecycle) -> Iterator[Finding]:
    """Finds an age of old versions, where the bucket has none."""
    if lifecycle.noncurrent_days and lifecycle.versioning is None:
        message = "noncurrentVersionDays is for a bucket with versions, and this one has none"
        hint = "set artifacts.versioning: true, or remove it"
        yield Finding(NONCURRENT_ROUTE, "missing-key", message, hint, at_key=True)
