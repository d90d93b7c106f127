"""TLS in the server's own pod, as clients and probes meet it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from .cloud import tls
from .network import inside
from .outcome import Outcome
from .running import Running

pytestmark = pytest.mark.environments("tls")

SECRET = "mlflow-server-tls"


@pytest.fixture(scope="module", params=["tls"])
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The environment, with a certificate for every name of its Service."""
    folder: Path = tmp_path_factory.mktemp("tls")
    found = Running("tls", folder)
    namespace = found.objects.namespace
    names = ["mlflow", *(f"mlflow.{namespace}{rest}" for rest in ("", ".svc", ".svc.cluster.local"))]
    found.objects.add(tls(found.authority, *names) | {"metadata": {"name": SECRET}})
    try:
        found.start()
        yield found
    finally:
        found.close()


def _client(running: Running, *arguments: str, host: str = "", port: int = 443) -> Outcome:
    host = host or f"mlflow.{running.objects.namespace}.svc"
    variables = {
        "MLFLOW_TRACKING_URI": f"https://{host}:{port}/tracking",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    }
    return running.program("client.py", *arguments, variables=variables)


def test_a_client_verifies_the_server(running: Running) -> None:
    """A client that trusts the authority works over TLS, both ways; one that does not, or that asks for another name, does not"""
    refused = _client(running, "one", "")
    assert refused.code != 0
    assert "CERTIFICATE_VERIFY_FAILED" in refused.log
    running.cluster.trust = running.authority.bundle
    try:
        wrote = _client(running, "write", "20")
        assert wrote.code == 0, wrote.log
        read = _client(running, "read", json.dumps(wrote.answer))
        assert read.code == 0, read.log
        assert read.answer["sha256"] == wrote.answer["sha256"]
        elsewhere = _client(running, "one", "", host=running.servers[0].link.address, port=5000)
        assert elsewhere.code != 0
        assert "CERTIFICATE_VERIFY_FAILED" in elsewhere.log
    finally:
        running.cluster.trust = None


def test_nothing_is_answered_in_the_clear(running: Running) -> None:
    """A request without TLS gets no answer of HTTP"""
    (pod,) = running.servers
    with inside(running.cluster.network.node):
        connection = http.client.HTTPConnection(pod.link.address, 5000, timeout=10)
        connection.connect()
    try:
        connection.request("GET", "/tracking/health", headers={"Host": "localhost"})
        with pytest.raises((OSError, http.client.HTTPException)):
            connection.getresponse()
    finally:
        connection.close()


def test_probes_speak_tls(running: Running) -> None:
    """Every probe succeeds over HTTPS, under the prefix"""
    (pod,) = running.servers
    assert pod.restarts == 0
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert pod.container[probe]["httpGet"]["scheme"] == "HTTPS"
        assert pod.probed(probe).success, pod.probed(probe).detail


def test_options_of_the_web_server_are_kept(running: Running) -> None:
    """The web server still waits for uploads at its end; the certificate is told to it beside its options"""
    (pod,) = running.servers
    assert "--timeout-graceful-shutdown 75" in pod.commands()
    took = running.cluster.delete(pod)
    assert took < 90
    running.cluster.deployed(running.objects.documents["Deployment", "mlflow"])
    running.cluster.settled()
