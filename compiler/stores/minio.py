"""A MinIO that the overlay runs, with a bucket that its set-up Job creates, and a user that may use that bucket alone.

The server never sees the root user's keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compiler import bucket, lifecycle
from compiler.diagnostic import Finding
from compiler.image import image_of, unpinned
from compiler.kind import Kind
from compiler.lifecycle import Lifecycle
from compiler.overlay import POD, Change, Overlay, Ref, Secret, SecretKey
from compiler.part import Schema
from compiler.route import Named, Route
from compiler.store import BUCKET, EXISTING_SECRET, PREFIX, SECRET, joined, steps, variables
from compiler.volume import STORAGE, unshared, volume

if TYPE_CHECKING:
    from compiler.environment import Environment

MINIO = Ref("apps/v1", "StatefulSet", "minio")
SETUP = Ref("batch/v1", "Job", "minio-setup")
IMAGE = "quay.io/minio/minio"
_ENDPOINT = "http://minio:9000"
_REASON = "sends clients to the object store, but this one is open to the server alone"

NAME = "a MinIO in the cluster"
CLOSED: Mapping[str, str] = {"presigned": _REASON, "direct": _REASON}
SIGNS = True
KEYS: dict[str, Schema] = {
    "bucket": BUCKET,
    "prefix": PREFIX,
    "region": bucket.REGION,
    "existingSecret": EXISTING_SECRET,
    "storage": STORAGE,
    "image": bucket.IMAGE,
    **lifecycle.KEYS,
}


@dataclass(frozen=True)
class Minio:
    """The bucket, and what runs it."""

    bucket: str
    prefix: str
    region: str
    existing_secret: str
    storage: dict[str, Any]
    image: str | None
    lifecycle: Lifecycle

    @property
    def uri(self) -> str:
        """The URI that MLflow keeps artifacts under."""
        return joined(f"s3://{self.bucket}", self.prefix)


def read(given: Mapping[str, Any], kind: Kind) -> Minio:
    """The bucket of an environment, and what runs it."""
    return Minio(
        bucket=given.get("bucket", "mlflow"),
        prefix=given.get("prefix", ""),
        region=given.get("region", "us-east-1"),
        existing_secret=given.get("existingSecret", SECRET),
        storage=given.get("storage", {}),
        image=given.get("image"),
        lifecycle=lifecycle.read(given),
    )


def check(environment: Environment) -> Iterable[Finding]:
    """Names that S3 forbids, an image that names another one tomorrow, a volume that nobody shares, versions that are not."""
    minio: Minio = environment.artifacts.settings
    yield from bucket.forbidden(minio.bucket)
    yield from steps(minio.prefix)
    yield from unshared(("artifacts", "storage"), minio.storage, "MinIO")
    if minio.image:
        yield from unpinned(("artifacts", "image"), minio.image)
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
