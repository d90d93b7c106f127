"""Environments that turn on everything that can be on at once, one a kind, against every Kubernetes that is supported."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from compiler.kinds import KINDS
from compiler.parts.kubernetes_version import SUPPORTED
from compiler.pipeline import compile_environment
from compiler.report import text
from compiler.schema import environment_schema
from compiler.system import SYSTEMS
from tests.cluster.test_coverage import keys, used
from tests.conftest import ROOT, Project

EVERYTHING = ROOT / "tests" / "everything"

NOT_AT_ONCE = {
    ("replicas",): "autoscaling stands in its place",
    ("artifactServer", "replicas"): "artifactServer.autoscaling stands in its place",
    ("networkPolicy", "enabled"): "it only turns off",
    ("pipelines", "deployKF", "sampleValues"): "it is for versions that cannot do all",
    (
        "pipelines",
        "mlflow",
        "environment",
    ): "it names another environment of the project: tests/cases/valid/kfp-mlflow.yaml",
    ("pipelines", "mlflow", "experiment"): "as its environment",
    ("pipelines", "mlflow", "variables"): "as its environment",
}
"""Keys that no environment of these has, and why."""

OPTIONAL = {
    "artifactServer": "a server of artifacts knows no login",
    "auth": "a server of artifacts knows no login",
    "cloud": "a store in the cluster is none of a cloud's",
    "createNamespace": "it only turns off",
    "externalSecrets": "Secrets are made up, or created by hand",
    "gateway": "an Ingress or service.type opens another way in",
    "ingress": "a Gateway or service.type opens another way in",
    "networkPolicy": "a Service that is open to the outside lets in every address, whoever the clients are",
    "platform": "OpenShift is not everywhere",
    "replicas": "autoscaling stands in its place",
    "resources": "they are worked out",
    "secrets": "with a database outside, there is nothing to generate",
    "tls": "an Ingress, a Gateway or a load balancer has the certificate",
    "waivers": "most break no rule",
}
"""Keys of the top that not every environment of these has, and why."""


def _file(kind: str) -> Path:
    return EVERYTHING / kind / "environment.yaml"


def test_everything__one_a_kind() -> None:
    assert {path.parent.name for path in EVERYTHING.glob("*/environment.yaml")} == set(KINDS)
    for kind in KINDS:
        assert yaml.safe_load(_file(kind).read_text(encoding="utf-8"))["overlay"] == kind


@pytest.mark.parametrize("kind", KINDS)
def test_everything__compiles_and_is_proved_for_every_kubernetes(kind: str, project: Project) -> None:
    project.add("everything", _file(kind).read_bytes())
    compilation = compile_environment(project.workspace, "everything", SUPPORTED)
    assert text(compilation.diagnostics) == ""
    assert compilation.tree
    assert compilation.proved[0].endswith(", ".join(SUPPORTED))


def test_everything__leaves_no_key_out() -> None:
    there = {route for kind in KINDS for route in used(yaml.safe_load(_file(kind).read_text(encoding="utf-8")))}
    every = set(keys(environment_schema()))
    assert every - there == set(NOT_AT_ONCE), "turn it on in tests/everything"


@pytest.mark.parametrize("kind", KINDS)
def test_everything__leaves_no_part_out_of_any_kind(kind: str) -> None:
    """Every key of the top that is not in OPTIONAL is on in each environment."""
    there = set(yaml.safe_load(_file(kind).read_text(encoding="utf-8")))
    assert SYSTEMS[KINDS[kind].system].keys - there <= set(OPTIONAL), f"turn it on in tests/everything/{kind}"
