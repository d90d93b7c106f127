"""The cluster as commands see it, against a real API server: who is asked, what comes back, and what a refusal means."""

from __future__ import annotations

import json
import sys
from io import StringIO
from pathlib import Path

import pytest

from compiler.cli.context import chosen
from compiler.cluster import Cluster, Refused, cluster, current
from compiler.errors import Missing, Usage

from .apiserver import Server

pytestmark = pytest.mark.cluster

SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "kept", "namespace": "cluster-itself"},
    "stringData": {"password": "hunter2-hunter2"},
}


class Terminal(StringIO):
    """A terminal that somebody types at."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module")
def named(server: Server) -> Cluster:
    found = cluster("test", str(server.kubectl.kubeconfig))
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "cluster-itself"}}
    assert found.apply([namespace]).code == 0
    return found


def test_objects_come_back_and_what_is_not_there_is_none(named: Cluster) -> None:
    assert named.apply([SECRET]).code == 0
    found = named.get("secret", "kept", "cluster-itself")
    assert found is not None
    assert found["metadata"]["name"] == "kept"
    assert [each["metadata"]["name"] for each in named.find("secret", "cluster-itself")] == ["kept"]
    assert named.get("secret", "other", "cluster-itself") is None
    assert named.get("kinds.example.com", "other", "cluster-itself") is None
    assert named.find("kinds.example.com", "cluster-itself") == []


def test_what_the_server_says_no_to_is_refused_in_its_words(named: Cluster) -> None:
    with pytest.raises(Refused, match=r'namespaces "nowhere" not found') as refused:
        named.must("create", "configmap", "one", "--namespace=nowhere")
    assert refused.value.exit_code == 1
    bad = named.apply([{**SECRET, "stringData": {"password": ["hunter2-hunter2"]}}])
    assert bad.code != 0
    assert "password" in bad.words


def test_a_cluster_that_is_away_is_missing(named: Cluster, tmp_path: Path) -> None:
    config = json.loads(Path(named.kubeconfig).read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    file = tmp_path / "config"
    file.write_text(json.dumps(config))
    with pytest.raises(Missing, match="the cluster of context 'test' cannot be reached"):
        Cluster("test", str(file)).get("secret", "kept", "cluster-itself")
    config["clusters"][0]["cluster"]["server"] = json.loads(Path(named.kubeconfig).read_text())["clusters"][0][
        "cluster"
    ]["server"]
    config["users"][0]["user"]["token"] = "of-nobody"
    file.write_text(json.dumps(config))
    with pytest.raises(Missing, match="cannot be reached"):
        Cluster("test", str(file)).find("secrets", "cluster-itself")


def test_a_context_is_named_or_confirmed(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    file = server.kubectl.kubeconfig
    assert current(str(file)).name == "test"
    with pytest.raises(Usage, match="there is no context 'prod' in the kubeconfig; there are: test"):
        chosen("prod", file)
    assert chosen("test", file) == Cluster("test", str(file))
    monkeypatch.setattr(sys, "stdin", StringIO("test\n"))
    with pytest.raises(Usage, match="name the cluster with --context"):
        chosen("", file)
    told = Terminal()
    monkeypatch.setattr(sys, "stderr", told)
    monkeypatch.setattr(sys, "stdin", Terminal("yes\n"))
    with pytest.raises(Usage, match="nothing is done"):
        chosen("", file)
    assert current(str(file)).server in told.getvalue()
    monkeypatch.setattr(sys, "stdin", Terminal("test\n"))
    assert chosen("", file) == Cluster("test", str(file))


def test_the_kubeconfig_of_the_shell_counts(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(server.kubectl.kubeconfig))
    assert chosen("test", None).find("namespaces")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(Missing, match="no current context"):
        current()
