"""What an environment adds to the server by keys and by custom/, as it runs."""

from __future__ import annotations

import http.client
from contextlib import closing

import pytest

from .network import inside
from .running import BESIDE, Running

READ = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8080/index.html').read().decode())"

pytestmark = pytest.mark.environments(*BESIDE)


def test_container_beside_the_server_reads_what_an_init_container_wrote(running: Running) -> None:
    """A container of custom/ beside the server serves what an init container of custom/ put into a volume of custom/"""
    [pod] = running.servers
    done = pod.main.execute(["python", "-c", READ], 60)
    assert done.stdout.strip() == "hello", done.stderr


def test_variables_and_arguments_reach_the_server(running: Running) -> None:
    """The server has the variables of mlflow.env and of a Secret in mlflow.envFrom, and does what mlflow.args says"""
    [pod] = running.servers
    words = pod.main.execute(["env"], 30).stdout.splitlines()
    assert "ACME_TEAM=a" in words
    assert f"ACME_LEVEL={running.secrets['acme-settings']['ACME_LEVEL']}" in words
    with (
        inside(running.cluster.network.node),
        closing(http.client.HTTPConnection(pod.link.address, 5000, timeout=30)) as server,
    ):
        server.request("GET", "/", headers={"Host": "localhost"})
        assert server.getresponse().getheader("X-Frame-Options") == "DENY"
