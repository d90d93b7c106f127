"""How long uploads are waited for: the pod's time, and the web server's, which has to be shorter."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from compiler.overlay import SERVER
from tests.conftest import ROOT
from tests.parts import MINIO, changes, findings, planned, settings_of

KEY = "terminationGracePeriodSeconds"
OPTIONS = "MLFLOW_UVICORN_OPTS"


def _base() -> tuple[int, int, str]:
    """The base's grace period, the seconds of its preStop hook, and its options of the web server."""
    [pod] = [
        each["spec"]["template"]["spec"]
        for each in yaml.safe_load_all((ROOT / "base/mlflow/deployment.yaml").read_text(encoding="utf-8"))
    ]
    [container] = pod["containers"]
    lines = (ROOT / "base/mlflow/mlflow.env").read_text(encoding="utf-8").splitlines()
    [options] = [line.partition("=")[2] for line in lines if line.startswith(OPTIONS)]
    return pod[KEY], container["lifecycle"]["preStop"]["sleep"]["seconds"], options


def _graceful(options: str) -> int:
    match = re.fullmatch(r"--timeout-graceful-shutdown (\d+) --timeout-keep-alive 620", options)
    assert match
    return int(match[1])


def test_base__the_server_ends_before_it_is_killed() -> None:
    seconds, before, options = _base()
    assert before + _graceful(options) + 5 <= seconds


@pytest.mark.parametrize("seconds", [30, 61, 600, 86400])
def test_plan__pod_and_server_are_told_together(seconds: int) -> None:
    overlay = planned(MINIO, **{KEY: seconds})
    assert changes(overlay, SERVER)[f"spec.template.spec.{KEY}"] == seconds
    assert _base()[1] + _graceful(settings_of(overlay)[OPTIONS]) + 5 <= seconds


def test_plan__the_default_is_the_bases() -> None:
    assert planned(MINIO, **{KEY: _base()[0]}) == planned(MINIO)
    assert OPTIONS not in settings_of(planned(MINIO))


def test_plan__the_web_server_logs_as_much_as_it_is_told() -> None:
    found = settings_of(planned(MINIO, mlflow={"logLevel": "WARNING"}))[OPTIONS]
    assert found == f"{_base()[2]} --log-level warning"
    both = settings_of(planned(MINIO, mlflow={"logLevel": "ERROR"}, **{KEY: 600}))[OPTIONS]
    assert both == "--timeout-graceful-shutdown 585 --timeout-keep-alive 620 --log-level error"


def test_plan__options_by_hand_stay() -> None:
    own = "--timeout-keep-alive 60"
    assert settings_of(planned(MINIO, mlflow={"logLevel": "WARNING", "env": {OPTIONS: own}}))[OPTIONS] == own


@pytest.mark.parametrize(
    ("more", "codes"),
    [
        ({KEY: 600}, []),
        ({KEY: 600, "mlflow": {"env": {OPTIONS: "--timeout-keep-alive 60"}}}, ["conflicting-keys"]),
        ({KEY: 600, "mlflow": {"args": ["--uvicorn-opts=--timeout-keep-alive 60"]}}, ["conflicting-keys"]),
        ({KEY: 29}, ["bad-value"]),
        ({KEY: "600"}, ["wrong-type"]),
    ],
)
def test_check__grace(more: dict[str, Any], codes: list[str]) -> None:
    assert findings(MINIO, **more) == codes
