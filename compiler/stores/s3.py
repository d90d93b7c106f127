"""A bucket of Amazon S3, or of any store that speaks its protocol.

The server logs in with access keys from a Secret, or as the IAM role of its pod: through its service account (IRSA), or
through an association of EKS Pod Identity, which is made outside the cluster.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compiler import bucket, lifecycle
from compiler.diagnostic import Finding
from compiler.identity import SHADOWS
from compiler.kind import Kind
from compiler.lifecycle import Lifecycle
from compiler.overlay import POD, SERVER, SERVICE_ACCOUNT, Change, Overlay, Secret, SecretKey, setting
from compiler.part import Schema, choice, printable, secret_name, text
from compiler.route import Named, Route
from compiler.store import BUCKET, EXISTING_SECRET, PREFIX, SECRET, joined, outside, steps, unwanted

if TYPE_CHECKING:
    from compiler.environment import Environment

NAME = "a bucket of S3"
CLOSED: Mapping[str, str] = {}
SIGNS = True
UPLOAD_ARGS = (
    "ACL",
    "BucketKeyEnabled",
    "CacheControl",
    "ChecksumAlgorithm",
    "GrantFullControl",
    "GrantRead",
    "GrantReadACP",
    "GrantWriteACP",
    "ObjectLockLegalHoldStatus",
    "ObjectLockMode",
    "ObjectLockRetainUntilDate",
    "RequestPayer",
    "SSEKMSEncryptionContext",
    "SSEKMSKeyId",
    "ServerSideEncryption",
    "StorageClass",
    "Tagging",
)
"""What an upload may be told, of boto3's `ALLOWED_UPLOAD_ARGS`: all but what MLflow sets itself, and keys of encryption
that the caller provides, which are secret."""
_OF_THE_KEY = ("SSEKMSKeyId", "ServerSideEncryption")
_CA_FILE = "/etc/mlflow/artifacts-ca/ca.crt"

KEYS: dict[str, Schema] = {
    "bucket": BUCKET,
    "prefix": PREFIX,
    "region": bucket.REGION,
    "endpoint": bucket.ENDPOINT,
    "addressingStyle": choice(
        "Where requests name the bucket.",
        {"auto": "As the client sees fit.", "virtual": "In the host name.", "path": "In the path."},
        default="auto",
    ),
    "existingSecret": EXISTING_SECRET,
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
    "uploadArgs": {
        "type": "object",
        "description": "What every upload is told, in the words of boto3: `ServerSideEncryption: AES256`, `StorageClass: "
        "STANDARD_IA`.",
        "additionalProperties": printable("The value of the argument.", minLength=1),
        "propertyNames": {
            "enum": list(UPLOAD_ARGS),
            "patternErrorMessage": f"one of {', '.join(UPLOAD_ARGS)}",
        },
        "minProperties": 1,
    },
    "caSecret": secret_name("The Secret whose key ca.crt holds the authority that signed the endpoint's certificate."),
    **lifecycle.KEYS,
}


@dataclass(frozen=True)
class S3:
    """The bucket. `endpoint` is None for Amazon S3 itself."""

    bucket: str
    prefix: str
    region: str
    endpoint: str | None
    addressing_style: str
    existing_secret: str
    role_arn: str | None
    kms_key_arn: str | None
    upload_args: dict[str, str]
    ca_secret: str | None
    lifecycle: Lifecycle

    @property
    def uri(self) -> str:
        """The URI that MLflow keeps artifacts under."""
        return joined(f"s3://{self.bucket}", self.prefix)


def read(given: Mapping[str, Any], kind: Kind) -> S3:
    """The bucket of an environment."""
    return S3(
        bucket=given.get("bucket", "mlflow"),
        prefix=given.get("prefix", ""),
        region=given.get("region", "us-east-1"),
        endpoint=given.get("endpoint"),
        addressing_style=given.get("addressingStyle", "auto"),
        existing_secret=given.get("existingSecret", SECRET),
        role_arn=given.get("roleArn"),
        kms_key_arn=given.get("kmsKeyArn"),
        upload_args=dict(sorted(given.get("uploadArgs", {}).items())),
        ca_secret=given.get("caSecret"),
        lifecycle=lifecycle.read(given),
    )


def check(environment: Environment) -> Iterable[Finding]:
    """Names that S3 forbids, credentials that contradict each other, regions that differ."""
    s3: S3 = environment.artifacts.settings
    yield from bucket.forbidden(s3.bucket)
    yield from steps(s3.prefix)
    yield from _identity(environment, s3)
    if s3.ca_secret and not (s3.endpoint or "").startswith("https:"):
        message = "caSecret is for the certificate of an https endpoint, and none is set"
        yield Finding(("artifacts", "caSecret"), "conflicting-keys", message, "set artifacts.endpoint", at_key=True)
    for name in _OF_THE_KEY if s3.kms_key_arn else ():
        if name in s3.upload_args:
            message = f"uploadArgs.{name} follows from kmsKeyArn"
            route: Route = ("artifacts", "uploadArgs", name)
            yield Finding(route, "conflicting-keys", message, "remove one of the two", at_key=True)
    yield from _regions(s3)


def _identity(environment: Environment, s3: S3) -> Iterator[Finding]:
    kind, given = environment.kind, environment.artifacts.given
    if s3.role_arn and "existingSecret" in given:
        yield Finding(
            ("artifacts", "existingSecret"),
            "conflicting-keys",
            "roleArn and existingSecret contradict each other: the keys of the Secret would silently win over the role",
            "remove one of the two",
            at_key=True,
        )
    if kind.identity == "pod-identity":
        yield from unwanted(
            environment, "existingSecret", "the pod has a role, and keys would win over it", "remove it"
        )
        reason = "the role is bound to the service account by an association, which is made outside the cluster"
        yield from unwanted(environment, "roleArn", reason, "remove it, or use overlay: eks-irsa")
    elif kind.identity == "keys":
        reason = "its server logs in with access keys"
        yield from unwanted(environment, "roleArn", reason, "remove it, or use overlay: eks-irsa")
    if kind.identity != "keys" and s3.endpoint and not bucket.is_amazon(s3.endpoint):
        yield Finding(
            ("artifacts", "endpoint"),
            "conflicting-keys",
            "a role is only known to Amazon's own endpoints",
            "remove endpoint, or use overlay: s3-compatible",
            at_key=True,
        )


def _regions(s3: S3) -> Iterator[Finding]:
    for key, arn in (("roleArn", s3.role_arn), ("kmsKeyArn", s3.kms_key_arn)):
        if arn and arn.split(":")[1] != bucket.partition(s3.region):
            own, region = arn.split(":")[1], s3.region
            message = f"the ARN is of the partition {own}, and the region {region} of {bucket.partition(region)}"
            yield Finding(
                ("artifacts", key), "partition-mismatch", message, "one of the two belongs to another account"
            )
    if s3.kms_key_arn and s3.kms_key_arn.split(":")[3] != s3.region:
        message = f"the key is in {s3.kms_key_arn.split(':')[3]}, the bucket in {s3.region}"
        yield Finding(
            ("artifacts", "kmsKeyArn"), "region-mismatch", message, "S3 encrypts with keys of the bucket's own region"
        )


def plan(environment: Environment) -> Overlay:
    """The way to the bucket, the settings of the client, and the server's credentials."""
    s3: S3 = environment.artifacts.settings
    overlay = outside(environment, s3.endpoint) + Overlay(changes=tuple(_settings(s3)))
    if s3.ca_secret:
        overlay += _authority(s3.ca_secret)
    return overlay + _login(environment, s3)


def _settings(s3: S3) -> Iterator[Change]:
    yield from bucket.client(s3.region, s3.endpoint)
    if s3.addressing_style != "auto":
        because: Route = ("artifacts", "addressingStyle")
        yield setting(
            "MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE", s3.addressing_style, because, "how the bucket is addressed"
        )
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": s3.kms_key_arn} if s3.kms_key_arn else {}
    if extra := encryption | s3.upload_args:
        because = ("artifacts", "kmsKeyArn" if s3.kms_key_arn else "uploadArgs")
        why = "objects are encrypted with this key" if s3.kms_key_arn else "what every upload is told"
        yield setting("MLFLOW_S3_UPLOAD_EXTRA_ARGS", json.dumps(extra), because, why)
    if s3.ca_secret:
        why = "the authority of the endpoint's certificate"
        yield setting("AWS_CA_BUNDLE", _CA_FILE, ("artifacts", "caSecret"), why)


def _authority(secret: str) -> Overlay:
    because: Route = ("artifacts", "caSecret")
    route = (*POD, "volumes", Named("artifacts-ca"), "secret", "secretName")
    key = SecretKey("ca.crt", "the certificate authority of the endpoint, in PEM", "@ca.crt", random=False)
    why = "the authority of the endpoint's certificate"
    return Overlay(
        components=("artifacts-ca",),
        changes=(Change(SERVER, route, secret, because, why),),
        secrets=(Secret(secret, (key,), because, in_cluster=False),),
    )


def _login(environment: Environment, s3: S3) -> Overlay:
    identity = environment.kind.identity
    if identity == "keys":
        return bucket.keys(s3.existing_secret, in_cluster=False)
    shadows = SHADOWS["s3", identity]
    if identity == "pod-identity":
        return Overlay(components=("identity-region", "identity-pod-identity"), shadows=shadows)
    annotation = ("metadata", "annotations", "eks.amazonaws.com/role-arn")
    why = "the role that the server's pods assume"
    change = Change(SERVICE_ACCOUNT, annotation, s3.role_arn, ("artifacts", "roleArn"), why)
    return Overlay(components=("identity-region", "identity-irsa"), changes=(change,), shadows=shadows)
