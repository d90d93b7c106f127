"""A number of pods that the cluster chooses: what the autoscaler is told, and that nothing else tells a number."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.overlay import SERVER, Ref
from tests.parts import MINIO, changes, findings, planned

AUTOSCALER = Ref("autoscaling/v2", "HorizontalPodAutoscaler", "mlflow")


def _told(**scaling: Any) -> dict[str, Any]:
    return changes(planned(MINIO, autoscaling=scaling), AUTOSCALER)


def test_plan__nobody_else_names_a_number() -> None:
    overlay = planned(MINIO, autoscaling={"max": 5})
    assert "spec.replicas" not in changes(overlay, SERVER)
    assert "autoscaling-hpa" in overlay.components
    assert "autoscaling-hpa" not in planned(MINIO).components


@pytest.mark.parametrize("scaling", [{"max": 5}, {"min": 1, "max": 2}])
def test_plan__a_budget_where_there_may_be_several(scaling: dict[str, int]) -> None:
    assert "replicas-several" in planned(MINIO, autoscaling=scaling).components


@pytest.mark.parametrize(
    ("scaling", "numbers"), [({"max": 5}, (2, 5)), ({"min": 1, "max": 2}, (1, 2)), ({"min": 3, "max": 9}, (3, 9))]
)
def test_plan__numbers(scaling: dict[str, int], numbers: tuple[int, int]) -> None:
    told = _told(**scaling)
    assert (told["spec.minReplicas"], told["spec.maxReplicas"]) == numbers


def test_plan__aims() -> None:
    assert not [place for place in _told(max=5) if "metrics" in place]
    assert _told(max=5, cpu=60)["spec.metrics[0].resource.target.averageUtilization"] == 60
    memory = _told(max=5, memory=90)["spec.metrics[1]"]
    assert memory == {
        "type": "Resource",
        "resource": {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 90}},
    }


def test_plan__behavior_is_set_piece_by_piece_over_the_bases() -> None:
    told = _told(max=5, behavior={"scaleDown": {"stabilizationWindowSeconds": 60}, "scaleUp": {"selectPolicy": "Min"}})
    assert {place: value for place, value in told.items() if "behavior" in place} == {
        "spec.behavior.scaleDown.stabilizationWindowSeconds": 60,
        "spec.behavior.scaleUp.selectPolicy": "Min",
    }


@pytest.mark.parametrize(
    ("more", "codes"),
    [
        ({"autoscaling": {"max": 5}}, []),
        ({"autoscaling": {"min": 5, "max": 5}}, []),
        ({"autoscaling": {"max": 5}, "replicas": 1}, ["conflicting-keys"]),
        ({"autoscaling": {"min": 6, "max": 5}}, ["conflicting-keys"]),
        ({"autoscaling": {}}, ["missing-key"]),
        ({"autoscaling": {"max": 1}}, ["bad-value"]),
        ({"autoscaling": {"max": 5, "cpu": 0}}, ["bad-value"]),
        ({"autoscaling": {"max": 5, "behavior": {"scaleDown": {"policies": []}}}}, ["bad-value"]),
        ({"autoscaling": {"max": 5, "behavior": {"scaleDown": {"policies": [{"type": "Pods"}]}}}}, ["missing-key"] * 2),
    ],
)
def test_check__autoscaling(more: dict[str, Any], codes: list[str]) -> None:
    assert findings(MINIO, **more) == codes
