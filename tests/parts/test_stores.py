"""The stores beside S3 and MinIO: where artifacts go, how the server logs in, and what nothing may stand before."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from compiler.identity import SHADOWS
from compiler.kinds import KINDS
from compiler.overlay import MIGRATION, SERVICE_ACCOUNT
from compiler.stores import STORES, volume
from tests.conftest import ROOT
from tests.parts import KEYS, Values, changes, findings, planned, secrets, settings

BUCKET = {"bucket": "acme"}
CLIENT = "11111111-2222-3333-4444-555555555555"
TENANT = "99999999-2222-3333-4444-555555555555"
CONTAINER = {"storageAccount": "acmemlflow", "container": "runs"}
COMPATIBLE: Values = {"overlay": "s3-compatible", "artifacts": {**BUCKET, "endpoint": "https://s3.acme.example"}}
POD: Values = {"overlay": "eks-pod-identity", "artifacts": {**BUCKET, "region": "eu-central-1"}}
GKE: Values = {"overlay": "gke-workload-identity", "artifacts": BUCKET}
GCS: Values = {"overlay": "gcs-keys", "artifacts": BUCKET}
ENTRA: Values = {"overlay": "azure-workload-identity", "artifacts": {**CONTAINER, "clientId": CLIENT}}
AZURE: Values = {"overlay": "azure-keys", "artifacts": CONTAINER}
OSS: Values = {"overlay": "oss-keys", "artifacts": {**BUCKET, "region": "cn-hangzhou"}}
LOCAL: Values = {"overlay": "local"}
COMPONENTS = {
    ("s3", "irsa"): "identity-irsa",
    ("s3", "pod-identity"): "identity-pod-identity",
    ("gcs", "workload-identity"): "identity-gke",
    ("azure", "workload-identity"): "identity-azure",
}


@pytest.mark.parametrize(
    ("values", "place"),
    [
        (COMPATIBLE, "s3://acme"),
        (POD, "s3://acme"),
        (GKE, "gs://acme"),
        (GCS, "gs://acme"),
        (ENTRA, "wasbs://runs@acmemlflow.blob.core.windows.net"),
        (AZURE, "wasbs://runs@acmemlflow.blob.core.windows.net"),
        (OSS, "s3://acme"),
    ],
)
def test_place__of_each_store_with_and_without_a_prefix(values: Values, place: str) -> None:
    assert settings(values)["MLFLOW_ARTIFACTS_DESTINATION"] == place
    assert settings(values, artifacts={"prefix": "a/b"})["MLFLOW_ARTIFACTS_DESTINATION"] == f"{place}/a/b"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (COMPATIBLE, ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]),
        (OSS, ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]),
        (GCS, ["keyfile.json"]),
        (AZURE, ["AZURE_STORAGE_ACCESS_KEY"]),
    ],
)
def test_keys__come_from_one_secret(values: Values, expected: list[str]) -> None:
    assert secrets(planned(values))["mlflow-artifacts"] == expected
    named = planned(values, artifacts={"existingSecret": "store"})
    assert secrets(named)["store"] == expected
    assert "mlflow-artifacts" not in secrets(named)
    assert [change.value for change in named.changes if "existingSecret" in change.because].count("store") >= 1


@pytest.mark.parametrize("values", [POD, GKE, ENTRA])
def test_identity__asks_for_no_secret(values: Values) -> None:
    assert "mlflow-artifacts" not in secrets(planned(values))


@pytest.mark.parametrize(("place", "names"), SHADOWS.items())
def test_identity__its_component_removes_every_shadow(place: tuple[str, str], names: tuple[str, ...]) -> None:
    """The base, written by hand, says what the check says."""
    patch = ROOT / "base" / "components" / COMPONENTS[place] / "mlflow.deployment.patch.yaml"
    deployment = yaml.safe_load(patch.read_text(encoding="utf-8"))
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["env", *(f"--unset={name}" for name in names), "mlflow", "server"]


def test_identity__every_one_has_its_shadows() -> None:
    places = {(kind.store, kind.identity) for kind in KINDS.values() if kind.identity not in ("keys", "none")}
    assert places == set(SHADOWS)


@pytest.mark.parametrize("values", [POD, GKE, ENTRA])
def test_identity__no_variable_may_stand_before_it(values: Values) -> None:
    kind = KINDS[values["overlay"]]
    for name in SHADOWS[kind.store, kind.identity]:
        assert findings(values, mlflow={"env": {name: "x"}}) == ["shadowed-identity"], name


def test_accounts__are_annotations_of_the_service_account() -> None:
    assert changes(planned(GKE), SERVICE_ACCOUNT) == {}
    google = "mlflow@acme.iam.gserviceaccount.com"
    found = changes(planned(GKE, artifacts={"googleServiceAccount": google}), SERVICE_ACCOUNT)
    assert list(found.values()) == [google]
    found = changes(planned(ENTRA, artifacts={"tenantId": TENANT}), SERVICE_ACCOUNT)
    assert found["metadata.annotations.azure.workload.identity/client-id"] == CLIENT
    assert "metadata.annotations.azure.workload.identity/tenant-id" in found


@pytest.mark.parametrize(
    ("cloud", "host"),
    [("public", "core.windows.net"), ("china", "core.chinacloudapi.cn"), ("government", "core.usgovcloudapi.net")],
)
def test_azure__clouds_and_connection_strings(cloud: str, host: str) -> None:
    found = planned(AZURE, artifacts={"cloud": cloud, "credential": "connection-string"})
    assert f"runs@acmemlflow.blob.{host}" in str([change.value for change in found.changes])
    assert secrets(found)["mlflow-artifacts"] == ["AZURE_STORAGE_CONNECTION_STRING"]
    assert "identity-azure-connection-string" in found.components


@pytest.mark.parametrize(
    ("artifacts", "endpoint"),
    [
        ({}, "https://s3.oss-cn-hangzhou.aliyuncs.com"),
        ({"region": "oss-cn-beijing"}, "https://s3.oss-cn-beijing.aliyuncs.com"),
        ({"endpoint": "https://s3.oss-accelerate.aliyuncs.com"}, "https://s3.oss-accelerate.aliyuncs.com"),
    ],
)
def test_oss__is_spoken_to_as_it_wants(artifacts: dict[str, Any], endpoint: str) -> None:
    found = settings(OSS, artifacts=artifacts)
    assert found["MLFLOW_S3_ENDPOINT_URL"] == endpoint
    assert found["MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE"] == "virtual"
    assert found["AWS_REQUEST_CHECKSUM_CALCULATION"] == "when_required"


def test_uploads__are_told_what_was_asked_for() -> None:
    kms = "arn:aws:kms:eu-central-1:123456789012:key/1"
    both = {"kmsKeyArn": kms, "uploadArgs": {"StorageClass": "STANDARD_IA"}}
    told = json.loads(settings(KEYS, artifacts=both)["MLFLOW_S3_UPLOAD_EXTRA_ARGS"])
    assert told == {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms, "StorageClass": "STANDARD_IA"}
    alone = settings(KEYS, artifacts={"uploadArgs": {"ServerSideEncryption": "AES256"}})
    assert json.loads(alone["MLFLOW_S3_UPLOAD_EXTRA_ARGS"]) == {"ServerSideEncryption": "AES256"}
    assert findings(KEYS, artifacts={"uploadArgs": {"SSECustomerKey": "x"}}) == ["unknown-value"]


def test_plugin__is_there_where_mlflow_signs_urls() -> None:
    for values in (COMPATIBLE, POD, OSS):
        assert "mode-proxied" in planned(values).components
    for values in (GKE, AZURE, LOCAL):
        assert "mode-proxied" not in planned(values).components


def test_local__one_pod_migrates_its_own_file() -> None:
    overlay = planned(LOCAL)
    assert settings(LOCAL)["MLFLOW_BACKEND_STORE_URI"] == "sqlite:////var/lib/mlflow/mlflow.db"
    assert {"artifacts-volume", "strategy-recreate", "database-sqlite"} <= set(overlay.components)
    assert overlay.secrets == ()
    pulled = planned(LOCAL, mlflow={"image": {"pullSecrets": ["registry"], "pullPolicy": "Always"}})
    assert MIGRATION not in {change.target for change in pulled.changes}


def test_local__a_shared_volume_takes_replicas_and_another_database() -> None:
    shared = {"storage": {"accessMode": "ReadWriteMany", "size": "1Ti", "className": "nfs"}}
    overlay = planned(LOCAL, replicas=3, artifacts=shared, database={"engine": "postgres"})
    assert "strategy-recreate" not in overlay.components
    assert changes(overlay, volume.CLAIM) == {
        "spec.resources.requests.storage": "1Ti",
        "spec.storageClassName": "nfs",
        "spec.accessModes": ["ReadWriteMany"],
    }
    assert findings(LOCAL, replicas=3, artifacts=shared) == ["one-writer"]
    assert findings(LOCAL, replicas=3, database={"engine": "postgres"}) == ["one-writer"]
    assert findings(LOCAL, replicas=3) == ["one-writer", "one-writer"]


def test_keys__of_several_stores_mean_the_same() -> None:
    """The schema of `artifacts` is their sum, so that no store may read a key in its own way."""
    seen: dict[str, Any] = {}
    for store in STORES.values():
        for key, schema in store.KEYS.items():
            assert seen.setdefault(key, schema) is schema, key
