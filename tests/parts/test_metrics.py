"""The part `metrics`: what Prometheus scrapes, with which login, past which policy, and what it makes of it."""

from __future__ import annotations

import json
import re

import pytest

from compiler.overlay import SERVER
from compiler.parts.metrics import MONITOR, POLICY, RULE
from tests.conftest import ROOT
from tests.parts import MINIO, changes, findings, planned, understood

COMPONENTS = ROOT / "base" / "components"


def test_metrics__without_the_key_there_are_none() -> None:
    overlay = planned(MINIO)
    assert not [name for name in overlay.components if name.startswith("metrics")]


def test_metrics__alerts_and_dashboard_can_be_left_out() -> None:
    def components(**given: bool) -> list[str]:
        return [name for name in planned(MINIO, metrics=given).components if name.startswith("metrics")]

    assert components() == ["metrics-prometheus", "metrics-alerts", "metrics-dashboard"]
    assert components(alerts=False) == ["metrics-prometheus", "metrics-dashboard"]
    assert components(dashboard=False) == ["metrics-prometheus", "metrics-alerts"]


def test_metrics__prometheus_is_let_in_and_told_what_to_select_by() -> None:
    given = {"namespace": "observability", "labels": {"release": "prom"}, "interval": "15s"}
    overlay = planned(MINIO, metrics=given)
    source = "spec.ingress[0].from[0].namespaceSelector.matchLabels.kubernetes.io/metadata.name"
    assert changes(overlay, POLICY) == {source: "observability"}
    monitor = changes(overlay, MONITOR)
    assert monitor["spec.endpoints[0].interval"] == "15s"
    assert monitor["metadata.labels.release"] == changes(overlay, RULE)["metadata.labels.release"] == "prom"
    assert changes(planned(MINIO, metrics={}, networkPolicy={"enabled": False}), POLICY) == {}


def test_metrics__alerts_are_about_the_namespace() -> None:
    found = changes(planned(MINIO, namespace="team-a", metrics={}), RULE)
    down, unreachable = (found[f"spec.groups[0].rules[{index}].expr"] for index in (0, 1))
    up = 'up{job="mlflow",namespace="team-a"}'
    assert down == f"absent({up}) or sum by (job, namespace) ({up}) == 0"
    assert unreachable == f"{up} == 0"


def test_metrics__labels_that_say_what_an_object_is_stay() -> None:
    assert findings(MINIO, metrics={"labels": {"app.kubernetes.io/name": "x"}}) == ["reserved-setting"]
    assert findings(MINIO, metrics={"labels": {"example.org/name": "x"}}) == []


def test_metrics__every_container_is_pulled_alike() -> None:
    found = changes(planned(MINIO, metrics={}, mlflow={"image": {"pullPolicy": "Always"}}), SERVER)
    assert found["spec.template.spec.containers[name=exporter].imagePullPolicy"] == "Always"


@pytest.mark.parametrize("interval", ["5s", "61s", "2m", "30"])
def test_metrics__intervals_that_no_alert_could_use(interval: str) -> None:
    assert understood(MINIO, metrics={"interval": interval}).overlay is None


def test_dashboard__asks_for_the_namespace_that_is_chosen() -> None:
    dashboard = json.loads((COMPONENTS / "metrics-dashboard" / "mlflow.json").read_text(encoding="utf-8"))
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert len(expressions) > len(dashboard["panels"]) > 5
    for expression in expressions:
        assert expression.count('namespace="$namespace"') == len(re.findall(r"\{", expression)), expression
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
