"""A bucket of Google Cloud Storage.

The server logs in as the Kubernetes service account of its pod (Workload Identity Federation for GKE), as a Google service
account that this one stands for, or with the key file of one, from a Secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compiler import lifecycle
from compiler.diagnostic import Finding
from compiler.identity import SHADOWS
from compiler.kind import Kind
from compiler.lifecycle import Lifecycle
from compiler.overlay import POD, SERVER, SERVICE_ACCOUNT, Change, Overlay, Secret, SecretKey
from compiler.part import Schema, text
from compiler.route import Named, Route
from compiler.store import BUCKET, EXISTING_SECRET, PREFIX, SECRET, joined, outside, steps, unwanted

if TYPE_CHECKING:
    from compiler.environment import Environment

NAME = "a bucket of Google Cloud Storage"
CLOSED: Mapping[str, str] = {"presigned": "needs URLs that MLflow signs for stores that speak S3's protocol alone"}
SIGNS = False
KEYS: dict[str, Schema] = {
    "bucket": BUCKET,
    "prefix": PREFIX,
    "existingSecret": EXISTING_SECRET,
    "googleServiceAccount": text(
        "The Google service account that the Kubernetes one stands for. Without it the bucket's policy names the Kubernetes "
        "one.",
        r"[a-z0-9-]{1,63}@[a-z0-9.:-]+\.gserviceaccount\.com",
        "the address of a service account: name@project.iam.gserviceaccount.com",
        examples=["mlflow@acme.iam.gserviceaccount.com"],
    ),
    **lifecycle.KEYS,
}


@dataclass(frozen=True)
class Gcs:
    """The bucket, and who may use it."""

    bucket: str
    prefix: str
    existing_secret: str
    account: str | None
    lifecycle: Lifecycle

    @property
    def uri(self) -> str:
        """The URI that MLflow keeps artifacts under."""
        return joined(f"gs://{self.bucket}", self.prefix)


def read(given: Mapping[str, Any], kind: Kind) -> Gcs:
    """The bucket of an environment."""
    return Gcs(
        bucket=given.get("bucket", "mlflow"),
        prefix=given.get("prefix", ""),
        existing_secret=given.get("existingSecret", SECRET),
        account=given.get("googleServiceAccount"),
        lifecycle=lifecycle.read(given),
    )


def check(environment: Environment) -> Iterable[Finding]:
    """Names that Google forbids, and keys of the other way to log in."""
    gcs: Gcs = environment.artifacts.settings
    yield from _forbidden(gcs.bucket)
    yield from steps(gcs.prefix)
    if environment.kind.identity == "keys":
        reason = "its server logs in with a key file"
        hint = "remove it, or use overlay: gke-workload-identity"
        yield from unwanted(environment, "googleServiceAccount", reason, hint)
    else:
        reason = "the pod has an identity, and a key file would win over it"
        yield from unwanted(environment, "existingSecret", reason, "remove it, or use overlay: gcs-keys")


def _forbidden(bucket: str) -> Iterator[Finding]:
    """https://cloud.google.com/storage/docs/buckets#naming."""
    if bucket.startswith("goog") or "google" in bucket or "g00gle" in bucket:
        message = f"'{bucket}' cannot be the name of a bucket: Google keeps names with 'goog' for itself"
        yield Finding(("artifacts", "bucket"), "bad-bucket", message, "choose another name")


def plan(environment: Environment) -> Overlay:
    """The way to the bucket, and the server's identity or key file."""
    gcs: Gcs = environment.artifacts.settings
    overlay = outside(environment)
    return overlay + (_key_file(gcs) if environment.kind.identity == "keys" else _identity(gcs))


def _identity(gcs: Gcs) -> Overlay:
    overlay = Overlay(components=("identity-gke",), shadows=SHADOWS["gcs", "workload-identity"])
    if not gcs.account:
        return overlay
    route: Route = ("metadata", "annotations", "iam.gke.io/gcp-service-account")
    why = "the account that the server's pods stand for"
    change = Change(SERVICE_ACCOUNT, route, gcs.account, ("artifacts", "googleServiceAccount"), why)
    return overlay + Overlay(changes=(change,))


def _key_file(gcs: Gcs) -> Overlay:
    because: Route = ("artifacts", "existingSecret")
    purpose = "the key file of a service account that may use the bucket, in JSON"
    key = SecretKey("keyfile.json", purpose, "@keyfile.json", random=False)
    overlay = Overlay(
        components=("identity-gcs-keys",),
        secrets=(Secret(gcs.existing_secret, (key,), because, in_cluster=False),),
    )
    if gcs.existing_secret == SECRET:
        return overlay
    route = (*POD, "volumes", Named("gcs-keys"), "secret", "secretName")
    return overlay + Overlay(changes=(Change(SERVER, route, gcs.existing_secret, because, "the store's Secret"),))
