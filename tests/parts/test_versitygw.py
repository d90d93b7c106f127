"""A VersityGW in the cluster: its bucket, its users, its region, and what it cannot do."""

from __future__ import annotations

import pytest

from compiler.stores.versitygw import SETUP, VERSITYGW
from tests.parts import KEYS, Values, changes, findings, merged, planned, secrets, settings

STORE: Values = {"overlay": "versitygw-postgres"}
ENV = "spec.template.spec.containers[name={}].env[name={}].value"


def test_place__is_a_bucket_of_the_store() -> None:
    found = settings(STORE, artifacts={"bucket": "team-a", "prefix": "a/b"})
    assert found["MLFLOW_ARTIFACTS_DESTINATION"] == "s3://team-a/a/b"
    assert found["MLFLOW_S3_ENDPOINT_URL"] == "http://versitygw:7070"
    assert found["AWS_REQUEST_CHECKSUM_CALCULATION"] == "when_required"


def test_setup__creates_the_buckets_that_are_asked_for() -> None:
    backup: Values = {"maintenance": {"backup": {}}}
    found = changes(planned(STORE, artifacts={"bucket": "team-a"}, **backup), SETUP)
    assert found[ENV.format("setup", "BUCKET")] == "team-a"
    assert found[ENV.format("setup", "BACKUP_BUCKET")] == "team-a-backups"
    assert SETUP not in {change.target for change in planned(KEYS).changes}


def test_region__is_that_of_the_store_and_of_its_administrator() -> None:
    overlay = planned(STORE, artifacts={"region": "eu-west-1"})
    assert changes(overlay, VERSITYGW)[ENV.format("versitygw", "VGW_REGION")] == "eu-west-1"
    assert changes(overlay, SETUP)[ENV.format("setup", "ADMIN_REGION")] == "eu-west-1"


def test_secrets__the_server_has_none_of_the_root_user() -> None:
    assert secrets(planned(STORE))["versitygw-root"] == ["ROOT_ACCESS_KEY_ID", "ROOT_SECRET_ACCESS_KEY"]
    overlay = planned(STORE, secrets="existing", artifacts={"existingSecret": "s3"})
    user = "spec.template.spec.initContainers[name=users].env[name={}].valueFrom.secretKeyRef.name"
    found = changes(overlay, VERSITYGW)
    assert {found[user.format(name)] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")} == {"s3"}
    owner = "spec.template.spec.containers[name=setup].env[name=AWS_ACCESS_KEY_ID].valueFrom.secretKeyRef.name"
    assert changes(overlay, SETUP)[owner] == "s3"


def test_volume_and_image() -> None:
    overlay = planned(
        STORE, artifacts={"storage": {"size": "1Ti", "className": "fast"}, "image": "registry.example/versitygw:v2"}
    )
    claim = "spec.volumeClaimTemplates[0].spec."
    found = changes(overlay, VERSITYGW)
    assert found[f"{claim}resources.requests.storage"] == "1Ti"
    assert found[f"{claim}storageClassName"] == "fast"
    assert (overlay.images[-1].repository, overlay.images[-1].tag) == ("registry.example/versitygw", "v2")


@pytest.mark.parametrize(
    ("more", "codes"),
    [
        ({"artifacts": {"versioning": True}}, ["wrong-kind"]),
        ({"artifacts": {"lifecycle": {"incompleteUploadDays": 7}}}, ["wrong-kind"]),
        ({"artifacts": {"storage": {"accessMode": "ReadWriteMany"}}}, ["wrong-kind"]),
        ({"artifacts": {"image": "registry.example/versitygw"}}, ["unpinned-image"]),
        ({"artifacts": {"bucket": "xn--acme"}}, ["bad-bucket"]),
        ({"artifacts": {"prefix": "a/../b"}}, ["bad-prefix"]),
        ({"mlflow": {"mode": "direct"}}, ["unreachable-store"]),
        ({"mlflow": {"mode": "presigned"}}, ["unreachable-store"]),
        ({"database": {"engine": "mysql"}}, ["wrong-kind"]),
        ({"artifacts": {"existingSecret": "own"}}, ["conflicting-keys"]),
    ],
)
def test_findings(more: Values, codes: list[str]) -> None:
    assert findings(merged(STORE, more)) == codes
