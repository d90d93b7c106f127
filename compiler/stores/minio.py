"""A MinIO that the overlay runs, with a bucket that its set-up Job creates, and a user that may use that bucket alone.

The server never sees the root user's keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compiler import bucket, lifecycle
from compiler.diagnostic import Finding
from compiler.image import image_of
from compiler.kind import Kind
from compiler.lifecycle import Lifecycle
from compiler.overlay import POD, Change, Overlay, Ref, Secret, SecretKey
from compiler.part import Schema
from compiler.route import Named, Route
from compiler.store import variables
from compiler.volume import volume

if TYPE_CHECKING:
    from compiler.environment import Environment

MINIO = Ref("apps/v1", "StatefulSet", "minio")
SETUP = Ref("batch/v1", "Job", "minio-setup")
IMAGE = "quay.io/minio/minio"
_ENDPOINT = "http://minio:9000"

NAME = "a MinIO in the cluster"
CLOSED = bucket.IN_CLUSTER_CLOSED
SIGNS = True
KEYS: dict[str, Schema] = {**bucket.IN_CLUSTER_KEYS, **lifecycle.KEYS}


@dataclass(frozen=True)
class Minio(bucket.InCluster):
    """The bucket, what it keeps, and what runs it."""

    lifecycle: Lifecycle


def read(given: Mapping[str, Any], kind: Kind) -> Minio:
    """Return the bucket of an environment, and what runs it."""
    return Minio(**vars(bucket.in_cluster(given)), lifecycle=lifecycle.read(given))


def check(environment: Environment) -> Iterable[Finding]:
    """Find what is unfit of any store in the cluster, and versions that are not kept."""
    minio: Minio = environment.artifacts.settings
    yield from bucket.unfit(minio, "MinIO")
    yield from lifecycle.findings(minio.lifecycle)


def plan(environment: Environment) -> Overlay:
    """MinIO, its bucket, its root user, and the server's access keys."""
    minio: Minio = environment.artifacts.settings
    root = Secret(
        "minio-root",
        (
            SecretKey("MINIO_ROOT_USER", "the name of MinIO's root user, at least 3 characters, hard to guess", "..."),
            SecretKey("MINIO_ROOT_PASSWORD", "the password of MinIO's root user, at least 8 characters", "..."),
        ),
        ("artifacts",),
        in_cluster=True,
    )
    created = Change(SETUP, _variable("BUCKET"), minio.bucket, ("artifacts", "bucket"), "the bucket that is created")
    overlay = Overlay(
        components=("artifacts-minio",),
        changes=(*bucket.client(minio.region, _ENDPOINT), created, *_kept(minio.lifecycle)),
        secrets=(root,),
    )
    overlay += bucket.keys(minio.existing_secret, in_cluster=True)
    overlay += variables(minio.existing_secret, bucket.VARIABLES, SETUP, "setup")
    overlay += volume(MINIO, minio.storage.get("size"), minio.storage.get("className"), ("artifacts", "storage"))
    if minio.image:
        overlay += Overlay(images=(image_of(IMAGE, minio.image, ("artifacts", "image")),))
    return overlay


def _variable(name: str) -> Route:
    """A variable of the set-up Job."""
    return (*POD, "containers", Named("setup"), "env", Named(name), "value")


def _kept(asked: Lifecycle) -> Iterator[Change]:
    """What the bucket keeps and deletes. MinIO has no rule for uploads that never ended, but a setting for all buckets."""
    if asked.versioning is not None:
        command = "enable" if asked.versioning else "suspend"
        why = "whether old versions are kept"
        yield Change(SETUP, _variable("VERSIONING"), command, lifecycle.VERSIONING_ROUTE, why)
    if asked.noncurrent_days:
        days, why = str(asked.noncurrent_days), "for how many days"
        yield Change(SETUP, _variable("NONCURRENT_DAYS"), days, lifecycle.NONCURRENT_ROUTE, why)
    if asked.incomplete_days:
        route = (*POD, "containers", Named("minio"), "env", Named("MINIO_API_STALE_UPLOADS_EXPIRY"), "value")
        hours, why = f"{asked.incomplete_days * 24}h", "when uploads that never ended are deleted"
        yield Change(MINIO, route, hours, lifecycle.INCOMPLETE_ROUTE, why)
