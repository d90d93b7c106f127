"""Registered models in a database of their own: where they are recorded, that they stay, and that a backup has them."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from .outcome import Outcome
from .running import REGISTRIES, Running, objects_of
from .test_maintenance import backed_up, backups, empty, restore

pytestmark = pytest.mark.environments(*REGISTRIES)


def database(running: Running) -> str:
    """The database of registered models."""
    return urlsplit(running.settings["MLFLOW_REGISTRY_STORE_URI"]).path.lstrip("/")


def count(running: Running, table: str, where: str) -> int:
    """The rows of a table in one of the databases."""
    return int(running.sql(f"SELECT count(*) FROM {where + '.' if running.engine == 'mysql' else ''}{table}", where))


def recorded(running: Running) -> dict[str, tuple[int, int]]:
    """How many runs and versions of models each database has."""
    return {
        name: (count(running, "runs", name), count(running, "model_versions", name))
        for name in ("mlflow", database(running))
    }


@pytest.fixture(scope="module")
def wrote(running: Running) -> Outcome:
    """A run whose model is registered."""
    done = running.client("write", "1")
    assert done.code == 0, done.log
    return done


def test_a_model_is_registered_in_its_own_database(running: Running, wrote: Outcome) -> None:
    """A run is recorded in the first database alone, and the version of its model in the second alone"""
    (runs, none), (nothing, versions) = recorded(running).values()
    assert runs > 0 < versions
    assert (none, nothing) == (0, 0)


def test_both_databases_are_migrated_before_the_server(running: Running) -> None:
    """The migration brings both to their schema, and the server waits for both; neither says a password"""
    for pod in running.servers:
        log = pod.log("wait-for-schema")
        for name in ("mlflow", database(running)):
            said = [line for line in log.splitlines() if f"/{name}:" in line]
            assert "the schema is the one this MLflow expects" in said[-1], log
        assert pod.restarts == 0, pod.said()
        assert running.secrets["mlflow-database"]["password"] not in pod.said() + pod.commands()


def test_models_are_there_after_a_restart(running: Running, wrote: Outcome) -> None:
    """Server and database are stopped and started: the model loads by its name and version"""
    for pod in running.servers:
        running.cluster.delete(pod)
    running.cluster.delete(running.database)
    running.cluster.stateful(running.objects.documents["StatefulSet", running.engine])
    running.cluster.deployed(running.objects.documents["Deployment", "mlflow"])
    running.cluster.settled()
    read = running.client("read", json.dumps(wrote.answer))
    assert read.code == 0, read.log
    assert len(read.answer["model"]) > 0


def test_a_backup_has_both_databases(running: Running, wrote: Outcome) -> None:
    """Both databases are dumped, and come back into empty ones"""
    before = recorded(running)
    name = backed_up(running)
    ending = "dump" if running.engine == "postgres" else "sql"
    assert sorted(backups(running)[name]) == sorted(["manifest.json", *(f"{each}.{ending}" for each in before)])
    empty(running)
    restore(running, BACKUP=name)
    assert recorded(running) == before
    read = running.client("read", json.dumps(wrote.answer))
    assert read.code == 0, read.log


@pytest.mark.parametrize("name", REGISTRIES)
def test_registry_comes_to_a_volume_in_use(name: str, tmp_path: Path) -> None:
    """A database whose process was killed gets the second database when a registry is asked for, and then a third"""
    engine = "mysql" if name == "registry-mysql" else "postgres"
    running = Running(f"minio-{engine}", tmp_path / name)
    listed = "SHOW DATABASES" if engine == "mysql" else "SELECT datname FROM pg_database"
    second = "models" if engine == "mysql" else "mlflow_registry"
    document = objects_of(name, running.secrets).documents["StatefulSet", engine]
    third = json.loads(json.dumps(document))
    create = third["spec"]["template"]["spec"]["initContainers"][0]
    create["env"].append({"name": "MLFLOW_AUTH_DATABASE", "value": "mlflow_auth"})
    try:
        running.cluster.stateful(running.objects.documents["StatefulSet", engine])
        running.cluster.settled()
        assert second not in running.sql(listed).split()
        for wanted, there in ((document, {"mlflow", second}), (third, {"mlflow", second, "mlflow_auth"})):
            running.database.kill()
            running.cluster.drop(running.database)
            running.cluster.stateful(wanted)
            running.cluster.settled()
            assert there <= set(running.sql(listed).split())
            assert f"created the database {second}\n" in running.database.log("create")
        running.cluster.delete(running.database)
        running.cluster.stateful(third)
        running.cluster.settled()
        assert "nothing to create" in running.database.log("create").splitlines()[-1]
    finally:
        running.close()
