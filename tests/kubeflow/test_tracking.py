"""The MLflow that runs of pipelines are recorded in: where the API server and the steps look for it, and how they log in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from compiler.kubeflow.release import RELEASES
from compiler.kubeflow.settings import API_SERVER
from compiler.kubeflow.tracking import CONFIG, SECRET, SHIPPED
from compiler.overlay import SETTINGS, Overlay
from compiler.parts.host import allowed_hosts
from compiler.understand import understand
from tests.kubeflow import KEYS, OWNER, ROLE, findings, planned
from tests.parts import MINIO, Values, changes, merged

ASKED: Values = {"pipelines": {"mlflow": {"environment": "prod"}}}
ONE = merged(KEYS, ASKED)
MANY: Values = {**ONE, "profiles": [{"name": "team-1", "owner": OWNER}, {"name": "team-2", "owner": OWNER}]}
LOGIN = {"usernameKey": "username", "passwordKey": "password"}


def file_of(overlay: Overlay) -> dict[str, Any]:
    """The file of the API server."""
    found: dict[str, Any] = json.loads(changes(overlay, CONFIG)["data.config.json"])
    return found


def plugin(values: Values = ONE, **there: Any) -> dict[str, Any]:
    """What the API server is told of an MLflow."""
    found: dict[str, Any] = file_of(planned(values, {"prod": merged(MINIO, there)}))["plugins"]["mlflow"]
    return found


def test_plugin__leads_to_the_service_without_a_login() -> None:
    assert plugin() == {
        "endpoint": "http://mlflow.mlflow.svc.cluster.local:5000",
        "settings": {"authType": "none", "workspacesEnabled": False},
    }


def test_plugin__follows_namespace_port_and_path() -> None:
    there: Values = {"namespace": "tracking", "service": {"port": 80}, "mlflow": {"staticPrefix": "/ml"}}
    assert plugin(**there)["endpoint"] == "http://mlflow.tracking.svc.cluster.local:80/ml"


def test_plugin__links_lead_to_the_public_host() -> None:
    there: Values = {
        "host": "mlflow.acme.example",
        "ingress": {"clusterIssuer": "x"},
        "mlflow": {"staticPrefix": "/ml"},
    }
    assert plugin(**there)["settings"]["mlflowBaseURL"] == "https://mlflow.acme.example/ml"


def test_plugin__experiment_and_variables_are_asked_for() -> None:
    asked = merged(ONE, {"pipelines": {"mlflow": {"experiment": "Pipelines", "variables": True}}})
    settings = plugin(asked)["settings"]
    assert (settings["defaultExperimentName"], settings["injectUserEnvVars"]) == ("Pipelines", True)


def test_host__is_one_that_mlflow_answers_to() -> None:
    """MLflow answers 403 to a Host that it does not know."""
    there = json.dumps({**MINIO, "namespace": "tracking"}).encode()
    known = understand("prod", "e.yaml", there)
    assert known.overlay
    hosts = changes(known.overlay, SETTINGS)["data.MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")
    host = plugin(namespace="tracking")["endpoint"].removeprefix("http://").partition(":")[0]
    assert {host, f"{host}:*"} <= set(hosts)
    assert hosts == allowed_hosts(known.environment)  # type: ignore[arg-type] # an MLflow


def test_login__one_user_has_it_in_the_file_and_the_secret_beside_the_server() -> None:
    overlay = planned(ONE, {"prod": merged(MINIO, {"auth": {}})})
    assert file_of(overlay)["plugins"]["mlflow"]["settings"] == {
        "authType": "basic-auth",
        "workspacesEnabled": False,
        "credentialSecretRef": LOGIN,
    }
    assert [each.namespace for each in overlay.secrets if each.name == SECRET] == ["kubeflow"]


def test_login__many_users_have_it_in_their_namespaces() -> None:
    """The API server takes no keys of the login from its own file for them."""
    overlay = planned(MANY, {"prod": merged(MINIO, {"auth": {}})})
    assert "credentialSecretRef" not in file_of(overlay)["plugins"]["mlflow"]["settings"]
    secrets = [each for each in overlay.secrets if each.name == SECRET]
    assert [each.namespace for each in secrets] == ["team-1", "team-2"]
    assert [key.key for key in secrets[0].keys] == ["username", "password"]
    for objects in overlay.profiles.values():
        [launcher] = [each["data"] for each in objects if each["metadata"]["name"] == "kfp-launcher"]
        assert json.loads(launcher["plugins.mlflow"]) == {"settings": {"credentialSecretRef": LOGIN}}


def test_login__there_is_none_where_mlflow_asks_for_none() -> None:
    overlay = planned(MANY, {"prod": MINIO})
    assert SECRET not in {each.name for each in overlay.secrets}
    assert not any("plugins.mlflow" in str(objects) for objects in overlay.profiles.values())


def test_file__says_all_else_as_the_image_and_no_key_of_the_embedded_store() -> None:
    assert SHIPPED.keys() == {release.version for release in RELEASES.values() if release.plugin}
    found = file_of(planned(ONE, {"prod": MINIO}))
    assert found.pop("plugins")
    assert found == SHIPPED["2.17.0"]
    assert not {"AccessKey", "SecretAccessKey"} & found["ObjectStoreConfig"].keys()


def test_file__a_new_one_makes_new_pods() -> None:
    mark = "spec.template.metadata.annotations.mlflow-overlays/config"
    marks = {
        changes(planned(ONE, {"prod": merged(MINIO, there)}), API_SERVER)[mark]
        for there in ({}, {"service": {"port": 80}}, {"service": {"port": 5000}})
    }
    assert len(marks) == 2


def test_nothing__is_planned_without_the_key_or_the_project() -> None:
    for overlay in (planned(KEYS, {"prod": MINIO}), planned(ONE)):
        assert "pipelines-mlflow" not in overlay.components
        assert changes(overlay, CONFIG) == {}


@pytest.mark.parametrize(
    ("values", "there", "codes"),
    [
        (MANY, {}, []),
        (merged(ROLE, ASKED), {}, []),
        (MANY, {"networkPolicy": {"clients": ["kubeflow", "team-1", "team-2"]}}, []),
        (MANY, {"networkPolicy": {"clients": ["kubeflow", "team-1"]}}, ["unreachable-server"]),
        (MANY, {"networkPolicy": {"clients": ["team-1", "team-2"]}}, ["unreachable-server"]),
        (ONE, {"networkPolicy": {"clients": ["kubeflow"]}}, []),
        (ONE, {"networkPolicy": {"clients": ["other"]}}, ["unreachable-server"]),
        (ONE, {"namespace": "kubeflow", "networkPolicy": {"clients": ["other"]}}, []),
        (ONE, {"networkPolicy": {"enabled": False}}, []),
        (ONE, {"tls": {"existingSecret": "x"}}, ["unreachable-server"]),
        (merged(ONE, {"pipelines": {"version": "2.16.1"}}), {}, ["unsupported-version"]),
        (merged(ONE, {"pipelines": {"deployKF": {}}}), {}, ["conflicting-keys"]),
        (merged(ONE, {"pipelines": {"mlflow": {"environment": "other"}}}), {}, ["unknown-value"]),
    ],
)
def test_check__finds_what_keeps_runs_out(values: Values, there: Values, codes: list[str]) -> None:
    assert findings(values, {"prod": merged(MINIO, there)}) == codes


def test_check__says_nothing_of_a_project_that_nobody_looked_at() -> None:
    assert findings(ONE) == []
