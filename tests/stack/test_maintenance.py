"""What is done on a schedule: garbage collection, backups, and the way back from one."""

from __future__ import annotations

import json
import re
import shutil
from functools import partial

import pytest

from .pod import Pod
from .running import MAINTENANCE, Running
from .test_environment import API
from .test_login import ALICE, USERS, ask
from .wait import until

pytestmark = pytest.mark.environments(*MAINTENANCE)


def kept(running: Running, *ids: str) -> dict[str, bool]:
    """Whether the store has objects of these runs and models."""
    keys = [entry["key"] for entry in running.contents("list").answer]
    return {each: any(f"/{each}/" in key for key in keys) for each in ids}


def test_garbage_is_collected(running: Running) -> None:
    """What was deleted long enough ago is gone for good, in database and store; what was not, and the rest, stays"""
    done = running.client("discard", "garbage")
    assert done.code == 0, done.log
    ids = [*done.answer["kept"], *done.answer["deleted"]]
    job = running.scheduled("mlflow-gc")
    assert job.succeeded, job.said()
    assert kept(running, *ids) == dict.fromkeys(ids, True)
    job = running.scheduled("mlflow-gc", "--older-than", "0d")
    assert job.succeeded, job.said()
    assert kept(running, *ids) == dict.fromkeys(done.answer["kept"], True) | dict.fromkeys(
        done.answer["deleted"], False
    )
    known = running.client("there", json.dumps(done.answer))
    assert known.answer["there"] == [done.answer["kept"][0]], known.log
    for secret in (running.secrets["mlflow-database"]["password"], running.secrets["mlflow-auth"]["admin-password"]):
        assert secret not in job.said()


def backups(running: Running) -> dict[str, list[str]]:
    """The files of every backup in the store."""
    found: dict[str, list[str]] = {}
    for entry in running.contents("list").answer:
        if entry["bucket"] == "mlflow-backups":
            *above, name, file = entry["key"].split("/")
            assert above == ["backups", running.objects.namespace]
            found.setdefault(name, []).append(file)
    return found


def backed_up(running: Running) -> str:
    """Makes a backup, and returns its name."""
    job = running.scheduled("mlflow-backup")
    assert job.succeeded, job.said()
    for each in ("mlflow-database", "mlflow-artifacts"):
        assert not [value for key, value in running.secrets[each].items() if "ID" not in key and value in job.said()]
    found = re.search(r"^(\S+): stored", job.log(), re.MULTILINE)
    assert found, job.log()
    return found[1]


def restore(running: Running, **variables: str) -> None:
    """Loads a backup, while no server runs."""
    servers = len(running.servers)
    for pod in running.servers:
        running.cluster.delete(pod)
    job = running.scheduled("mlflow-restore", **variables)
    assert job.succeeded, job.said()
    for _ in range(servers):
        running.cluster.deployed(running.objects.documents["Deployment", "mlflow"])
    running.cluster.settled()


def empty(running: Running) -> None:
    """Takes the database away with its volume, and starts another."""
    document = running.objects.documents["StatefulSet", running.engine]
    running.cluster.delete(running.database)
    shutil.rmtree(running.folder / "claims" / f"data-{running.engine}-0")
    running.cluster.stateful(document)
    running.cluster.settled()


def test_backup_is_the_way_back(running: Running) -> None:
    """A backup brings runs, models and users back into new, empty databases; artifacts were never away"""
    wrote = running.client("write", "1")
    assert wrote.code == 0, wrote.log
    if running.login:
        body = json.dumps({"username": ALICE[0], "password": ALICE[1]})
        assert ask(running, running.servers[0], f"{USERS}/create", running.login, body)[0] == 200
    name = backed_up(running)
    ending = "dump" if running.engine == "postgres" else "sql"
    databases = ["mlflow", *(["mlflow_auth"] if running.login else [])]
    assert sorted(backups(running)[name]) == ["manifest.json", *(f"{each}.{ending}" for each in databases)]
    empty(running)
    restore(running, BACKUP=name)
    read = running.client("read", json.dumps(wrote.answer))
    assert read.code == 0, read.log
    assert read.answer["params"]
    assert read.answer["sha256"] == wrote.answer["sha256"]
    if running.login:
        assert ask(running, running.servers[0], API, ALICE)[0] == 200


def test_backup_waits_for_its_database(running: Running) -> None:
    """A backup that starts before its database answers waits for it"""
    document = running.objects.documents["StatefulSet", running.engine]
    running.cluster.delete(running.database)
    job = running.begun("mlflow-backup")
    until("it waits", lambda: "the database does not answer yet" in job.said(), 60, otherwise=job.said)
    running.cluster.stateful(document)
    running.ended(job)
    assert job.succeeded, job.said()
    assert len(job.pods) == 1, job.said()
    running.cluster.settled()


def test_restore_takes_nothing_away_unasked(running: Running) -> None:
    """A database in use is left alone until it is named; then it is as it was when it was backed up, and no newer"""
    before = running.client("discard", "before")
    name = backed_up(running)
    after = running.client("discard", "after")
    assert after.code == 0, after.log
    for variables, words in (
        ({}, name),
        ({"BACKUP": "20200101T000000Z"}, name),
        ({"BACKUP": name}, "OVERWRITE does not name it; nothing is loaded"),
        ({"BACKUP": name, "OVERWRITE": "mlflow_other"}, "OVERWRITE does not name it; nothing is loaded"),
    ):
        job = running.scheduled("mlflow-restore", **variables)
        assert job.failed
        assert words in job.said()
    assert len(running.client("there", json.dumps(after.answer)).answer["there"]) == 2
    restore(running, BACKUP=name, OVERWRITE="mlflow_auth mlflow")
    assert len(running.client("there", json.dumps(before.answer)).answer["there"]) == 2
    assert running.client("there", json.dumps(after.answer)).answer["there"] == []


def test_spoilt_backup_is_not_loaded(running: Running) -> None:
    """A dump that is another than was stored is found by its digest, before anything is loaded"""
    name = backed_up(running)
    file = next(each for each in backups(running)[name] if each.startswith("mlflow."))
    place = f"backups/{running.objects.namespace}/{name}/{file}"
    assert running.contents("spoil", "mlflow-backups", place).code == 0
    job = running.scheduled("mlflow-restore", BACKUP=name, OVERWRITE="mlflow mlflow_auth")
    assert job.failed
    assert f"{name}: {file} is not what was stored" in job.said()
    assert "load" not in job.pods[0].started


def test_old_backups_go(running: Running) -> None:
    """The newest are kept, as many as the environment says; artifacts stay"""
    artifacts = [entry["key"] for entry in running.contents("list").answer if entry["bucket"] == running.bucket]
    names = [backed_up(running) for _ in range(3)]
    assert sorted(backups(running)) == names[-2:]
    assert artifacts == [each["key"] for each in running.contents("list").answer if each["bucket"] == running.bucket]


def test_password_of_the_database_is_changed(running: Running) -> None:
    """A statement, a changed Secret and a restart change the password; the old one is of no use then"""
    new, old = "another 'one'", running.secrets["mlflow-database"]["password"]
    backslash = "" if running.engine == "postgres" else "\\"

    def give(password: str) -> None:
        literal = "'" + password.replace("\\", backslash + "\\").replace("'", "''") + "'"
        who = "mlflow PASSWORD" if running.engine == "postgres" else "'mlflow'@'%' IDENTIFIED BY"
        running.sql(f"ALTER USER {who} {literal}")

    give(new)
    try:
        with running.variant(mlflow_database={"password": new}) as pod:
            until(f"{pod.name} is ready", partial(getattr, pod, "ready"), 90, otherwise=pod.said)
            path = running.settings.get("MLFLOW_STATIC_PREFIX", "")
            assert ask(running, pod, f"{path}{API}", running.login)[0] == 200
        with running.variant() as pod:
            until(f"{pod.name} is refused", partial(_refused, pod), 90, otherwise=pod.said)
    finally:
        give(old)


def _refused(pod: Pod) -> bool:
    return "the login is refused" in pod.log("wait-for-schema")
