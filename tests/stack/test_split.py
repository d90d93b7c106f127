"""Artifacts in a server of their own: who serves what, and what each server knows and reaches."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from .pod import Pod
from .remote import python
from .running import MEGABYTES, Running, Work
from .test_environment import API, asked
from .test_login import ALICE, BOB, USERS, ask
from .test_network import reached
from .volume import quantity

ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
EDGE = "203.0.113.50"
Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def artifacts(running: Running) -> list[Pod]:
    """The pods of the server of artifacts."""
    return running.cluster.of("mlflow-artifacts")


@pytest.fixture(scope="module")
def edge(running: Running) -> Iterator[str]:
    """The address of the host, where a controller serves what the Ingress says."""
    (rule,) = running.objects.documents["Ingress", "mlflow"]["spec"]["rules"]
    paths = {}
    for path in rule["http"]["paths"]:
        assert path["pathType"] == "Prefix"
        service = running.objects.documents["Service", path["backend"]["service"]["name"]]
        (port,) = service["spec"]["ports"]
        assert port["name"] == path["backend"]["service"]["port"]["name"]
        paths[path["path"]] = f"{service['metadata']['name']}.{running.objects.namespace}:{port['port']}"
    running.cluster.names[rule["host"]] = EDGE
    pod = python(running, "front.py", ["ingress", ""], {"paths": paths}, EDGE, rule["host"])
    yield f"https://{rule['host']}{running.settings['MLFLOW_STATIC_PREFIX']}"
    running.cluster.dismiss(pod)


def uploads(pods: list[Pod]) -> int:
    """How many files were sent to pods, by their logs."""
    return sum(
        f"PUT {ARTIFACTS}" in line or f"PUT /ml{ARTIFACTS}" in line for pod in pods for line in pod.log().splitlines()
    )


@pytest.mark.environments("split")
def test_artifacts_go_to_their_own_server(
    running: Running, work: Work, artifacts: list[Pod], record_property: Record
) -> None:
    """A client of the tracking Service sends 100 MB and a model to the server of artifacts alone, and reads them back from it"""
    namespace = running.objects.namespace
    assert len(artifacts) == 2
    assert (
        work.wrote["location"] == f"mlflow-artifacts://mlflow-artifacts.{namespace}.svc:5000/{work.wrote['experiment']}"
    )
    assert work.wrote["credentials"] == []
    assert work.read["sha256"] == work.wrote["sha256"]
    assert work.read["model"] == [1.0, 3.0, 5.0]
    assert uploads(running.servers) == 0
    assert uploads(artifacts) > 1
    record_property("megabytes", MEGABYTES)


@pytest.mark.environments("split")
def test_pages_show_what_the_other_server_keeps(running: Running, work: Work) -> None:
    """The first server lists and shows artifacts, as its pages do"""
    for path in (f"/api/2.0/mlflow/artifacts/list?run_id={work.wrote['run']}&path=data",):
        status, body = asked(running, running.servers[0], "localhost", path)
        assert status == 200, body
        assert "large" in json.loads(body)["files"][0]["path"]


@pytest.mark.environments("split", "split-host")
def test_server_of_artifacts_knows_no_database(running: Running, artifacts: list[Pod]) -> None:
    """The server of artifacts answers no API of runs, has no password of the database, and cannot reach it"""
    database = f"{running.database.link.address}:{running.port_of(running.database)}"
    store = running.store
    assert store is not None
    known = f"{store.link.address}:{running.port_of(store)}"
    prefix = running.settings.get("MLFLOW_STATIC_PREFIX", "")
    for pod in artifacts:
        status, body = asked(running, pod, "localhost", f"{prefix}{API}")
        assert (status, "--artifacts-only" in body) == (503, True), body
        status, body = asked(running, pod, "localhost", f"{prefix}/api/3.0/mlflow/server-info")
        assert not json.loads(body)["multipart_downloads_enabled"], "clients would be sent to the store itself"
        words = pod.main.execute(["env"], 30).stdout
        assert not any(
            line.startswith(("PGPASSWORD=", "MLFLOW_BACKEND_STORE_URI=postgres")) for line in words.splitlines()
        )
        seen = reached(pod, [known, database])
        assert seen[known] == 1, seen
        assert seen[database] != 1 or running.engine == "rds", seen


@pytest.mark.environments("split")
def test_memory_stays_in_its_limit(running: Running, work: Work, artifacts: list[Pod], record_property: Record) -> None:
    """Under uploads the server of artifacts stays within the memory that was worked out for it"""
    document = running.objects.documents["Deployment", "mlflow-artifacts"]
    limit = quantity(document["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"])
    used = max(pod.main.memory() for pod in artifacts)
    assert 0 < used < limit
    record_property("MiB", used // 2**20)
    record_property("limit MiB", limit // 2**20)
    assert work.peak


@pytest.mark.environments("split-host")
def test_host_leads_artifacts_to_their_server(running: Running, edge: str, artifacts: list[Pod]) -> None:
    """Behind one host with a prefix, runs go to the first server and artifacts to theirs, up and down; no location names it"""
    wrote = running.client("write", "10", server=edge)
    assert wrote.code == 0, wrote.log
    assert wrote.answer["location"] == f"mlflow-artifacts:/{wrote.answer['experiment']}"
    assert uploads(running.servers) == 0
    assert uploads(artifacts) > 1
    read = running.client("read", json.dumps(wrote.answer), server=edge)
    assert read.code == 0, read.log
    assert read.answer["sha256"] == wrote.answer["sha256"]
    assert not [
        line for pod in running.servers for line in pod.log().splitlines() if "mlflow-artifacts/artifacts" in line
    ]


@pytest.mark.environments("split-host")
def test_clients_of_the_service_are_served_by_the_first(running: Running, artifacts: list[Pod]) -> None:
    """A client inside the cluster that knows the first server alone keeps artifacts there, in the same store"""
    before = uploads(artifacts)
    server = f"http://mlflow.{running.objects.namespace}:5000{running.settings['MLFLOW_STATIC_PREFIX']}"
    done = running.client("one", "", server=server)
    assert done.code == 0, done.log
    assert uploads(artifacts) == before
    assert uploads(running.servers) > 0


@pytest.mark.environments("split-login", "split-login-mysql")
def test_no_artifact_without_login(running: Running, artifacts: list[Pod]) -> None:
    """Without a login, or with a wrong one, the server of artifacts lists, gives and takes nothing; /health is answered"""
    for pod in (*artifacts, *running.servers):
        for login in (None, ("admin", "wrong-password"), ("nobody", "wrong-password")):
            for path in (f"{ARTIFACTS}?path=1", f"{ARTIFACTS}/1/x", f"{ARTIFACTS.replace('/api', '/ajax-api')}/1/x"):
                assert ask(running, pod, path, login)[0] == 401, path
        assert ask(running, pod, "/health")[0] == 200
    failed = running.client("one", "", login=("admin", "wrong-password"), retries=1)
    assert failed.code != 0
    assert "401" in failed.log


@pytest.mark.environments("split-login", "split-login-mysql")
def test_users_have_the_permissions_of_the_first_server(running: Running, artifacts: list[Pod]) -> None:
    """A user keeps artifacts in the second server; another reads them there once the administrator lets him, not before"""
    server = running.servers[0]
    for name, password in (ALICE, BOB):
        body = json.dumps({"username": name, "password": password})
        status, answer, _ = ask(running, server, f"{USERS}/create", running.login, body)
        assert status == 200, answer
    before = uploads(artifacts)
    done = running.client("one", "", login=ALICE)
    assert done.code == 0, done.log
    assert uploads(artifacts) > before
    assert uploads(running.servers) == 0
    experiment = done.answer["location"].rpartition("/")[2]
    path = f"{ARTIFACTS}/{experiment}/{done.answer['run']}/artifacts/small.txt"
    for pod in artifacts:
        assert ask(running, pod, path, ALICE)[:2] == (200, "text")
        assert ask(running, pod, path, running.login)[:2] == (200, "text")
        assert ask(running, pod, path, BOB)[0] == 403
    grant = {"username": BOB[0], "resource_type": "experiment", "resource_id": experiment, "permission": "READ"}
    route = "/api/3.0/mlflow/users/permissions/grant"
    status, answer, _ = ask(running, server, route, running.login, json.dumps(grant))
    assert status == 200, answer
    for pod in artifacts:
        assert ask(running, pod, path, BOB)[:2] == (200, "text")


@pytest.mark.environments("split-login", "split-login-mysql")
def test_second_server_knows_no_runs(running: Running, artifacts: list[Pod]) -> None:
    """It has the password of the database for users alone: no URI of runs, and no API of runs, whoever asks"""
    for pod in artifacts:
        assert ask(running, pod, API, running.login)[0] == 503
        words = pod.main.execute(["env"], 30).stdout.splitlines()
        assert "MLFLOW_BACKEND_STORE_URI=" in words
        assert running.login is not None
        assert running.login[1] not in "\n".join(words)
        assert pod.restarts == 0, pod.said()
