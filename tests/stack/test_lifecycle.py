"""What a bucket of MinIO keeps and deletes: the set-up Job with the real server and its own client, run again and again."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from .running import Running
from .wait import until

SETUP = "sh /opt/minio-setup/setup.sh"
RULES = "mc ilm rule export store/mlflow"
OTHER = "mc ilm rule add --expire-days 99 --prefix scratch/ store/mlflow"


@pytest.fixture(scope="module")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The store of the environment alone."""
    running = Running("lifecycle", tmp_path_factory.mktemp("lifecycle"))
    try:
        running.cluster.stateful(running.objects.documents["StatefulSet", "minio"])
        running.cluster.settled()
        yield running
    finally:
        running.close()


def done(running: Running, *commands: str, **variables: str) -> str:
    """Runs commands in the pod of the set-up Job, with other variables, and returns what they print."""
    jobs = running.objects.all("Job")
    job = copy.deepcopy(next(each for each in jobs if each["metadata"]["name"].startswith("minio-setup")))
    container = job["spec"]["template"]["spec"]["containers"][0]
    container["command"] = ["sh", "-euc", "\n".join(commands)]
    for variable in container["env"]:
        variable["value"] = variables.get(variable["name"], variable.get("value", ""))
        if "valueFrom" in variable:
            del variable["value"]
    job["spec"]["backoffLimit"] = 0
    run = running.cluster.job(job)
    until("the Job ends", lambda: run.succeeded or run.failed, 120, otherwise=run.said)
    assert run.succeeded, run.said()
    return run.log()


def rules(text: str) -> list[dict[str, Any]]:
    """The rules of the bucket, as the client lists them in its last line."""
    return list(json.loads(text.splitlines()[-1])["Rules"])


def test_one_rule_whatever_is_run_again(minio: Running) -> None:
    """The set-up Job runs twice: the bucket has versions, and one rule for old ones; that of somebody else stays"""
    first = done(minio, SETUP, "mc version info store/mlflow", OTHER, RULES)
    assert "versioning is enabled" in first
    again = rules(done(minio, SETUP, RULES))
    assert sorted(rules(first), key=str) == sorted(again, key=str)
    (own,) = [rule for rule in again if rule["ID"] == "mlflow-noncurrent-versions"]
    assert own["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert own["Expiration"] == {"ExpiredObjectDeleteMarker": True}
    assert own["Status"] == "Enabled"
    (other,) = [rule for rule in again if rule is not own]
    assert (other["Expiration"], other["Filter"]) == ({"Days": 99}, {"Prefix": "scratch/"})


def test_rule_follows_the_environment(minio: Running) -> None:
    """Another number changes the rule, and none takes it away; versions are suspended where that is said"""
    changed = rules(done(minio, SETUP, RULES, NONCURRENT_DAYS="9"))
    assert [each["NoncurrentVersionExpiration"]["NoncurrentDays"] for each in changed if "Noncurrent" in str(each)] == [
        9
    ]
    gone = done(minio, SETUP, "mc version info store/mlflow", RULES, NONCURRENT_DAYS="", VERSIONING="suspend")
    assert "versioning is suspended" in gone
    assert "mlflow-noncurrent-versions" not in gone
    back = rules(done(minio, SETUP, RULES))
    assert [each["ID"] for each in back].count("mlflow-noncurrent-versions") == 1


def test_old_version_is_kept(minio: Running) -> None:
    """What is overwritten and deleted is still there, as old versions"""
    put = "printf {} | mc pipe store/mlflow/kept"
    listed = done(
        minio, SETUP, put.format("one"), put.format("two"), "mc rm store/mlflow/kept", "mc ls --versions store/mlflow"
    )
    assert [line.split()[-2:] for line in listed.splitlines()[-3:]] == [
        ["DEL", "kept"],
        ["PUT", "kept"],
        ["PUT", "kept"],
    ]


def test_uploads_that_never_ended_go_when_the_environment_says(minio: Running) -> None:
    """MinIO itself says that it takes the number of days from its environment"""
    assert "MINIO_API_STALE_UPLOADS_EXPIRY=168h" in done(minio, SETUP, "mc admin config get store api")
