"""What commands find out of real servers, stores and databases, where all is well and where it is not."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from compiler.operate import connection
from compiler.operate.checks import database, store
from compiler.operate.inside import ask, program
from compiler.operate.rest import Login, Server
from compiler.operate.verdict import Result

from .operating import Container, asked, names
from .pod import Pod
from .running import Running
from .wait import until

pytestmark = pytest.mark.environments("maintenance", "maintenance-mysql")

ALL = ["health", "version", "access", "experiment", "run", "artifact", "signed URLs", "clean-up"]


def tried(running: Running, uri: str = "", login: Login | None = None) -> list[Result]:
    """What `test-connection` says of an address, by default the right one with the right login."""
    path = running.settings.get("MLFLOW_STATIC_PREFIX", "")
    place = running.servers[0].link.address
    known = {f"mlflow_{running.objects.namespace}": place, "mlflow_elsewhere": place}
    own = Login(*(running.login or ("", "")))
    with names(running, **known):
        uri = uri or f"http://mlflow.{running.objects.namespace}:5000{path}"
        server = Server(uri, own if login is None else login, seconds=20)
        return list(connection.test(server, running.name, 1_790_000_000_000))


def failure(results: list[Result]) -> Result:
    [bad] = [result for result in results if result.failed]
    return bad


def test_a_run_goes_there_and_back(running: Running) -> None:
    """test-connection logs a run with an artifact, reads it back, and leaves neither behind"""
    before = {entry["key"] for entry in running.contents("list").answer}
    results = tried(running)
    assert not [result for result in results if result.failed], results
    assert [result.check for result in results] == ALL
    assert {entry["key"] for entry in running.contents("list").answer} == before


@pytest.mark.parametrize(
    ("change", "check", "said", "mend"),
    [
        ({"uri": "http://mlflow.elsewhere:5000"}, "access", "Invalid Host header", "set host in environment.yaml"),
        ({"uri": "http://mlflow.nowhere:5000"}, "connection", "mlflow.nowhere does not resolve", "DNS"),
        ({"uri": "http://127.0.0.1:9"}, "connection", "nothing listens at 127.0.0.1:9", "port"),
        ({"uri": "https://mlflow.elsewhere:5000"}, "connection", "does not speak TLS", "http://"),
    ],
    ids=["host", "dns", "port", "tls"],
)
def test_what_is_wrong_is_said(running: Running, change: dict[str, Any], check: str, said: str, mend: str) -> None:
    """test-connection says what is wrong with a host, a name, a port or TLS, and what to do"""
    path = running.settings.get("MLFLOW_STATIC_PREFIX", "")
    if "elsewhere" in change.get("uri", ""):
        change = {**change, "uri": change["uri"] + path}
    bad = failure(tried(running, **change))
    assert bad.check == check
    assert said in bad.said
    assert mend in bad.mend


@pytest.mark.environments("maintenance")
@pytest.mark.parametrize(
    ("login", "mend"),
    [(Login(), "MLFLOW_TRACKING_USERNAME"), (Login("admin", "wrong-password"), "the login is wrong")],
    ids=["none", "wrong"],
)
def test_a_refused_login_is_said(running: Running, login: Login, mend: str) -> None:
    """test-connection tells a missing login from a wrong one, and shows no password"""
    bad = failure(tried(running, login=login))
    assert (bad.check, "401" in bad.said) == ("access", True)
    assert mend in bad.mend
    assert "wrong-password" not in str(bad)


@pytest.mark.environments("maintenance-mysql")
def test_a_missing_prefix_is_said(running: Running) -> None:
    """test-connection says that a static prefix belongs to the address"""
    bad = failure(tried(running, f"http://mlflow.{running.objects.namespace}:5000"))
    assert (bad.check, "404" in bad.said) == ("health", True)
    assert "mlflow.staticPrefix" in bad.mend
    other = failure(tried(running, f"http://mlflow.{running.objects.namespace}:5000/other"))
    assert "may not have /other as its static prefix" in other.mend


def stored(running: Running, pod: Pod, uri: str = "") -> list[Result]:
    """What the doctor says of the store, from a pod of the server."""
    environment, overlay = asked(running.name)
    arguments = [uri or environment.artifacts.uri, ".mlflow-overlays-test"]
    return list(store.judged(environment, ask(Container(pod), overlay, program("store"), arguments)))


def test_doctor_finds_the_store_well(running: Running) -> None:
    """The doctor reaches the store from the server's pod, logs in, and leaves nothing behind"""
    before = {entry["key"] for entry in running.contents("list").answer}
    results = stored(running, running.servers[0])
    assert [(result.check, result.failed) for result in results] == [
        (f"store: {step}", False) for step in ("reach", "identity", "bucket", "write")
    ], results
    assert {entry["key"] for entry in running.contents("list").answer} == before
    secret = running.secrets["mlflow-artifacts"]["AWS_SECRET_ACCESS_KEY"]
    assert secret not in str(results)


def test_doctor_says_what_the_store_refuses(running: Running) -> None:
    """The doctor tells a wrong key from a wrong secret, a bucket that is not there, and one that is not allowed"""
    keys = running.secrets["mlflow-artifacts"]
    bad = [result for result in stored(running, running.servers[0], "s3://mlflow-nowhere/x") if result.failed]
    assert [result.check for result in bad] == ["store: bucket", "store: write"]
    assert {result.said for result in bad} <= {"there is no such bucket", "the store does not allow it"}
    for changed, said in (
        ({"AWS_ACCESS_KEY_ID": "somebody-else"}, "the store does not know the access key"),
        ({"AWS_SECRET_ACCESS_KEY": "something-else"}, "the secret key does not belong to the access key"),
    ):
        with running.variant(mlflow_artifacts={**keys, **changed}) as pod:
            until(f"{pod.name} is ready", partial(getattr, pod, "ready"), 90, otherwise=pod.said)
            [last] = [result for result in stored(running, pod) if result.check == "store: write"]
            assert last.said == said, last
            assert "Secret" in last.mend
    with running.variant({"MLFLOW_S3_ENDPOINT_URL": "http://minio.nowhere:9000"}) as pod:
        until(f"{pod.name} is ready", partial(getattr, pod, "ready"), 90, otherwise=pod.said)
        reach = stored(running, pod)[0]
        assert (reach.check, reach.said) == ("store: reach", "the name of the store does not resolve")


def looked(running: Running, container: Container) -> list[dict[str, Any]]:
    """What the databases say to a container of the server."""
    _, overlay = asked(running.name)
    source = next(
        each["data"]["schema.py"] for each in running.objects.all("ConfigMap") if "schema.py" in each.get("data", {})
    )
    return list(ask(container, overlay, program("database", {"schema": source})))


def test_doctor_finds_the_database_well(running: Running) -> None:
    """The doctor logs in to the databases from the server's pod, and sees privileges, schema and connections"""
    results = list(database.judged(looked(running, Container(running.servers[0]))))
    assert not [result for result in results if result.failed], results
    databases = 2 if running.login else 1
    checks = ("login", "privileges", "schema", "connections")
    assert [result.check for result in results] == [f"database: {each}" for each in checks] * databases
    assert running.secrets["mlflow-database"]["password"] not in str(results)


@pytest.fixture
def waits(running: Running) -> Iterator[Container]:
    """A container that waits for the database with a wrong password."""
    with running.variant(mlflow_database={"password": "another-one-that-is-wrong"}) as pod:
        until(
            f"{pod.name} is refused",
            lambda: "the login is refused" in pod.log("wait-for-schema"),
            90,
            otherwise=pod.said,
        )
        yield Container(pod, pod.processes["wait-for-schema"])


def test_doctor_says_why_the_database_refuses(running: Running, waits: Container) -> None:
    """The doctor tells a refused login apart, from the container that waits where no server runs yet"""
    bad = failure(list(database.judged(looked(running, waits)[:1])))
    assert bad.check == "database: login"
    assert bad.said.endswith("the login is refused")
    assert "compare the password" in bad.mend
    assert "another-one" not in str(bad)


def test_doctor_finds_experiments_that_bypass_the_server(running: Running) -> None:
    """The doctor names each experiment whose artifacts lie where the server does not serve them, and what to do"""
    environment, _ = asked(running.name)
    container = Container(running.servers[0])
    assert not database.bypassing(environment, looked(running, container)).failed
    made = f"s3://{running.bucket}/elsewhere"
    name = "doctor-bypass"
    with names(running, **{f"mlflow_{running.objects.namespace}": running.servers[0].link.address}):
        path = running.settings.get("MLFLOW_STATIC_PREFIX", "")
        login = Login(*(running.login or ("", "")))
        server = Server(f"http://mlflow.{running.objects.namespace}:5000{path}", login)
        reply = server.call("POST", "experiments/create", {"name": name, "artifact_location": made})
        assert reply.status == 200, reply
    bad = database.bypassing(environment, looked(running, container))
    assert bad.failed
    assert bad.words == (f"{reply.json['experiment_id']} ({name}): {made}",)
    assert "mlflow-artifacts:/" in bad.mend


def test_doctor_sees_what_the_user_of_the_database_may_not(running: Running) -> None:
    """The doctor names the right on a table that the server's user has lost"""
    if running.engine != "postgres":
        pytest.skip("MySQL's user has its rights on the whole database")
    running.sql("ALTER TABLE tags OWNER TO postgres")
    try:
        [bad] = [each for each in database.judged(looked(running, Container(running.servers[0]))) if each.failed]
    finally:
        running.sql("ALTER TABLE tags OWNER TO mlflow")
    assert bad.check == "database: privileges"
    assert "SELECT on tags" in bad.said
