"""A VersityGW that the overlay runs, which keeps objects as files on its volume, and a bucket that its set-up Job creates.

The bucket is that of a user who reaches no other. The server never sees the root user's keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compiler import bucket
from compiler.diagnostic import Finding
from compiler.image import image_of, unpinned
from compiler.kind import Kind
from compiler.overlay import POD, Change, Overlay, Ref, Secret, SecretKey
from compiler.part import Schema
from compiler.route import Named, Route
from compiler.store import BUCKET, EXISTING_SECRET, PREFIX, SECRET, joined, steps, variables
from compiler.volume import STORAGE, unshared, volume

if TYPE_CHECKING:
    from compiler.environment import Environment

VERSITYGW = Ref("apps/v1", "StatefulSet", "versitygw")
SETUP = Ref("batch/v1", "Job", "versitygw-setup")
_IMAGE = "ghcr.io/versity/versitygw"
_ENDPOINT = "http://versitygw:7070"
_REASON = "sends clients to the object store, but this one is open to the server alone"
_SETUP_ENV: Route = (*POD, "containers", Named("setup"), "env")

NAME = "a VersityGW in the cluster"
CLOSED: Mapping[str, str] = {"presigned": _REASON, "direct": _REASON}
SIGNS = True
KEYS: dict[str, Schema] = {
    "bucket": BUCKET,
    "prefix": PREFIX,
    "region": bucket.REGION,
    "existingSecret": EXISTING_SECRET,
    "storage": STORAGE,
    "image": bucket.IMAGE,
}


@dataclass(frozen=True)
class VersityGw:
    """The bucket, and what runs it."""

    bucket: str
    prefix: str
    region: str
    existing_secret: str
    storage: dict[str, Any]
    image: str | None

    @property
    def uri(self) -> str:
        """The URI that MLflow keeps artifacts under."""
        return joined(f"s3://{self.bucket}", self.prefix)


def read(given: Mapping[str, Any], kind: Kind) -> VersityGw:
    """Return the bucket of an environment, and what runs it."""
    return VersityGw(
        bucket=given.get("bucket", "mlflow"),
        prefix=given.get("prefix", ""),
        region=given.get("region", "us-east-1"),
        existing_secret=given.get("existingSecret", SECRET),
        storage=given.get("storage", {}),
        image=given.get("image"),
    )


def check(environment: Environment) -> Iterable[Finding]:
    """Find names that S3 forbids, an image without a version, and an access mode for a volume that nobody shares."""
    settings: VersityGw = environment.artifacts.settings
    yield from bucket.forbidden(settings.bucket)
    yield from steps(settings.prefix)
    yield from unshared(("artifacts", "storage"), settings.storage, "VersityGW")
    if settings.image:
        yield from unpinned(("artifacts", "image"), settings.image)


def plan(environment: Environment) -> Overlay:
    """Return VersityGW, its bucket, its root user, and the server's access keys.

    VersityGW refuses requests that are signed for another region than its own, administrators' too.
    """
    settings: VersityGw = environment.artifacts.settings
    root = Secret(
        "versitygw-root",
        (
            SecretKey("ROOT_ACCESS_KEY_ID", "the access key id of VersityGW's root user", "..."),
            SecretKey("ROOT_SECRET_ACCESS_KEY", "the secret access key of VersityGW's root user", "..."),
        ),
        ("artifacts",),
        in_cluster=True,
    )
    server_env: Route = (*POD, "containers", Named("versitygw"), "env")
    region: Route = ("artifacts", "region")
    created = Change(
        SETUP,
        (*_SETUP_ENV, Named("BUCKET"), "value"),
        settings.bucket,
        ("artifacts", "bucket"),
        "the bucket that is created",
    )
    regions = (
        Change(target, (*env, Named(name), "value"), settings.region, region, "requests are signed for it")
        for target, env, name in ((VERSITYGW, server_env, "VGW_REGION"), (SETUP, _SETUP_ENV, "ADMIN_REGION"))
    )
    overlay = Overlay(
        components=("artifacts-versitygw",),
        changes=(*bucket.client(settings.region, _ENDPOINT), created, *regions),
        secrets=(root,),
    )
    overlay += bucket.keys(settings.existing_secret, in_cluster=True)
    overlay += variables(settings.existing_secret, bucket.VARIABLES, VERSITYGW, "users", "initContainers")
    overlay += variables(settings.existing_secret, bucket.VARIABLES[:1], SETUP, "setup")
    overlay += volume(
        VERSITYGW, settings.storage.get("size"), settings.storage.get("className"), ("artifacts", "storage")
    )
    if settings.image:
        overlay += Overlay(images=(image_of(_IMAGE, settings.image, ("artifacts", "image")),))
    return overlay
