"""An autoscaler takes over from a number of pods: what an apply does to the number, and what the compiler says to do first."""

from __future__ import annotations

import pytest

from .apiserver import Server
from .applied import Applied, again, apply
from .cases import TAKEN_OVER, Upgrade
from .stage import Versions

pytestmark = pytest.mark.cluster

BEFORE = "3"


@pytest.fixture(params=TAKEN_OVER, ids=lambda upgrade: upgrade.name)
def upgrade(request: pytest.FixtureRequest) -> Upgrade:
    case: Upgrade = request.param
    return case


@pytest.fixture
def first(server: Server, versions: Versions, upgrade: Upgrade) -> Applied:
    versions.compile(upgrade)
    applied = apply(server, versions.first, upgrade.name, *upgrade.options)
    assert applied.answer.code == 0, applied.answer
    assert _number(applied) == BEFORE
    return applied


def _number(applied: Applied) -> str:
    path = "--output=jsonpath={.spec.replicas}"
    return applied.kubectl.must("get", "deployment/mlflow", f"--namespace={applied.name}", path)


def test_reset(first: Applied, versions: Versions, upgrade: Upgrade) -> None:
    """`kubectl apply` leaves one pod until the autoscaler has looked, and the compiler says so."""
    again(first, versions.second, *upgrade.options)
    assert _number(first) == "1"
    assert [line for line in versions.second.found[upgrade.name] if line.endswith("[replicas-reset]")]


def test_kept(first: Applied, versions: Versions, upgrade: Upgrade) -> None:
    """What the compiler says to do before keeps the pods."""
    kubectl, namespace = first.kubectl, f"--namespace={first.name}"
    if upgrade.options:
        kubectl.must("scale", "deployment/mlflow", namespace, "--replicas=4")
    else:
        edit = f'KUBE_EDITOR="sed -i /replicas:/d" kubectl apply edit-last-applied deployment/mlflow {namespace}'
        answer = kubectl.other(["sh", "-eu", "-c", edit])
        assert answer.code == 0, answer
    again(first, versions.second, *upgrade.options)
    assert _number(first) == ("4" if upgrade.options else BEFORE)
