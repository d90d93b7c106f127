"""Each reference environment, from its build to a server in use."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Callable

import pytest

from .cluster import EKS_ROLE, Job, with_pod_identity, with_role
from .network import inside
from .pod import Pod
from .running import MEGABYTES, OTHER, Running, Work
from .spec import variables
from .volume import quantity
from .wait import until

API = "/api/2.0/mlflow/experiments/search?max_results=1000"
Record = Callable[[str, object], None]
STOPPED = {0, 143}
"""Ended by itself, or by SIGTERM; 137 would be a kill."""
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def asked(running: Running, pod: Pod, host: str, path: str = API) -> tuple[int, str]:
    """The status and body of an answer of one pod to a request with a Host header."""
    with inside(running.cluster.network.node):
        connection = http.client.HTTPConnection(pod.link.address, 5000, timeout=20)
        try:
            login = base64.b64encode(":".join(running.login).encode()).decode() if running.login else ""
            headers = {"Host": host} | ({"Authorization": f"Basic {login}"} if login else {})
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


def migration(running: Running) -> Job:
    """The Job of the migration."""
    return next(job for job in running.cluster.jobs if job.name.startswith("mlflow-migrate"))


def test_migration_runs_once(running: Running) -> None:
    """The migration creates the schema at its first try, and changes nothing when it runs again"""
    if running.engine == "sqlite":
        pytest.skip("SQLite is migrated by the one pod that writes to it")
    first = migration(running)
    assert len(first.pods) == 1, first.said()
    assert "the database holds no schema" in first.log()
    before = running.schema()
    again = running.cluster.job(running.objects.documents["Job", first.name])
    until("the second migration ends", lambda: again.succeeded or again.failed, 60, otherwise=again.said)
    assert again.succeeded, again.said()
    names = {"MLFLOW_BACKEND_STORE_URI", "MLFLOW_REGISTRY_STORE_URI", "MLFLOW_AUTH_DATABASE_URI"}
    databases = names & running.settings.keys()
    assert len(again.log().splitlines()) == len(databases), again.log()
    assert again.log().count("the schema is the one this MLflow expects") == len(databases)
    assert running.schema() == before


def test_server_waits_for_the_schema(running: Running) -> None:
    """The server's init container waits for the migration"""
    if running.engine == "sqlite":
        pytest.skip("SQLite is migrated by the one pod that writes to it")
    for pod in running.servers:
        lines = pod.log("wait-for-schema").splitlines()
        assert any("the database holds no schema" in line for line in lines[:-1]), lines
        assert any("the schema is the one this MLflow expects" in line for line in lines), lines
        assert pod.started.index("wait-for-schema") < pod.started.index("mlflow")
        assert pod.restarts == 0, pod.said()


@pytest.mark.environments("local")
def test_sqlite_is_migrated_by_the_pod_itself(running: Running) -> None:
    """The pod's init container creates the schema of SQLite before the server starts, and there is no Job"""
    (pod,) = running.servers
    assert pod.started == ["wait-for-schema", "mlflow"]
    assert "the database holds no schema" in pod.log("wait-for-schema")
    assert "the schema is the one this MLflow expects" in pod.log("wait-for-schema")
    assert running.objects.all("Job") == []


def test_probes_succeed(running: Running) -> None:
    """Every probe succeeds as it is rendered, against the pod's address"""
    seen = 0
    for pod in running.cluster.pods:
        for kind in PROBES if pod.ready else ():
            if kind in pod.container:
                verdict = pod.probed(kind)
                assert verdict.success, f"{pod.name} {kind}: {verdict.detail}"
                seen += 1
    assert seen >= len(PROBES) * len(running.servers)


def test_allowed_hosts_answer(running: Running) -> None:
    """Every allowed host is answered, and a foreign one is refused"""
    pod = running.servers[0]
    for pattern in running.settings["MLFLOW_SERVER_ALLOWED_HOSTS"].split(","):
        for host in {pattern.replace("*", "5000"), pattern.replace("*", "443")}:
            assert asked(running, pod, host)[0] == 200, host
    for host in ("evil.example", "mlflow.evil.example", "localhost.evil.example:5000", "127.0.0.1.evil.example"):
        assert asked(running, pod, host)[0] == 403, host


def test_service_names_lead_to_the_server(running: Running) -> None:
    """The server answers by every name of its Service, inside the namespace and from another one"""
    namespace = running.objects.namespace
    login = {"FETCH_LOGIN": ":".join(running.login)} if running.login else {}
    long = [f"mlflow.{namespace}", f"mlflow.{namespace}.svc", f"mlflow.{namespace}.svc.cluster.local"]
    for home, names in ((namespace, ["mlflow", *long]), ("team", long)):
        outcome = running.program(
            "fetch.py", *(f"http://{name}:5000{API}" for name in names), namespace=home, variables=login
        )
        assert set(outcome.answer.values()) == {200}, outcome.log


def test_client_needs_no_credentials(running: Running, work: Work) -> None:
    """A client without credentials logs a run, 100 MB and a model, and gets all of it back unchanged"""
    assert work.wrote["credentials"] == []
    assert work.wrote["location"].startswith("mlflow-artifacts:/")
    unchanged = {"location": work.wrote["location"], "params": True, "metrics": True, "sha256": work.wrote["sha256"]}
    assert work.read == unchanged | {"model": [1.0, 3.0, 5.0]}


def test_objects_lie_under_the_prefix(running: Running, work: Work) -> None:
    """The objects are in the bucket, under the prefix, encrypted as asked, and nowhere else"""
    objects = running.contents("list").answer
    assert {entry["bucket"] for entry in objects} == {running.bucket}
    assert all(entry["key"].startswith(f"{running.prefix}/" if running.prefix else "") for entry in objects)
    key = running.source.get("artifacts", {}).get("kmsKeyArn", "")
    assert {entry["kms"] for entry in objects} == {key}
    (large,) = (entry for entry in objects if entry["key"].endswith(".bin"))
    assert large["size"] == MEGABYTES * 2**20
    assert work.wrote["run"] in large["key"]


def test_artifacts_are_deleted_through_the_server(running: Running) -> None:
    """A client without credentials deletes the artifacts of a run, through the server"""
    outcome = running.client("delete", "deleted")
    assert outcome.code == 0, outcome.log
    assert outcome.answer == {"before": ["folder/one.txt", "folder/two.txt"], "after": []}


def test_store_keeps_other_buckets_closed(running: Running, work: Work) -> None:
    """The server's user may read its own bucket, and no other"""
    if running.store is None:
        pytest.skip("a volume has no other buckets")
    if "MLFLOW_S3_ENDPOINT_URL" not in running.settings and running.name != "aws-keys":
        pytest.skip("an identity has no keys to try, and emulators of Google and Azure know no rights")
    name = "s3-credentials" if running.name == "aws-keys" else "mlflow-artifacts"
    keys = running.secrets[name]
    if running.name != "aws-keys":
        assert running.contents("create", OTHER).code == 0
    assert running.contents("read", running.bucket, keys=keys).code == 0
    other = running.contents("read", OTHER, keys=keys)
    assert other.code != 0
    assert "AccessDenied" in other.log, other.log


def test_memory_of_database_and_store_fits(running: Running, work: Work, record_property: Record) -> None:
    """The memory of database and store after this work is within their requests"""
    pods = running.own
    if not pods:
        pytest.skip("there is neither database nor store in the cluster")
    for pod in pods:
        used, given = pod.main.memory(), quantity(pod.container["resources"]["requests"]["memory"])
        record_property(pod.container["name"], f"{used >> 20} of {given >> 20} MiB")
        assert used <= given, f"{pod.name}: {used >> 20} of {given >> 20} MiB"


@pytest.mark.environments("eks-irsa", "eks-pod-identity", "prod")
def test_region_is_the_one_that_was_asked_for(running: Running) -> None:
    """The server works in the region of environment.yaml, whatever region EKS itself is in"""
    template = running.objects.documents["Deployment", "mlflow"]["spec"]["template"]
    region = "us-west-2"
    admitted = (
        with_role(template, {EKS_ROLE: running.role}, "token", region)
        if running.role
        else with_pod_identity(template, "token", region)
    )
    environment = variables(admitted["spec"]["containers"][0], running.objects, {})
    assert environment["AWS_DEFAULT_REGION"] == running.source["artifacts"]["region"]


def test_memory_fits(running: Running, work: Work, record_property: Record) -> None:
    """The server's memory after this work is within its request, and its peak within its limit"""
    resources = running.servers[0].container["resources"]
    for word, used in (("requests", work.rest), ("limits", work.peak)):
        given = quantity(resources[word]["memory"])
        record_property(word, f"{used >> 20} of {given >> 20} MiB")
        assert used <= given, f"{word}: {used >> 20} of {given >> 20} MiB"


def test_volumes_stay_within_their_limits(running: Running, work: Work) -> None:
    """What is written to scratch volumes stays within their limits"""
    for pod in running.cluster.pods:
        usage = pod.volumes.usage()
        for volume in pod.spec.get("volumes") or []:
            if limit := (volume.get("emptyDir") or {}).get("sizeLimit"):
                assert usage[volume["name"]] <= quantity(limit), f"{pod.name} {volume['name']}"


def test_no_secret_shows(running: Running, work: Work) -> None:
    """No password is on a command line or in a log"""
    public = {"MINIO_ROOT_USER", "ROOT_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID"}
    passwords = {value for each in running.secrets.values() for key, value in each.items() if key not in public}
    for pod in running.cluster.pods:
        shown = pod.commands() + pod.said() + "".join(pod.log(name) for name in pod.names)
        assert not [value for value in passwords if value in shown], pod.name


def test_replicas_serve_the_same(running: Running, work: Work) -> None:
    """Replicas answer alike, and share what a client wrote"""
    deployment = running.objects.documents["Deployment", "mlflow"]
    if deployment["spec"]["strategy"]["type"] == "Recreate":
        pytest.skip("one pod alone may write to the volume")
    more = [] if len(running.servers) > 1 else [running.cluster.deployed(deployment)]
    running.cluster.settled()
    answers = {asked(running, pod, "localhost") for pod in running.servers}
    assert len(running.servers) > 1
    assert len(answers) == 1
    assert work.wrote["name"] in next(iter(answers))[1]
    for pod in more:
        running.cluster.drop(pod)


def test_nothing_is_lost_when_processes_die(running: Running, work: Work) -> None:
    """Server, database and store are killed, come back by themselves, and nothing is lost"""
    pods = [running.servers[0], *running.own]
    for pod in pods:
        pod.kill()
    until("all start again", lambda: all(pod.restarts == 1 for pod in pods), 30, otherwise=running.cluster.said)
    running.cluster.settled()
    assert {pod.restarts for pod in pods} == {1}
    again = running.client("read", json.dumps(work.wrote))
    assert again.answer == work.read, again.log


def test_pods_stop_in_time_and_come_back(running: Running, work: Work, record_property: Record) -> None:
    """Every pod stops within its grace period, the server on SIGTERM, and new pods on the old volumes have lost nothing"""
    workloads = [*running.objects.all("Deployment"), *running.objects.all("StatefulSet")]
    pods = [pod for each in workloads for pod in running.cluster.of(each["metadata"]["name"])]
    for pod, took in running.cluster.delete_all(pods).items():
        record_property(pod.name, f"{took:.1f} s")
        assert took < pod.spec["terminationGracePeriodSeconds"], f"{pod.name}: {took:.1f} s"
        assert pod.main.exit_code in STOPPED, f"{pod.name}: {pod.main.exit_code}"
    running.cluster.apply("StatefulSet")
    running.cluster.deployed(running.objects.documents["Deployment", "mlflow"])
    running.cluster.settled()
    again = running.client("read", json.dumps(work.wrote))
    assert again.answer == work.read, again.log
