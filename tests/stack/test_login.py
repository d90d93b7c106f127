"""MLflow's own login, as clients, administrators and probes meet it."""

from __future__ import annotations

import base64
import http.client
import json
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

import pytest

from .network import inside
from .pod import Pod
from .running import LOGINS, Running, objects_of
from .test_environment import API
from .test_refusals import INIT, says
from .wait import until

ALICE = ("alice", "another-password%20")
BOB = ("bob", "yet:another=password")
USERS = "/api/2.0/mlflow/users"
FORM = "application/x-www-form-urlencoded"

pytestmark = pytest.mark.environments(*LOGINS)


def ask(
    running: Running,
    pod: Pod,
    path: str,
    login: tuple[str, str] | None = None,
    body: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, str, str]:
    """Status, body and cookie of the answer of one pod, with this login or with none."""
    sent = {"Host": "localhost", "Content-Type": "application/json", **(headers or {})}
    if login:
        sent["Authorization"] = f"Basic {base64.b64encode(':'.join(login).encode()).decode()}"
    with inside(running.cluster.network.node):
        connection = http.client.HTTPConnection(pod.link.address, 5000, timeout=20)
        try:
            connection.request("POST" if body is not None else "GET", path, body=body, headers=sent)
            answer = connection.getresponse()
            cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
            return answer.status, answer.read().decode(), cookie
        finally:
            connection.close()


@pytest.fixture(scope="module")
def users(running: Running) -> None:
    """Two users, whom the administrator makes."""
    for name, password in (ALICE, BOB):
        body = json.dumps({"username": name, "password": password})
        status, answer, _ = ask(running, running.servers[0], f"{USERS}/create", running.login, body)
        assert status == 200, answer


def test_nothing_is_answered_without_login(running: Running) -> None:
    """Without a login, or with a wrong one, no API, artifact, trace or metric is answered; /health is"""
    artifacts = "/api/2.0/mlflow-artifacts/artifacts"
    for pod in running.servers:
        for login in (None, ("admin", "wrong-password"), ("nobody", "wrong-password")):
            for path in (API, f"{artifacts}?path=1", f"{artifacts}/1/x", "/metrics", "/ajax-api/2.0/mlflow/users/list"):
                assert ask(running, pod, path, login)[0] == 401, path
            assert ask(running, pod, "/v1/traces", login, "x", {"x-mlflow-experiment-id": "0"})[0] == 401
        assert ask(running, pod, "/health")[0] == 200


@pytest.mark.environments("login-local")
def test_login_on_sqlite_starts_on_a_new_volume(running: Running) -> None:
    """On SQLite the server starts on a new volume, and asks for the login"""
    (pod,) = running.servers
    assert (pod.restarts, pod.log(INIT).count("the database holds no schema")) == (0, 2), pod.said()
    assert ask(running, pod, API)[0] == 401
    assert ask(running, pod, API, running.login)[0] == 200


def test_users_keep_their_work_to_themselves(running: Running, users: None) -> None:
    """A user that the administrator made logs runs and artifacts; another sees of them what defaultPermission allows"""
    done = running.client("one", "", login=ALICE)
    assert done.code == 0, done.log
    seen = ask(running, running.servers[0], f"/api/2.0/mlflow/runs/get?run_id={done.answer['run']}", BOB)[0]
    assert seen == (403 if running.settings["LOGIN_DEFAULT_PERMISSION"] == "NO_PERMISSIONS" else 200)
    artifact = f"{done.answer['location'].removeprefix('mlflow-artifacts:')}/{done.answer['run']}/artifacts/small.txt"
    path = f"/api/2.0/mlflow-artifacts/artifacts{artifact}"
    assert ask(running, running.servers[0], path, ALICE)[:2] == (200, "text")
    assert ask(running, running.servers[0], path, BOB)[0] == seen


def test_a_wrong_password_is_told_to_the_client(running: Running) -> None:
    """A client with a wrong password gets 401 at once, in MLflow's own words"""
    failed = running.client("one", "", login=("admin", "wrong-password"), retries=1)
    assert failed.code != 0
    assert "401" in failed.log
    assert "You are not authenticated" in failed.log


@pytest.mark.environments("login")
def test_replicas_share_users_and_sessions(running: Running, users: None) -> None:
    """Every replica knows a new user at once, and takes a form that another has signed"""
    template = running.objects.documents["Deployment", "mlflow"]["spec"]["template"]
    more = [] if len(running.servers) > 1 else [running.cluster.pod("mlflow", template)]
    running.cluster.settled()
    servers = running.servers
    for pod in servers[:2]:
        assert ask(running, pod, API, ALICE)[0] == 200
    status, page, cookie = ask(running, servers[0], "/signup", running.login)
    assert status == 200
    token = re.search(r'name="csrf_token"\s+value="([^"]+)"', page)
    assert token, page
    for number, (cookies, expected) in enumerate((({"Cookie": cookie}, 200), ({}, 400))):
        form = urlencode({"csrf_token": token[1], "username": f"user{number}", "password": "of-the-form-12"})
        headers = {"Content-Type": FORM, **cookies}
        status, answer, _ = ask(running, servers[1], f"{USERS}/create-ui", running.login, form, headers)
        assert status == expected, answer
    for pod in more:
        running.cluster.drop(pod)


def test_password_is_nowhere_but_in_the_init_container(running: Running) -> None:
    """Neither the server's environment nor its configuration holds the administrator's password"""
    assert running.login
    for pod in running.servers:
        for file in ("/proc/1/environ", "/run/mlflow-login/auth.ini"):
            text = pod.main.execute(["cat", file], 20).stdout
            assert "mlflow" in text
            assert running.login[1] not in text
            assert running.login[1].replace("%", "%%") not in text


def test_changed_secret_changes_the_password(running: Running) -> None:
    """A changed Secret and a restart change the administrator's password for every replica; and back again"""
    assert running.login
    name, password = running.login
    other = "-another '%(x)s' \"one\""
    for new, old in ((other, password), (password, other)):
        secret = running.secrets["mlflow-auth"] | {"admin-password": new}
        with running.variant(mlflow_auth=secret) as pod:
            until(f"{pod.name} is ready", partial(getattr, pod, "ready"), 90, otherwise=pod.said)
            for each in (pod, *running.servers):
                assert ask(running, each, API, (name, new))[0] == 200
                assert ask(running, each, API, (name, old))[0] == 401


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("too-short", "9 characters long, and MLflow wants 12 at least"),
        ("a long one with ü", "characters beyond printable ASCII"),
        ("password1234", "which everybody knows"),
    ],
)
@pytest.mark.environments("login")
def test_password_that_mlflow_refuses_is_named(running: Running, password: str, words: str) -> None:
    """A password that MLflow would refuse: the init container says what is wrong with it, and nothing starts"""
    with running.variant(mlflow_auth=running.secrets["mlflow-auth"] | {"admin-password": password}) as pod:
        says(pod, words, INIT)
        assert password not in pod.log(INIT)
        assert "mlflow" not in pod.started


@pytest.mark.parametrize("name", LOGINS)
def test_login_comes_to_a_volume_in_use(name: str, tmp_path: Path) -> None:
    """A database whose process was killed gets its second database when a login is turned on, and keeps the first"""
    before, engine, database = (
        ("minio-mysql", "mysql", "users") if name == "login-mysql" else ("minio-postgres", "postgres", "mlflow_auth")
    )
    running = Running(before, tmp_path / before)
    listed = "SHOW DATABASES" if engine == "mysql" else "SELECT datname FROM pg_database"
    try:
        running.cluster.stateful(running.objects.documents["StatefulSet", engine])
        running.cluster.settled()
        running.sql("CREATE TABLE mlflow.kept (x int)" if engine == "mysql" else "CREATE TABLE kept (x int)")
        running.database.kill()
        running.cluster.drop(running.database)
        running.cluster.stateful(objects_of(name, running.secrets).documents["StatefulSet", engine])
        running.cluster.settled()
        assert {"mlflow", database} <= set(running.sql(listed).split())
        running.sql("SELECT * FROM mlflow.kept" if engine == "mysql" else "SELECT * FROM kept")
        assert f"created the database {database}\n" in running.database.log("create")
        running.cluster.delete(running.database)
        running.cluster.stateful(objects_of(name, running.secrets).documents["StatefulSet", engine])
        running.cluster.settled()
        assert "nothing to create" in running.database.log("create").splitlines()[-1]
    finally:
        running.close()
