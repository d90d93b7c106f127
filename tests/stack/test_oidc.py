"""The login by OpenID Connect, as browsers, programs, probes and neighbours meet it."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from .identity import at_provider, jar, logged_in, provider, send, token
from .network import inside
from .outcome import Outcome
from .pod import Pod
from .probe import number
from .running import Running
from .test_environment import API
from .wait import until

PREFIX = "/tracking"
ALICE = "alice@acme.example"
MALLORY = "mallory@elsewhere.example"
SECRETS = {"client-secret": "the secret & of the client", "cookie-secret": "0123456789abcdefghijklmnopqrstuv"}
CLIENTS = {"mlflow": SECRETS["client-secret"], "robots": "robots-secret", "others": "others-secret"}

pytestmark = pytest.mark.environments("oidc")


@pytest.fixture(scope="module", params=["oidc"])
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The environment with a provider outside of it."""
    folder: Path = tmp_path_factory.mktemp("oidc")
    found = Running("oidc", folder)
    ca = {"ca.crt": found.authority.bundle.read_text(encoding="ascii")}
    for name, content in (("mlflow-oidc", SECRETS), ("issuer-ca", ca)):
        found.objects.add({"kind": "Secret", "metadata": {"name": name}, "stringData": content})
    try:
        provider(found, CLIENTS)
        found.start()
        yield found
    finally:
        found.close()


@pytest.fixture
def pod(running: Running) -> Pod:
    """A pod of the server."""
    return running.servers[0]


@pytest.fixture
def port(pod: Pod) -> int:
    """The port that the Service leads to."""
    return number("http", pod.ports)


def _bearer(running: Running, user: str, client: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(running, user, client, CLIENTS[client])}"}


def _client(running: Running, *arguments: str, credential: str = "") -> Outcome:
    uri = f"http://mlflow.{running.objects.namespace}:5000{PREFIX}"
    variables = {"MLFLOW_TRACKING_URI": uri, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
    if credential:
        variables["MLFLOW_TRACKING_TOKEN"] = credential
    return running.program("client.py", *arguments, variables=variables)


def test_browsers_are_led_to_the_provider(running: Running, pod: Pod, port: int) -> None:
    """Without a login, pages lead to the provider and back to the public host over TLS, and APIs answer 401"""
    answer = send(running, pod, port, f"{PREFIX}/")
    assert answer.status == 302
    assert answer.location.startswith("https://login.acme.example/oauth2/authorize?")
    assert "redirect_uri=https%3A%2F%2Fmlflow.acme.example%2Ftracking%2Foauth2%2Fcallback" in answer.location
    assert "code_challenge_method=S256" in answer.location
    artifacts = "/api/2.0/mlflow-artifacts/artifacts"
    for path in (API, f"{PREFIX}{API}", artifacts, f"{PREFIX}{artifacts}", f"{PREFIX}/ajax-api/2.0/mlflow/runs/search"):
        assert send(running, pod, port, path).status == 401, path
    for path in (f"{PREFIX}/metrics", f"{PREFIX}/health/", f"{PREFIX}/healthx", f"{PREFIX}/version", "/health"):
        assert send(running, pod, port, path).status in {301, 302, 401}, path


def test_a_login_in_the_browser(running: Running, pod: Pod, port: int) -> None:
    """Who logs in with the provider sees MLflow; who has an address of another domain, or a changed cookie, does not"""
    last, cookies = logged_in(running, pod, port, f"{PREFIX}/", ALICE)
    assert (last.status, last.location) == (302, f"{PREFIX}/")
    assert list(last.cookies) == ["__Host-mlflow", "__Host-mlflow_csrf"] or "__Host-mlflow" in last.cookies
    page = send(running, pod, port, f"{PREFIX}/", {"Cookie": jar(cookies)})
    assert page.status == 200
    assert "<title>MLflow</title>" in page.body
    assert send(running, pod, port, f"{PREFIX}{API}", {"Cookie": jar(cookies)}).status == 200
    forged = {**cookies, "__Host-mlflow": cookies["__Host-mlflow"][:-8] + "AAAAAAAA"}
    assert send(running, pod, port, f"{PREFIX}{API}", {"Cookie": jar(forged)}).status == 401
    refused, _ = logged_in(running, pod, port, f"{PREFIX}/", MALLORY)
    assert refused.status == 403
    assert "__Host-mlflow" not in {name for name, value in refused.cookies.items() if value}


def test_programs_bring_a_token(running: Running, pod: Pod, port: int) -> None:
    """Tokens for MLflow's client, and for the audience in auth.tokens, are taken; for others, of others and broken ones not"""
    for client in ("mlflow", "robots"):
        assert send(running, pod, port, f"{PREFIX}{API}", _bearer(running, ALICE, client)).status == 200, client
    good = _bearer(running, ALICE, "mlflow")["Authorization"]
    head, claims, signature = good.split(".")
    broken = {"Authorization": f"{head}.{claims}.{signature[::-1]}"}
    for headers in (_bearer(running, ALICE, "others"), broken, {"Authorization": "Basic YTpi"}):
        assert send(running, pod, port, f"{PREFIX}{API}", headers).status in {401, 403}, headers


def test_a_client_with_a_token_works(running: Running) -> None:
    """MLflow's client with MLFLOW_TRACKING_TOKEN logs a run, a model and 100 MB through the proxy and reads them back"""
    credential = token(running, ALICE, "robots", CLIENTS["robots"])
    wrote = _client(running, "write", "100", credential=credential)
    assert wrote.code == 0, wrote.log
    assert wrote.answer["location"].startswith("mlflow-artifacts:/")
    read = _client(running, "read", json.dumps(wrote.answer), credential=credential)
    assert read.code == 0, read.log
    assert read.answer["sha256"] == wrote.answer["sha256"]
    refused = _client(running, "one", "")
    assert refused.code != 0
    assert "INTERNAL_ERROR: Response: {}" in refused.log
    assert " 401 " in running.servers[0].log("oauth2-proxy")


def test_there_is_no_way_round(running: Running, pod: Pod, port: int) -> None:
    """MLflow's own port takes connections from its own pod alone, not even from the node, which no policy binds"""
    address = pod.link.address
    seen = running.program("fetch.py", "--connect", f"{address}:5000", f"{address}:{port}", namespace="team").answer
    assert seen[f"{address}:{port}"] == 1
    assert seen[f"{address}:5000"] != 1
    with inside(running.cluster.network.node), pytest.raises(ConnectionRefusedError):
        socket.create_connection((address, 5000), timeout=5)
    service = running.objects.documents["Service", "mlflow"]["spec"]["ports"]
    assert {number(each["targetPort"], pod.ports) for each in service} == {port, 5001}
    forged = {"X-Forwarded-User": "root", "X-Forwarded-Email": ALICE, "X-Auth-Request-Email": ALICE}
    assert send(running, pod, port, f"{PREFIX}{API}", forged).status == 401
    for path in (f"{PREFIX}/health/..{API}", f"{PREFIX}/health%2f..{API}", f"{PREFIX}/health?x={API}", "//x/../health"):
        assert "experiments" not in send(running, pod, port, path).body, path


def test_health_needs_no_login(running: Running, pod: Pod, port: int) -> None:
    """Load balancers ask for health by the pod's address, and get MLflow's own answer"""
    answer = send(running, pod, port, f"{PREFIX}/health", {"Host": f"{pod.link.address}:{port}"})
    assert (answer.status, answer.body) == (200, "OK")
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert pod.probed(probe).success, pod.probed(probe).detail


def test_a_hanging_server_is_seen(running: Running, pod: Pod) -> None:
    """The probes of the server fail while it does not answer, whatever the proxy says"""
    pids = pod.main.processes()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        assert not pod.probed("livenessProbe").success
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    until("the probe is fine again", lambda: pod.probed("livenessProbe").success, 30)


def test_secrets_are_files(running: Running, pod: Pod) -> None:
    """The secrets of the login stand in no argument, no variable and no log"""
    text = pod.commands() + pod.log("oauth2-proxy") + pod.log()
    for process in pod.processes.values():
        text += str(process.box.environment)
    assert "oauth2-proxy" in text
    for value in SECRETS.values():
        assert value not in text


def test_a_wrong_client_secret_lets_nobody_in(running: Running, port: int) -> None:
    """With another secret than the provider's, a login ends in an error, and no cookie is given"""
    with running.variant(mlflow_oidc=SECRETS | {"client-secret": "another"}) as pod:
        until(f"{pod.name} is ready", partial(getattr, pod, "ready"), 90, otherwise=pod.said)
        last, cookies = logged_in(running, pod, port, f"{PREFIX}/", ALICE)
        assert last.status == 500
        assert not cookies.get("__Host-mlflow")


def test_provider_is_the_one_that_was_asked_for(running: Running) -> None:
    """The provider of these tests names itself as the tokens do"""
    found = json.loads(at_provider(running, "/.well-known/openid-configuration").body)
    assert found["issuer"] == "https://login.acme.example"
