"""Runs of pipelines in an MLflow of the same project: what a build tells the API server and the steps is used as they do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from .cluster import source
from .outcome import Outcome
from .pipelines import SYSTEM, Installed, installed
from .running import Running
from .test_login import USERS as ACCOUNTS
from .test_login import ask

MLFLOW = "tracked"
TEAM, OTHER = "team-1", "team-2"
USERS = {SYSTEM: ("kubeflow", "nobody-knows-it"), TEAM: ("pipelines", "a:pass word/of steps")}
"""The keys of Secrets by namespace: those of the login to MLflow are the profile's alone."""
EXPERIMENT = "Team's pipelines"

pytestmark = pytest.mark.environments(MLFLOW)


@dataclass(frozen=True)
class Recorded:
    """An MLflow that runs, and the installation whose runs are recorded there."""

    running: Running
    installation: Installed

    @property
    def plugin(self) -> dict[str, Any]:
        """What the file of the API server says, found by the volume that its container mounts in place of its own."""
        objects = self.installation.namespaces[SYSTEM].documents
        pod = objects["Deployment", "ml-pipeline"]["spec"]["template"]["spec"]
        [container] = pod["containers"]
        [mount] = [each for each in container["volumeMounts"] if each["mountPath"] == "/config/config.json"]
        [volume] = [each for each in pod["volumes"] if each["name"] == mount["name"]]
        text = objects["ConfigMap", volume["configMap"]["name"]]["data"][mount["subPath"]]
        return dict(json.loads(text)["plugins"]["mlflow"])

    def login(self, namespace: str) -> str:
        """The user and password of a profile: the keys are those of its kfp-launcher, in the Secret of a fixed name."""
        launcher = self.installation.config(namespace, "kfp-launcher")["data"]["plugins.mlflow"]
        keys = json.loads(launcher)["settings"]["credentialSecretRef"]
        secret = self.installation.secrets[namespace]["kfp-mlflow-credentials"]
        return f"{secret[keys['usernameKey']]}:{secret[keys['passwordKey']]}"

    def record(self, namespace: str, *words: str, login: str | None = None) -> Outcome:
        """Records something from a pod of a namespace, as the profile's user or with another login."""
        variables = {"RECORDER_ENDPOINT": self.plugin["endpoint"], "RECORDER_LOGIN": login or self.login(TEAM)}
        return self.running.program("recorder.py", *words, variables=variables, namespace=namespace)


@pytest.fixture(scope="module", params=[MLFLOW])
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The MLflow."""
    found = Running(MLFLOW, tmp_path_factory.mktemp(MLFLOW))
    try:
        found.start()
        yield found
    finally:
        found.close()


@pytest.fixture(scope="module")
def recorded(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """An installation with a profile, and the user that its Secret names."""
    folder: Path = tmp_path_factory.mktemp("pipelines")
    values = {
        "overlay": "kfp-keys",
        "artifacts": {"bucket": "acme-pipelines", "region": "eu-west-1"},
        "pipelines": {"version": "2.17.0", "mlflow": {"environment": MLFLOW, "experiment": EXPERIMENT}},
        "profiles": [{"name": TEAM, "owner": "ana@acme.example"}],
    }
    others = {MLFLOW: yaml.safe_load(source(MLFLOW).read_text(encoding="utf-8"))}
    found = Recorded(running, installed(values, folder, USERS, others))
    body = json.dumps(dict(zip(("username", "password"), USERS[TEAM], strict=True)))
    status, answer, _ = ask(running, running.servers[0], f"/tracking{ACCOUNTS}/create", running.login, body)
    assert status == 200, answer
    return found


def test_a_run_is_recorded_with_its_steps(recorded: Recorded) -> None:
    """The API server and the steps record a run in the MLflow that the build names, as the user of the profile's Secret"""
    settings = recorded.plugin["settings"]
    assert (settings["authType"], settings["workspacesEnabled"]) == ("basic-auth", False)
    made = recorded.record(SYSTEM, "start", settings["defaultExperimentName"], "training-1")
    ids = made.answer["experiment"], made.answer["run"]
    for name in ("train", "lost"):
        assert recorded.record(TEAM, "step", *ids, name).answer.keys() == {"run"}
    closed = recorded.record(SYSTEM, "end", *ids)
    assert len(closed.answer["closed"]) == 1, closed.log
    again = recorded.record(SYSTEM, "start", settings["defaultExperimentName"], "training-2")
    assert again.answer["experiment"] == made.answer["experiment"], "it is there already"
    statuses = recorded.running.sql("SELECT name, status FROM runs ORDER BY name").split()
    assert statuses == ["lost|FINISHED", "train|FINISHED", "training-1|FINISHED", "training-2|RUNNING"]


def test_a_wrong_password_records_nothing(recorded: Recorded) -> None:
    """Another password than that of the profile's Secret is refused"""
    answer = recorded.record(TEAM, "start", EXPERIMENT, "x", login="pipelines:wrong-password").answer
    assert answer == {"status": 401}


def test_a_namespace_that_is_not_named_does_not_reach_it(recorded: Recorded) -> None:
    """A profile that the MLflow's policy does not name reaches nothing, which the compiler finds before"""
    refused = recorded.record(OTHER, "start", EXPERIMENT, "x")
    assert refused.code != 0
    assert "timed out" in refused.log or "refused" in refused.log
