"""Where artifacts are kept.

- In the kinds `aws-keys` and `eks-irsa`: a bucket of Amazon S3 that you created, or, with `endpoint`, of any store that speaks
  its protocol. Access keys come from the Secret `existingSecret`; with a role there are none.
- In the kinds `minio-*`: a bucket in a MinIO that the overlay runs, which its set-up Job creates together with a user that may
  use that bucket alone. The server never sees the root user's keys.

`prefix` puts everything under a path of the bucket, so that a bucket can be shared. Experiments keep the location that they were
created with: changing bucket or prefix later strands the artifacts of old ones.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from compiler.diagnostic import Finding
from compiler.image import image, image_of, unpinned
from compiler.kind import Kind, Store
from compiler.overlay import (
    POD,
    SERVER,
    SERVICE_ACCOUNT,
    Change,
    Overlay,
    Ref,
    Secret,
    SecretKey,
    setting,
)
from compiler.part import HOST, PORT, Schema, object_of, secret_name, text
from compiler.peer import peers
from compiler.route import Named, Route
from compiler.volume import storage, volume

if TYPE_CHECKING:
    from compiler.environment import Environment

MINIO = Ref("apps/v1", "StatefulSet", "minio")
SETUP = Ref("batch/v1", "Job", "minio-setup")
POLICY = Ref("networking.k8s.io/v1", "NetworkPolicy", "mlflow-to-artifacts")
MINIO_IMAGE = "quay.io/minio/minio"
_MINIO_TAG = "RELEASE.2025-09-07T16-13-09Z"
_SECRET = "mlflow-artifacts"  # noqa: S105 - a name
_CA_FILE = "/etc/mlflow/artifacts-ca/ca.crt"

KEYS: dict[str, Schema] = {
    "artifacts": object_of(
        "Where artifacts are kept.",
        {
            "bucket": text(
                "The bucket.",
                r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
                "a bucket name: 3 to 63 lower-case letters, digits, dots and dashes, starting and ending with a letter or digit",
                examples=["acme-mlflow"],
            ),
            "prefix": text(
                "A path inside the bucket that everything goes under.",
                r"[A-Za-z0-9!_.*'()-]+(?:/[A-Za-z0-9!_.*'()-]+)*",
                "a path like team-1/mlflow, without a slash at either end",
                examples=["mlflow/artifacts"],
            ),
            "region": text(
                "The region of the bucket.", r"[a-z0-9-]+", "a region like eu-central-1", examples=["eu-central-1"]
            ),
            "endpoint": text(
                "The address of a store that is not Amazon's.",
                rf"https?://{HOST}(?::{PORT})?",
                "an address like https://s3.acme.example:9000, without path",
            ),
            "existingSecret": secret_name(
                "The Secret with the keys AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.", default=_SECRET
            ),
            "roleArn": text(
                "The IAM role that the service account assumes.",
                r"arn:aws(?:-cn|-us-gov)?:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+",
                "the ARN of a role: arn:aws:iam::<12 digits>:role/<name>",
                examples=["arn:aws:iam::123456789012:role/mlflow"],
            ),
            "kmsKeyArn": text(
                "The KMS key that objects are encrypted with.",
                r"arn:aws(?:-cn|-us-gov)?:kms:[a-z0-9-]+:[0-9]{12}:(?:key|alias)/[A-Za-z0-9_/-]+",
                "the ARN of a key: arn:aws:kms:<region>:<12 digits>:key/<id>",
            ),
            "caSecret": secret_name(
                "The Secret whose key ca.crt holds the authority that signed the endpoint's certificate."
            ),
            "storage": storage("The volume of MinIO.", "50Gi"),
            "image": image("The image of MinIO, with its client mc.", f"{MINIO_IMAGE}:{_MINIO_TAG}"),
        },
    )
}


@dataclass(frozen=True)
class Artifacts:
    """The object store. `endpoint` is None for Amazon S3 itself."""

    store: Store
    bucket: str
    prefix: str
    region: str
    endpoint: str | None
    existing_secret: str
    existing_secret_given: bool
    role_arn: str | None
    kms_key_arn: str | None
    ca_secret: str | None
    size: str | None
    class_name: str | None
    image: str | None

    @property
    def uri(self) -> str:
        """The URI that MLflow keeps artifacts under."""
        return f"s3://{self.bucket}/{self.prefix}" if self.prefix else f"s3://{self.bucket}"


def read(values: Mapping[str, Any], kind: Kind) -> Artifacts:
    """The object store of an environment."""
    given = values.get("artifacts", {})
    volume = given.get("storage", {})
    return Artifacts(
        store=kind.store,
        bucket=given.get("bucket", "mlflow"),
        prefix=given.get("prefix", ""),
        region=given.get("region", "us-east-1"),
        endpoint=given.get("endpoint"),
        existing_secret=given.get("existingSecret", _SECRET),
        existing_secret_given="existingSecret" in given,
        role_arn=given.get("roleArn"),
        kms_key_arn=given.get("kmsKeyArn"),
        ca_secret=given.get("caSecret"),
        size=volume.get("size"),
        class_name=volume.get("className"),
        image=given.get("image"),
    )


def check(environment: Environment) -> Iterable[Finding]:
    """Names that S3 forbids, credentials that contradict each other, keys that mean nothing in this kind."""
    artifacts, kind = environment.artifacts, environment.kind
    yield from _bucket(artifacts.bucket)
    if ".." in artifacts.prefix.split("/") or "." in artifacts.prefix.split("/"):
        message = (
            f"the prefix '{artifacts.prefix}' has a step '.' or '..', which MLflow refuses in the path of an artifact"
        )
        yield Finding(("artifacts", "prefix"), "bad-prefix", message, "name the path itself")
    yield from _identity(artifacts, kind)
    if kind.store == "minio":
        for key, value in (
            ("endpoint", artifacts.endpoint),
            ("kmsKeyArn", artifacts.kms_key_arn),
            ("caSecret", artifacts.ca_secret),
        ):
            if value:
                message = f"artifacts.{key} belongs to a store outside the cluster, and '{kind.name}' runs its own"
                yield Finding(
                    ("artifacts", key), "wrong-kind", message, "remove it, or use overlay: aws-keys", at_key=True
                )
    else:
        for key, value in (("storage", artifacts.size or artifacts.class_name), ("image", artifacts.image)):
            if value:
                message = f"artifacts.{key} belongs to a MinIO in the cluster, and '{kind.name}' runs none"
                yield Finding(("artifacts", key), "wrong-kind", message, "remove it", at_key=True)
    if artifacts.ca_secret and not (artifacts.endpoint or "").startswith("https:"):
        message = "caSecret is for the certificate of an https endpoint, and none is set"
        yield Finding(("artifacts", "caSecret"), "conflicting-keys", message, "set artifacts.endpoint", at_key=True)
    yield from _regions(artifacts)
    if artifacts.image:
        yield from unpinned(("artifacts", "image"), artifacts.image)


def _bucket(bucket: str) -> Iterator[Finding]:
    reason = ""
    if ".." in bucket or ".-" in bucket or "-." in bucket:
        reason = "it has a dot beside a dot or dash"
    elif bucket.startswith(("xn--", "sthree-", "amzn-s3-demo-")) or bucket.endswith(
        ("-s3alias", "--ol-s3", ".mrap", "--x-s3")
    ):
        reason = "S3 keeps that beginning or ending for itself"
    else:
        try:
            ipaddress.IPv4Address(bucket)
            reason = "it looks like an IP address"
        except ValueError:
            pass
    if reason:
        message = f"'{bucket}' cannot be the name of a bucket: {reason}"
        yield Finding(
            ("artifacts", "bucket"), "bad-bucket", message, "choose a name of lower-case letters, digits and dashes"
        )


def _identity(artifacts: Artifacts, kind: Kind) -> Iterator[Finding]:
    if artifacts.role_arn and artifacts.existing_secret_given:
        yield Finding(
            ("artifacts", "existingSecret"),
            "conflicting-keys",
            "roleArn and existingSecret contradict each other: the keys of the Secret would silently win over the role",
            "remove one of the two",
            at_key=True,
        )
    if kind.identity != "irsa" and artifacts.role_arn:
        reason = "MinIO knows no IAM roles" if kind.store == "minio" else "its server logs in with access keys"
        message = f"roleArn means nothing to '{kind.name}': {reason}"
        yield Finding(
            ("artifacts", "roleArn"), "wrong-kind", message, "remove it, or use overlay: eks-irsa", at_key=True
        )
    if kind.identity == "irsa" and artifacts.endpoint and not _is_amazon(artifacts.endpoint):
        yield Finding(
            ("artifacts", "endpoint"),
            "conflicting-keys",
            "a role is only known to Amazon's own endpoints",
            "remove endpoint, or use overlay: aws-keys",
            at_key=True,
        )


def _is_amazon(endpoint: str) -> bool:
    host = urlsplit(endpoint).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn"))


def _partition(region: str) -> str:
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def _regions(artifacts: Artifacts) -> Iterator[Finding]:
    for key, arn in (("roleArn", artifacts.role_arn), ("kmsKeyArn", artifacts.kms_key_arn)):
        if arn and arn.split(":")[1] != _partition(artifacts.region):
            own, region = arn.split(":")[1], artifacts.region
            message = f"the ARN is of the partition {own}, and the region {region} of {_partition(region)}"
            yield Finding(
                ("artifacts", key), "partition-mismatch", message, "one of the two belongs to another account"
            )
    if artifacts.kms_key_arn and artifacts.kms_key_arn.split(":")[3] != artifacts.region:
        message = f"the key is in {artifacts.kms_key_arn.split(':')[3]}, the bucket in {artifacts.region}"
        yield Finding(
            ("artifacts", "kmsKeyArn"), "region-mismatch", message, "S3 encrypts with keys of the bucket's own region"
        )


def plan(environment: Environment) -> Overlay:
    """The store's components, the server's settings for it, and the Secrets it needs."""
    artifacts = environment.artifacts
    shared = Overlay(changes=tuple(_settings(environment)))
    if artifacts.store == "minio":
        return shared + _minio(environment)
    return shared + _s3(environment)


def _settings(environment: Environment) -> Iterator[Change]:
    artifacts = environment.artifacts
    bucket: Route = ("artifacts", "bucket")
    if environment.mlflow.mode != "direct":
        yield setting("MLFLOW_ARTIFACTS_DESTINATION", artifacts.uri, bucket, "where the server keeps what clients send")
    else:
        yield setting("MLFLOW_DEFAULT_ARTIFACT_ROOT", artifacts.uri, bucket, "where clients keep artifacts themselves")
    yield setting("AWS_DEFAULT_REGION", artifacts.region, ("artifacts", "region"), "requests are signed for it")
    endpoint = "http://minio:9000" if artifacts.store == "minio" else artifacts.endpoint
    if endpoint:
        because: Route = ("artifacts", "endpoint")
        yield setting("MLFLOW_S3_ENDPOINT_URL", endpoint, because, "the address of the store")
        if not _is_amazon(endpoint):
            why = "newer checksums of Amazon's client are not understood by every store"
            yield setting("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required", because, why)
            yield setting("AWS_RESPONSE_CHECKSUM_VALIDATION", "when_required", because, why)
    if artifacts.kms_key_arn:
        extra = json.dumps({"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": artifacts.kms_key_arn})
        yield setting(
            "MLFLOW_S3_UPLOAD_EXTRA_ARGS", extra, ("artifacts", "kmsKeyArn"), "objects are encrypted with this key"
        )
    if artifacts.ca_secret:
        yield setting(
            "AWS_CA_BUNDLE", _CA_FILE, ("artifacts", "caSecret"), "the authority of the endpoint's certificate"
        )


def _s3(environment: Environment) -> Overlay:
    artifacts = environment.artifacts
    overlay = Overlay(components=("artifacts-s3",))
    if artifacts.endpoint and environment.network_policy.enabled:
        url = urlsplit(artifacts.endpoint)
        port = url.port or (443 if url.scheme == "https" else 80)
        where = peers(url.hostname or "", environment.namespace.name)
        egress = [{"to": where, "ports": [{"port": port, "protocol": "TCP"}]}]
        why = "the server reaches this store"
        overlay += Overlay(changes=(Change(POLICY, ("spec", "egress"), egress, ("artifacts", "endpoint"), why),))
    if artifacts.ca_secret:
        route = (*POD, "volumes", Named("artifacts-ca"), "secret", "secretName")
        why = "the authority of the endpoint's certificate"
        ca = Secret(
            artifacts.ca_secret,
            (SecretKey("ca.crt", "the certificate authority of the endpoint, in PEM", "@ca.crt", random=False),),
            ("artifacts", "caSecret"),
            in_cluster=False,
        )
        overlay += Overlay(
            components=("artifacts-ca",),
            changes=(Change(SERVER, route, artifacts.ca_secret, ("artifacts", "caSecret"), why),),
            secrets=(ca,),
        )
    if environment.kind.identity == "irsa":
        return overlay + Overlay(
            components=("identity-irsa",),
            changes=(
                Change(
                    SERVICE_ACCOUNT,
                    ("metadata", "annotations", "eks.amazonaws.com/role-arn"),
                    artifacts.role_arn,
                    ("artifacts", "roleArn"),
                    "the role that the server's pods assume",
                ),
            )
            if environment.service_account.create
            else (),
        )
    return overlay + _keys(artifacts, SERVER, "mlflow") + Overlay(secrets=(_key_secret(artifacts, in_cluster=False),))


def _keys(artifacts: Artifacts, target: Ref, container: str) -> Overlay:
    """The component that hands access keys to the server, and the name of their Secret where it is not the default."""
    components = ("identity-keys",) if target == SERVER else ()
    if artifacts.existing_secret == _SECRET:
        return Overlay(components=components)
    changes = tuple(
        Change(
            target,
            (*POD, "containers", Named(container), "env", Named(name), "valueFrom", "secretKeyRef", "name"),
            artifacts.existing_secret,
            ("artifacts", "existingSecret"),
            "the Secret with the access keys",
        )
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    )
    return Overlay(components=components, changes=changes)


def _key_secret(artifacts: Artifacts, *, in_cluster: bool) -> Secret:
    keys = (
        SecretKey(
            "AWS_ACCESS_KEY_ID", "the access key id that the server logs in to the store with", "mlflow", random=False
        ),
        SecretKey("AWS_SECRET_ACCESS_KEY", "the secret access key that belongs to it", "..."),
    )
    return Secret(artifacts.existing_secret, keys, ("artifacts", "existingSecret"), in_cluster)


def _minio(environment: Environment) -> Overlay:
    artifacts = environment.artifacts
    root = Secret(
        "minio-root",
        (
            SecretKey("MINIO_ROOT_USER", "the name of MinIO's root user, at least 3 characters", "root", random=False),
            SecretKey("MINIO_ROOT_PASSWORD", "the password of MinIO's root user, at least 8 characters", "..."),
        ),
        ("artifacts",),
        in_cluster=True,
    )
    overlay = Overlay(
        components=("artifacts-minio",),
        secrets=(root, _key_secret(artifacts, in_cluster=True)),
        changes=(
            Change(
                SETUP,
                (*POD, "containers", Named("setup"), "env", Named("BUCKET"), "value"),
                artifacts.bucket,
                ("artifacts", "bucket"),
                "the bucket that is created",
            ),
        ),
    )
    overlay += _keys(artifacts, SERVER, "mlflow") + _keys(artifacts, SETUP, "setup")
    overlay += volume(MINIO, artifacts.size, artifacts.class_name, ("artifacts", "storage"))
    if artifacts.image:
        overlay += Overlay(images=(image_of(MINIO_IMAGE, artifacts.image, ("artifacts", "image")),))
    return overlay
