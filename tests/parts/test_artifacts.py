"""The object store: settings for each kind of it, credentials, and the way to it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from compiler.overlay import SERVER, SERVICE_ACCOUNT
from compiler.store import POLICY
from compiler.stores.minio import IMAGE as MINIO_IMAGE
from compiler.stores.minio import MINIO as MINIO_SET
from compiler.stores.minio import SETUP
from tests.parts import KEYS, MINIO, MYSQL, ROLE, Values, changes, findings, planned, secrets, settings

CHECKSUMS = {"AWS_REQUEST_CHECKSUM_CALCULATION": "when_required", "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required"}
AWS = {"MLFLOW_ARTIFACTS_DESTINATION": "s3://acme", "AWS_DEFAULT_REGION": "eu-central-1"}
KMS = "arn:aws:kms:eu-central-1:123456789012:key/1"
GOV = {"region": "us-gov-west-1", "roleArn": "arn:aws-us-gov:iam::123456789012:role/mlflow"}


def _store(found: dict[str, Any]) -> dict[str, Any]:
    """The settings that are about the store."""
    words = ("AWS_", "MLFLOW_S3", "MLFLOW_ARTIFACTS", "MLFLOW_DEFAULT_ARTIFACT")
    return {name: value for name, value in found.items() if name.startswith(words)}


@pytest.mark.parametrize(
    ("values", "artifacts", "expected"),
    [
        (KEYS, {}, AWS),
        (ROLE, {}, AWS),
        (KEYS, {"prefix": "a/b"}, {**AWS, "MLFLOW_ARTIFACTS_DESTINATION": "s3://acme/a/b"}),
        (
            KEYS,
            {"endpoint": "https://s3.acme.example:9000"},
            {**AWS, **CHECKSUMS, "MLFLOW_S3_ENDPOINT_URL": "https://s3.acme.example:9000"},
        ),
        (
            KEYS,
            {"endpoint": "https://s3.eu-central-1.amazonaws.com"},
            {**AWS, "MLFLOW_S3_ENDPOINT_URL": "https://s3.eu-central-1.amazonaws.com"},
        ),
        (
            ROLE,
            {"endpoint": "https://vpce-1.s3.eu-central-1.vpce.amazonaws.com"},
            {**AWS, "MLFLOW_S3_ENDPOINT_URL": "https://vpce-1.s3.eu-central-1.vpce.amazonaws.com"},
        ),
        (
            KEYS,
            {"endpoint": "https://notamazonaws.com"},
            {**AWS, **CHECKSUMS, "MLFLOW_S3_ENDPOINT_URL": "https://notamazonaws.com"},
        ),
        (
            KEYS,
            {"endpoint": "https://s3.acme.example", "caSecret": "ca"},
            {
                **AWS,
                **CHECKSUMS,
                "MLFLOW_S3_ENDPOINT_URL": "https://s3.acme.example",
                "AWS_CA_BUNDLE": "/etc/mlflow/artifacts-ca/ca.crt",
            },
        ),
        (
            MINIO,
            {},
            {
                **CHECKSUMS,
                "MLFLOW_ARTIFACTS_DESTINATION": "s3://mlflow",
                "AWS_DEFAULT_REGION": "us-east-1",
                "MLFLOW_S3_ENDPOINT_URL": "http://minio:9000",
            },
        ),
    ],
)
def test_settings__of_each_store(values: Values, artifacts: dict[str, Any], expected: dict[str, str]) -> None:
    """Amazon's own stores get none of the checksum settings; every other store gets both."""
    assert _store(settings(values, artifacts=artifacts)) == expected


def test_settings__the_key_of_encryption_is_json() -> None:
    extra = settings(KEYS, artifacts={"kmsKeyArn": KMS})["MLFLOW_S3_UPLOAD_EXTRA_ARGS"]
    assert json.loads(extra) == {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": KMS}


@pytest.mark.parametrize(
    ("mode", "name"),
    [
        ("proxied", "MLFLOW_ARTIFACTS_DESTINATION"),
        ("presigned", "MLFLOW_ARTIFACTS_DESTINATION"),
        ("direct", "MLFLOW_DEFAULT_ARTIFACT_ROOT"),
    ],
)
def test_settings__the_place_by_the_way_to_it(mode: str, name: str) -> None:
    found = settings(KEYS, artifacts={"prefix": "p"}, mlflow={"mode": mode})
    both = ("MLFLOW_ARTIFACTS_DESTINATION", "MLFLOW_DEFAULT_ARTIFACT_ROOT")
    assert {each: found[each] for each in both if each in found} == {name: "s3://acme/p"}


def test_role__is_an_annotation_and_there_are_no_keys() -> None:
    overlay = planned(ROLE)
    role = "arn:aws:iam::123456789012:role/mlflow"
    assert changes(overlay, SERVICE_ACCOUNT) == {"metadata.annotations.eks.amazonaws.com/role-arn": role}
    assert "identity-irsa" in overlay.components
    assert "identity-keys" not in overlay.components
    assert not [key for keys in secrets(overlay).values() for key in keys if key.startswith("AWS_")]


def test_keys__come_from_the_secret_that_is_named() -> None:
    default = planned(KEYS)
    assert secrets(default)["mlflow-artifacts"] == ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
    assert "identity-keys" in default.components
    assert not [place for place in changes(default, SERVER) if "secretKeyRef" in place]
    named = planned(KEYS, artifacts={"existingSecret": "s3"})
    assert secrets(named)["s3"] == ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
    env = "spec.template.spec.containers[name=mlflow].env"
    found = changes(named, SERVER)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        assert found[f"{env}[name={name}].valueFrom.secretKeyRef.name"] == "s3"


def test_minio__its_job_creates_the_bucket_that_is_asked_for() -> None:
    env = "spec.template.spec.containers[name=setup].env"
    assert changes(planned(MINIO), SETUP) == {f"{env}[name=BUCKET].value": "mlflow"}
    assert changes(planned(MYSQL, artifacts={"bucket": "team-a"}), SETUP) == {f"{env}[name=BUCKET].value": "team-a"}
    named = changes(planned(MINIO, secrets="existing", artifacts={"existingSecret": "s3"}), SETUP)
    assert named[f"{env}[name=AWS_SECRET_ACCESS_KEY].valueFrom.secretKeyRef.name"] == "s3"
    assert SETUP not in {change.target for change in planned(KEYS).changes}


def test_minio__keeps_and_deletes_what_is_asked_for() -> None:
    overlay = planned(
        MINIO, artifacts={"versioning": True, "lifecycle": {"noncurrentVersionDays": 30, "incompleteUploadDays": 7}}
    )
    env = "spec.template.spec.containers[name=setup].env"
    asked = changes(overlay, SETUP)
    assert asked[f"{env}[name=VERSIONING].value"] == "enable"
    assert asked[f"{env}[name=NONCURRENT_DAYS].value"] == "30"
    expiry = "spec.template.spec.containers[name=minio].env[name=MINIO_API_STALE_UPLOADS_EXPIRY].value"
    assert changes(overlay, MINIO_SET) == {expiry: "168h"}
    suspended = planned(MINIO, artifacts={"versioning": False, "lifecycle": {"noncurrentVersionDays": 30}})
    assert changes(suspended, SETUP)[f"{env}[name=VERSIONING].value"] == "suspend"


def test_minio__has_no_old_versions_to_delete() -> None:
    assert findings(MINIO, artifacts={"lifecycle": {"noncurrentVersionDays": 30}}) == ["missing-key"]
    assert findings(MINIO, artifacts={"lifecycle": {"incompleteUploadDays": 30}}) == []


def test_minio__volume_and_image() -> None:
    overlay = planned(
        MINIO, artifacts={"storage": {"size": "1Ti", "className": "fast"}, "image": "registry.example/minio:R1"}
    )
    assert changes(overlay, MINIO_SET) == {
        "spec.volumeClaimTemplates[0].spec.resources.requests.storage": "1Ti",
        "spec.volumeClaimTemplates[0].spec.storageClassName": "fast",
    }
    assert (overlay.images[-1].name, overlay.images[-1].repository, overlay.images[-1].tag) == (
        MINIO_IMAGE,
        "registry.example/minio",
        "R1",
    )
    assert changes(planned(MINIO), MINIO_SET) == {}


def test_authority__is_mounted_into_the_server() -> None:
    overlay = planned(KEYS, artifacts={"endpoint": "https://s3.acme.example", "caSecret": "store-ca"})
    assert changes(overlay, SERVER)["spec.template.spec.volumes[name=artifacts-ca].secret.secretName"] == "store-ca"
    assert "artifacts-ca" in overlay.components
    assert secrets(overlay)["store-ca"] == ["ca.crt"]


@pytest.mark.parametrize(
    ("endpoint", "port"),
    [
        ("https://10.0.0.1", 443),
        ("http://10.0.0.1", 80),
        ("https://10.0.0.1:9443", 9443),
        ("http://10.0.0.1:65535", 65535),
    ],
)
def test_policy__leads_to_the_endpoint_alone(endpoint: str, port: int) -> None:
    [rule] = changes(planned(KEYS, artifacts={"endpoint": endpoint}), POLICY)["spec.egress"]
    assert rule == {"to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}], "ports": [{"port": port, "protocol": "TCP"}]}


def test_policy__of_amazon_is_the_bases() -> None:
    assert changes(planned(KEYS), POLICY) == {}
    assert changes(planned(MINIO), POLICY) == {}
    off = planned(KEYS, artifacts={"endpoint": "https://10.0.0.1"}, networkPolicy={"enabled": False})
    assert changes(off, POLICY) == {}


@pytest.mark.parametrize(
    "bucket",
    ["a..b", "a.-b", "a-.b", "xn--abc", "sthree-abc", "amzn-s3-demo-bucket", "a-s3alias", "a--ol-s3", "a.mrap", "a--x-s3",
     "192.168.5.4", "a_bucket"],
)  # fmt: skip
def test_bucket__names_that_s3_forbids(bucket: str) -> None:
    assert findings(KEYS, artifacts={"bucket": bucket}) == ["bad-bucket"]


@pytest.mark.parametrize("bucket", ["", "ab", "A-bucket", "-abc", "abc-", ".abc", "abc.", "a" * 64, "a b", "a\n"])
def test_bucket__names_that_are_none(bucket: str) -> None:
    assert findings(KEYS, artifacts={"bucket": bucket}) == ["bad-value"]


@pytest.mark.parametrize("bucket", ["abc", "a" * 63, "a.b.c", "1-2", "192.168.5", "999.1.1.1", "300.300.300.300"])
def test_bucket__names_that_are_fine(bucket: str) -> None:
    assert findings(KEYS, artifacts={"bucket": bucket}) == []


@pytest.mark.parametrize(
    ("prefix", "codes"),
    [
        ("a", []),
        ("a/b.c/d..e", []),
        ("..", ["bad-prefix"]),
        ("a/../b", ["bad-prefix"]),
        ("a/.", ["bad-prefix"]),
        ("./a", ["bad-prefix"]),
        ("/a", ["bad-value"]),
        ("a/", ["bad-value"]),
        ("a//b", ["bad-value"]),
        ("a b", ["bad-value"]),
        ("a?b", ["bad-value"]),
        ("a#b", ["bad-value"]),
        ("a%2e", ["bad-value"]),
    ],
)
def test_prefix__is_a_path_that_mlflow_takes(prefix: str, codes: list[str]) -> None:
    assert findings(KEYS, artifacts={"prefix": prefix}) == codes


@pytest.mark.parametrize(
    "endpoint",
    ["s3.acme.example", "ftp://a.b", "https://", "https://a/b", "https://a.b/", "https://u:p@a.b", "https://A.b", "https://a.b:0",
     "https://a.b:65536", "https://a.b:99999", "https://a.b:", "https://[::1]", "https://a.b?x"],
)  # fmt: skip
def test_endpoint__is_an_address_without_path_or_credentials(endpoint: str) -> None:
    found = findings(KEYS, artifacts={"endpoint": endpoint})
    assert len(found) == 1
    assert found[0] in ("bad-value", "secret-in-plain-sight")


@pytest.mark.parametrize(
    ("values", "artifacts", "codes"),
    [
        (ROLE, GOV, []),
        (ROLE, {"region": "cn-north-1"}, ["partition-mismatch"]),
        (ROLE, {"region": "us-gov-west-1"}, ["partition-mismatch"]),
        (ROLE, {**GOV, "region": "eu-central-1"}, ["partition-mismatch"]),
        (ROLE, {"region": "cn-north-1", "roleArn": "arn:aws-cn:iam::123456789012:role/mlflow"}, []),
        (KEYS, {"kmsKeyArn": KMS}, []),
        (KEYS, {"kmsKeyArn": KMS, "region": "eu-west-1"}, ["region-mismatch"]),
        (KEYS, {"kmsKeyArn": KMS, "region": "cn-north-1"}, ["partition-mismatch", "region-mismatch"]),
        (ROLE, {"existingSecret": "s3"}, ["conflicting-keys"]),
        (KEYS, {"roleArn": "arn:aws:iam::123456789012:role/mlflow"}, ["wrong-kind"]),
        (MINIO, {"roleArn": "arn:aws:iam::123456789012:role/mlflow"}, ["wrong-kind"]),
        (ROLE, {"endpoint": "https://s3.acme.example"}, ["conflicting-keys"]),
        (ROLE, {"endpoint": "https://s3.eu-central-1.amazonaws.com"}, []),
        (ROLE, {"endpoint": "https://s3.amazonaws.com.evil.example"}, ["conflicting-keys"]),
        (KEYS, {"caSecret": "ca"}, ["conflicting-keys"]),
        (KEYS, {"caSecret": "ca", "endpoint": "http://s3.acme.example"}, ["conflicting-keys"]),
        (KEYS, {"caSecret": "ca", "endpoint": "https://s3.acme.example"}, []),
        (KEYS, {"storage": {"size": "1Gi"}}, ["wrong-kind"]),
        (KEYS, {"image": "minio:1"}, ["wrong-kind"]),
        (MINIO, {"endpoint": "https://s3.acme.example"}, ["wrong-kind"]),
        (MINIO, {"kmsKeyArn": KMS, "region": "eu-central-1"}, ["wrong-kind"]),
        (MINIO, {"image": "minio"}, ["unpinned-image"]),
    ],
)
def test_check__keys_that_contradict_each_other(values: Values, artifacts: dict[str, Any], codes: list[str]) -> None:
    assert findings(values, artifacts=artifacts) == codes
