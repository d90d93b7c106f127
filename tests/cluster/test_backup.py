"""backup and restore, against a real API server: the Jobs that are made, what is stopped meanwhile, and what is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from compiler.operate import job
from compiler.operate.backup import backup
from compiler.operate.restore import Options, listed, restore
from compiler.operate.verdict import Result
from tests.conftest import Run

from .apiserver import Server
from .kubectl import Object
from .operating import PASSWORD, Script, Stand, ended, stand

pytestmark = pytest.mark.cluster
TEXT = """\
overlay: aws-keys
artifacts: {bucket: acme-mlflow, region: us-east-1, prefix: artifacts, existingSecret: s3-credentials}
maintenance: {gc: {}, backup: {}}
"""
NAME = "20260131T010000Z"
MANIFEST = {"mlflow": "3.17.2", "files": {"mlflow.dump": {"size": 17, "sha256": "a" * 64}}}
LOG = f"{NAME}: stored mlflow.dump (17 bytes)\n{NAME}: manifest {json.dumps(MANIFEST)}"


@pytest.fixture(scope="module")
def there(server: Server, directory: Path) -> Stand:
    """An environment with backups, whose server runs."""
    found = stand(server, directory / "backup", "backup-it", TEXT)
    found.secrets()
    found.kubectl.must("apply", f"--kustomize={found.stage.overlay(found.name)}")
    return found


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What containers have logged, which only a node could tell."""
    said: dict[str, str] = {}

    def read(self: object, pod: str, container: str, *_: Any, **__: Any) -> str:
        return said.get(container, "")

    monkeypatch.setattr("compiler.cluster.Cluster.logs", read)
    return said


def pod(there: Stand, name: str, **status: Any) -> Object:
    return there.pod("jobs", name, **status)


def done(there: Stand, name: str) -> None:
    """The Job of a backup ends well."""
    pod(there, name, phase="Succeeded")
    there.complete(name)


def refused(there: Stand, name: str) -> None:
    """The Job fails."""
    pod(there, name, phase="Failed", containerStatuses=[ended("load", 1)])
    there.fail(name)


def made(there: Stand, name: str) -> Object:
    return there.object("jobs", name)


def variables(found: Object) -> list[dict[str, str]]:
    """The variables of each container of a Job, those with a value."""
    spec = found["spec"]["template"]["spec"]
    containers = [*spec.get("initContainers", []), *spec["containers"]]
    return [{each["name"]: each.get("value", "") for each in container["env"]} for container in containers]


def test_a_backup_is_made_and_shown_with_its_checksums(there: Stand, logs: dict[str, str]) -> None:
    logs["store"] = LOG
    script = Script({"Job mlflow-backup-one": partial(done, there, "mlflow-backup-one")})
    results = list(backup(there.target(), "one", script))
    assert not [result for result in results if result.failed], results
    assert [(result.check, result.said) for result in results] == [
        ("backup", f"{NAME} is stored, of MLflow 3.17.2"),
        ("mlflow.dump", f"17 bytes, SHA-256 {'a' * 64}"),
    ]
    cron = there.object("cronjobs", "mlflow-backup")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    job_spec = made(there, "mlflow-backup-one")["spec"]["template"]["spec"]
    assert [each["image"] for each in job_spec["containers"]] == [each["image"] for each in cron["containers"]]


def test_a_backup_that_fails_says_why(there: Stand, logs: dict[str, str]) -> None:
    logs["dump"] = f"pg_dump: error: connection refused; {PASSWORD}"

    def fail() -> None:
        pod(there, "mlflow-backup-two", phase="Failed", initContainerStatuses=[ended("dump", 1)])
        there.fail("mlflow-backup-two")

    [bad] = list(backup(there.target(), "two", Script({"Job mlflow-backup-two": fail})))
    assert bad.failed
    assert "BackoffLimitExceeded" in bad.said
    assert "pg_dump: error: connection refused; ***" in bad.words
    assert PASSWORD not in str(bad)


def test_backups_are_listed(there: Stand, logs: dict[str, str]) -> None:
    logs["store"] = f"name one of the backups in BACKUP; the newest are: {NAME}, 20260201T010000Z"
    script = Script({"Job mlflow-restore-list": partial(refused, there, "mlflow-restore-list")})
    [result] = list(listed(there.target(), "list", script))
    assert (result.failed, result.said) == (False, f"{NAME}, 20260201T010000Z")


def restored(there: Stand, stamp: str, end: Callable[[], None]) -> tuple[list[Result], dict[str, Any]]:
    """Restores while the cluster does its part, and tells what stood still while the Job ran."""
    meanwhile: dict[str, Any] = {}

    def run() -> None:
        if meanwhile:
            return
        meanwhile["replicas"] = there.object("deployments", "mlflow")["spec"]["replicas"]
        meanwhile["suspended"] = sorted(
            each["metadata"]["name"]
            for each in there.kubectl.objects("cronjobs", f"--namespace={there.name}")
            if each["spec"]["suspend"]
        )
        meanwhile["variables"] = variables(made(there, f"mlflow-restore-{stamp}"))
        end()

    script = Script(
        {
            f"Job mlflow-restore-{stamp}": run,
            "Job mlflow-migrate": partial(there.complete, "mlflow-migrate"),
            "StatefulSet postgres": partial(there.ready, "statefulsets", "postgres"),
            "Deployment mlflow": partial(there.ready, "deployments", "mlflow"),
        }
    )
    options = Options(NAME, ("mlflow",), stamp, seconds=30, patience=0)
    return list(restore(there.target(), options, script)), meanwhile


def running(there: Stand) -> dict[str, Any]:
    """How the server and the schedules stand."""
    crons = there.kubectl.objects("cronjobs", f"--namespace={there.name}")
    return {
        "replicas": there.object("deployments", "mlflow")["spec"]["replicas"],
        "suspended": [each["metadata"]["name"] for each in crons if each["spec"]["suspend"]],
    }


def test_a_backup_is_brought_back_while_the_server_stands_still(there: Stand, logs: dict[str, str]) -> None:
    results, meanwhile = restored(there, "good", partial(done, there, "mlflow-restore-good"))
    assert not [result for result in results if result.failed], results
    assert meanwhile["replicas"] == 0
    assert meanwhile["suspended"] == ["mlflow-backup", "mlflow-gc", "mlflow-restore"]
    assert all(each["BACKUP"] == NAME and each["OVERWRITE"] == "mlflow" for each in meanwhile["variables"])
    assert running(there) == {"replicas": 1, "suspended": ["mlflow-restore"]}
    checks = [result.check.partition("-v3")[0] for result in results]
    assert checks[:2] == ["stop", "restore"]
    assert sorted(checks[2:]) == ["Deployment mlflow", "Job mlflow-migrate", "StatefulSet postgres"]


def test_where_nothing_was_loaded_the_server_starts_again(there: Stand, logs: dict[str, str]) -> None:
    logs["load"] = "mlflow: has 40 tables, and OVERWRITE does not name it; nothing is loaded"
    results, meanwhile = restored(there, "unasked", partial(refused, there, "mlflow-restore-unasked"))
    assert meanwhile["replicas"] == 0
    [bad] = [result for result in results if result.failed]
    assert bad.check == "restore"
    assert logs["load"] in bad.words
    assert running(there) == {"replicas": 1, "suspended": ["mlflow-restore"]}


def test_where_something_may_be_loaded_the_server_stays_stopped(there: Stand, logs: dict[str, str]) -> None:
    logs["load"] = "ERROR: out of disk"
    results, _ = restored(there, "half", partial(refused, there, "mlflow-restore-half"))
    assert [result.check for result in results if result.failed] == ["restore", "start"]
    assert running(there)["replicas"] == 0


def test_without_the_key_it_is_said(there: Stand, server: Server, directory: Path) -> None:
    plain = stand(server, directory / "backup-plain", "backup-plain")
    for results in (backup(plain.target(), "x", Script({})), restore(plain.target(), Options(NAME), Script({}))):
        [bad] = list(results)
        assert "there is no such CronJob" in bad.said
        assert "maintenance.backup" in bad.mend


def test_restore_is_asked_for(there: Stand, command_line: Run) -> None:
    neither = command_line("restore", *there.arguments)
    assert (neither.code, neither.out) == (2, "")
    assert "--list" in neither.err
    unasked = command_line("restore", *there.arguments, f"--backup={NAME}", stdin="")
    assert unasked.code == 2
    assert f"say --yes to stop its server and load {NAME}" in unasked.err


def test_a_job_is_that_of_its_cronjob() -> None:
    container: Object = {"name": "one", "env": [{"name": "BACKUP", "value": ""}, {"name": "KEPT", "value": "x"}]}
    spec = {"template": {"spec": {"containers": [container]}}, "backoffLimit": 0}
    cron: Object = {"metadata": {"name": "c", "namespace": "n"}, "spec": {"jobTemplate": {"spec": spec}}}
    found = job.job_of(cron, "c-1", {"BACKUP": "name"})
    assert found["spec"]["template"]["spec"]["containers"][0]["env"] == [
        {"name": "KEPT", "value": "x"},
        {"name": "BACKUP", "value": "name"},
    ]
    assert cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] == ""
