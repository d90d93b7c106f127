"""The tests' own server and client: they are alone with each other, and strict enough to fail."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from . import controllers
from .apiserver import Server
from .applied import RESTRICTED
from .kubectl import Object

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def namespace(server: Server) -> str:
    """A namespace with Pod Security restricted."""
    name = "server-itself"
    labelled = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": RESTRICTED}}
    server.kubectl.must("create", "--filename=-", text=json.dumps(labelled))
    controllers.default_account(server.kubectl, name)
    return name


def pod(namespace: str) -> Object:
    """A pod that keeps to everything that restricted demands."""
    security = {
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "seccompProfile": {"type": "RuntimeDefault"},
        "capabilities": {"drop": ["ALL"]},
    }
    spec = {"containers": [{"name": "pod", "image": "example.com/pod:1", "securityContext": security}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod", "namespace": namespace}, "spec": spec}


def test_only_the_tests_own_cluster_is_spoken_to(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / ".kube" / "config"
    config.parent.mkdir()
    config.write_text(server.kubectl.kubeconfig.read_text().replace('"test"', '"of-the-user"'))
    monkeypatch.setenv("KUBECONFIG", str(config))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert server.kubectl.must("config", "get-contexts", "--output=name").split() == ["test"]
    assert "server: https://127.0.0.1:" in server.kubectl.must("config", "view")


def test_a_good_pod_is_admitted_and_given_a_token_unless_it_refuses_one(server: Server, namespace: str) -> None:
    admitted = server.kubectl.create([pod(namespace)], "--dry-run=server", "--output=json")
    assert admitted.code == 0, admitted
    assert "kube-api-access-" in admitted.out


@pytest.mark.parametrize("missing", ["runAsNonRoot", "allowPrivilegeEscalation", "seccompProfile", "capabilities"])
def test_a_bad_pod_is_refused(server: Server, namespace: str, missing: str) -> None:
    bad = pod(namespace)
    del bad["spec"]["containers"][0]["securityContext"][missing]
    refused = server.kubectl.create([bad], "--dry-run=server")
    assert refused.code != 0
    assert 'violates PodSecurity "restricted' in refused.err


def test_an_unknown_field_is_refused(server: Server, namespace: str) -> None:
    bad = pod(namespace)
    bad["spec"]["containers"][0]["imagePolicy"] = "Always"
    refused = server.kubectl.create([bad], "--dry-run=server")
    assert refused.code != 0
    assert 'unknown field "' in refused.err
