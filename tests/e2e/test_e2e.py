"""One environment from its first start to its end, on a whole cluster. The tests follow one another, in this order."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest

from tests.stack.wait import until

from . import manifests
from .forward import forwarded
from .running import READY_SECONDS, Running

pytestmark = pytest.mark.e2e

ENVIRONMENT = """\
overlay: minio-postgres
artifacts: {storage: {size: 2Gi}}
database: {storage: {size: 1Gi}}
"""
METADATA = "169.254.169.254:80"
PARTS = {"mlflow": 5000, "postgres": 5432, "minio": 9000}
MEGABYTES = "8"
POLICY_SECONDS = 60


def environment(version: str = "", **settings: Any) -> str:
    """The environment with settings of the server."""
    given = ({"version": version} if version else {}) | settings
    return ENVIRONMENT + (f"mlflow: {json.dumps(given)}\n" if given else "")


@pytest.fixture(scope="session")
def started(running: Running, older: str) -> Running:
    """The environment, ready for the first time."""
    running.apply(environment(older))
    running.add_clients()
    return running


@pytest.fixture(scope="session")
def known(started: Running) -> dict[str, Any]:
    """What a client logged, and what has to be there ever after."""
    return started.client("client.py", "write", MEGABYTES)


def still_known(running: Running, known: dict[str, Any]) -> None:
    """A client reads back everything that was logged."""
    seen = running.client("client.py", "read", json.dumps(known))
    assert (seen["sha256"], seen["location"]) == (known["sha256"], known["location"])
    assert seen["params"]
    assert seen["metrics"]


def uids(running: Running) -> set[str]:
    """The identities of the server's pods."""
    label = "--selector=app.kubernetes.io/component=server"
    return {pod["metadata"]["uid"] for pod in running.kubectl.objects("pods", f"--namespace={running.name}", label)}


def test_starts(started: Running) -> None:
    """Every workload becomes ready, and every Job is done."""
    assert started.server()["status"]["readyReplicas"] == 1


def test_client_in_the_cluster(started: Running, known: dict[str, Any]) -> None:
    """A client in another namespace logs and reads artifacts without any credential of the store."""
    assert known["credentials"] == []
    assert known["location"].startswith("mlflow-artifacts:/")
    still_known(started, known)


def test_client_through_a_port_forward(started: Running, known: dict[str, Any]) -> None:
    """A client outside the cluster reads through a port-forward what was logged inside."""
    with forwarded(started.kubectl, started.name, "mlflow", 5000) as address:
        url = f"{address}/api/2.0/mlflow/runs/get?run_id={known['run']}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            run = json.load(answer)["run"]
        assert run["info"]["run_id"] == known["run"]
        assert run["data"]["params"]


def test_policies(started: Running) -> None:
    """NetworkPolicies open the server to clients alone, and its database and object store to nobody else."""
    listener = started.listener()
    server, database, store = (f"{name}.{started.name}.svc:{port}" for name, port in PARTS.items())
    assert started.probe(server, listener) == {server: True, listener: True}
    if not held_back(started, listener):
        pytest.skip("the cluster's network plugin does not enforce NetworkPolicies")
    assert started.probe(server, database, store) == {server: True, database: False, store: False}
    own = from_server(started, "postgres:5432", "minio:9000", listener, METADATA)
    assert own == {"postgres:5432": True, "minio:9000": True, listener: False, METADATA: False}


def held_back(running: Running, address: str) -> bool:
    """Whether a pod that a policy cuts off really is; a plugin may need a moment for it."""

    def cut_off() -> bool:
        return not running.probe(address, labels=manifests.HELD_BACK)[address]

    try:
        return until("a policy that binds", cut_off, POLICY_SECONDS)
    except AssertionError:
        return False


def from_server(running: Running, *addresses: str) -> dict[str, bool]:
    """Which addresses the server's own pod reaches."""
    program = manifests.SCRIPTS["probe.py"].read_text(encoding="utf-8")
    place = [f"--namespace={running.name}", "deployment/mlflow", "--container=mlflow", "--stdin"]
    out = running.kubectl.must("exec", *place, "--", "python", "-", *addresses, text=program)
    found: dict[str, bool] = json.loads(out)
    return found


def test_restart(started: Running, known: dict[str, Any]) -> None:
    """Every pod may be deleted at once: what was logged is still there."""
    before = uids(started)
    started.kubectl.must("delete", "pods", "--all", f"--namespace={started.name}", "--wait=true", seconds=180)
    started.watch.ready(READY_SECONDS)
    assert not uids(started) & before
    still_known(started, known)


def test_new_version(started: Running, known: dict[str, Any], older: str) -> None:
    """A new version of MLflow migrates the database, and reads what the old one logged."""
    if not older:
        pytest.skip("no --older-version was named to upgrade from")
    started.apply(environment())
    assert older not in json.dumps(started.server()["spec"]["template"])
    still_known(started, known)


def test_new_settings(started: Running, known: dict[str, Any]) -> None:
    """Changed settings roll the server, and nothing is lost."""
    before = uids(started)
    started.apply(environment(workers=1, logLevel="DEBUG"))
    assert not uids(started) & before
    still_known(started, known)


def test_down_and_up(started: Running, known: dict[str, Any]) -> None:
    """Taken down without its namespace and applied again, it has everything that was logged."""
    started.take_down()
    started.apply(environment())
    still_known(started, known)
