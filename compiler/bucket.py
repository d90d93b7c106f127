"""The protocol of Amazon's S3, which several stores speak: names of buckets, settings of the client, access keys."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from compiler.diagnostic import Finding
from compiler.formats import HOST, PORT
from compiler.image import image, unpinned
from compiler.overlay import Change, Overlay, Secret, SecretKey, setting
from compiler.part import Schema, text
from compiler.route import Route
from compiler.store import BUCKET, EXISTING_SECRET, PREFIX, SECRET, joined, steps, variables
from compiler.volume import STORAGE, unshared

VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
REGION: Schema = text(
    "The region of the bucket.", r"[a-z0-9-]+", "a region like eu-central-1", examples=["eu-central-1"]
)
ENDPOINT: Schema = text(
    "The address of a store that is not Amazon's, or a private one.",
    rf"https?://{HOST}(?::{PORT})?",
    "an address like https://s3.acme.example:9000, without path",
    examples=["https://s3.acme.example:9000"],
)
IN_CLUSTER_KEYS: dict[str, Schema] = {
    "bucket": BUCKET,
    "prefix": PREFIX,
    "region": REGION,
    "existingSecret": EXISTING_SECRET,
    "storage": STORAGE,
    "image": image(
        "The image of the object store in the cluster. Without it, `quay.io/minio/minio:RELEASE.2025-09-07T16-13-09Z`, which "
        "holds the client mc too, or `ghcr.io/versity/versitygw:v1.8.0`."
    ),
}
"""The keys of a store that the overlay runs."""
IN_CLUSTER_CLOSED: Mapping[str, str] = dict.fromkeys(
    ("presigned", "direct"), "sends clients to the object store, but this one is open to the server alone"
)
"""The modes that a store which the overlay runs cannot serve, with the reason."""
ENDPOINT_ROUTE: Route = ("artifacts", "endpoint")


@dataclass(frozen=True)
class InCluster:
    """The bucket of a store that the overlay runs, and what runs it."""

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


def in_cluster(given: Mapping[str, Any]) -> InCluster:
    """Return the bucket of an environment, in a store that the overlay runs. In: what `artifacts` says."""
    return InCluster(
        bucket=given.get("bucket", "mlflow"),
        prefix=given.get("prefix", ""),
        region=given.get("region", "us-east-1"),
        existing_secret=given.get("existingSecret", SECRET),
        storage=given.get("storage", {}),
        image=given.get("image"),
    )


def unfit(settings: InCluster, owner: str) -> Iterator[Finding]:
    """Find names that S3 forbids, an image without a version, and an access mode for a volume that nobody shares."""
    yield from forbidden(settings.bucket)
    yield from steps(settings.prefix)
    yield from unshared(("artifacts", "storage"), settings.storage, owner)
    if settings.image:
        yield from unpinned(("artifacts", "image"), settings.image)


def is_amazon(endpoint: str) -> bool:
    """Whether an endpoint is one of Amazon's own."""
    host = urlsplit(endpoint).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn"))


def partition(region: str) -> str:
    """The part of Amazon's cloud that a region is in."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def forbidden(bucket: str) -> Iterator[Finding]:
    """Finds a name that S3 forbids for a reason beyond its characters."""
    reason = _reason(bucket)
    if reason:
        message = f"'{bucket}' cannot be the name of a bucket: {reason}"
        hint = "choose a name of lower-case letters, digits and dashes"
        yield Finding(("artifacts", "bucket"), "bad-bucket", message, hint)


def _reason(bucket: str) -> str:
    if "_" in bucket:
        return "it has an underscore"
    if ".." in bucket or ".-" in bucket or "-." in bucket:
        return "it has a dot beside a dot or dash"
    if bucket.startswith(("xn--", "sthree-", "amzn-s3-demo-")) or bucket.endswith(
        ("-s3alias", "--ol-s3", ".mrap", "--x-s3")
    ):
        return "S3 keeps that beginning or ending for itself"
    try:
        ipaddress.IPv4Address(bucket)
    except ValueError:
        return ""
    return "it looks like an IP address"


def client(region: str, endpoint: str | None) -> Iterator[Change]:
    """The settings of the server's client: where it signs for, and where it goes."""
    yield setting("AWS_DEFAULT_REGION", region, ("artifacts", "region"), "requests are signed for it")
    if not endpoint:
        return
    yield setting("MLFLOW_S3_ENDPOINT_URL", endpoint, ENDPOINT_ROUTE, "the address of the store")
    if not is_amazon(endpoint):
        why = "newer checksums of Amazon's client are not understood by every store"
        yield setting("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required", ENDPOINT_ROUTE, why)
        yield setting("AWS_RESPONSE_CHECKSUM_VALIDATION", "when_required", ENDPOINT_ROUTE, why)


def keys(secret: str, *, in_cluster: bool) -> Overlay:
    """Access keys for the server, from a Secret. Of a store in the cluster the id is random too: docs/stores.md says why."""
    asked = (
        SecretKey(
            "AWS_ACCESS_KEY_ID",
            "the access key id that the server logs in to the store with",
            "..." if in_cluster else "mlflow",
            random=in_cluster,
        ),
        SecretKey("AWS_SECRET_ACCESS_KEY", "the secret access key that belongs to it", "..."),
    )
    known = Secret(secret, asked, ("artifacts", "existingSecret"), in_cluster)
    return Overlay(components=("identity-keys",), secrets=(known,)) + variables(secret, VARIABLES)
