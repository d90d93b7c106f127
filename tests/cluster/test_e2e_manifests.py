"""What the end-to-end tests add to a cluster is accepted by one, though they run elsewhere."""

from __future__ import annotations

import json

import pytest

from tests.e2e import manifests

from . import controllers
from .apiserver import Server

pytestmark = pytest.mark.cluster


def test_clients_of_the_end_to_end_tests_are_admitted(server: Server) -> None:
    name, image = "e2e-clients", "example.com/mlflow:1"
    server.kubectl.must("create", "--validate=strict", "--filename=-", text=json.dumps(manifests.namespace(name)))
    controllers.default_account(server.kubectl, name)
    made = [
        manifests.config_map(name),
        manifests.policy(name),
        manifests.job(name, image, ["probe.py", "mlflow:5000"], {}, manifests.HELD_BACK),
        manifests.job(name, image, ["client.py", "write", "8"], {"MLFLOW_TRACKING_URI": "http://mlflow.mlflow:5000"}),
        manifests.listener(name, image),
    ]
    for each in made:
        created = server.kubectl.run("create", "--validate=strict", "--filename=-", text=json.dumps(each))
        assert (created.code, created.err) == (0, ""), created
    pods = controllers.pods(server.kubectl.objects("jobs", f"--namespace={name}"))
    admitted = server.kubectl.create(pods)
    assert (admitted.code, admitted.err) == (0, ""), admitted
    assert len(pods) == 2
