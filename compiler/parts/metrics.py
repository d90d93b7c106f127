"""Metrics for Prometheus, with alerts and a dashboard.

`metrics: {}` has the server count its requests, and adds a ServiceMonitor, a PrometheusRule and a Grafana dashboard. The
cluster needs the Prometheus operator, whose definitions have to be there before the overlay is applied.

- `labels` are what your Prometheus selects ServiceMonitors and rules by. The chart kube-prometheus-stack wants
  `{release: <its release>}` unless told otherwise.
- A container beside the server serves the metrics on port 5001. A policy opens that port to the namespace that Prometheus runs
  in, `namespace`, and to no other. The server's own `/metrics` would refuse Prometheus: it answers only to hosts that it
  knows, and with `auth` only to administrators.
- Grafana's sidecar finds the dashboard by the label `grafana_dashboard: "1"`, in the namespaces that it searches.

MLflow counts requests of its API and its UI, and traces; transfers of artifacts through the server are not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compiler.diagnostic import Finding
from compiler.formats import LABEL
from compiler.kind import Kind
from compiler.overlay import POD, SERVER, Change, Overlay, Ref
from compiler.part import Schema, formatted, labelled, object_of, text
from compiler.route import Named, Route

if TYPE_CHECKING:
    from compiler.environment import Environment

MONITOR = Ref("monitoring.coreos.com/v1", "ServiceMonitor", "mlflow")
RULE = Ref("monitoring.coreos.com/v1", "PrometheusRule", "mlflow")
POLICY = Ref("networking.k8s.io/v1", "NetworkPolicy", "mlflow-from-metrics")

KEYS: dict[str, Schema] = {
    "metrics": object_of(
        "Has the server's metrics scraped by a Prometheus operator.",
        {
            "namespace": formatted("The namespace that Prometheus runs in.", LABEL, default="monitoring"),
            "labels": {
                **labelled("Labels that Prometheus selects ServiceMonitors and rules by."),
                "examples": [{"release": "prometheus"}],
            },
            "interval": text(
                "How often metrics are scraped.", "[1-5][0-9]s|60s", "a time from 10s to 60s", default="30s"
            ),
            "alerts": {"type": "boolean", "description": "Whether alerts are part of the overlay.", "default": True},
            "dashboard": {
                "type": "boolean",
                "description": "Whether a Grafana dashboard is part of the overlay.",
                "default": True,
            },
        },
    )
}


@dataclass(frozen=True)
class Metrics:
    """How metrics are scraped, and what is made of them."""

    namespace: str
    labels: dict[str, str]
    interval: str
    alerts: bool
    dashboard: bool


def read(values: Mapping[str, Any], kind: Kind) -> Metrics | None:
    """The metrics, if there are any; an empty mapping asks for all defaults."""
    if "metrics" not in values:
        return None
    given = values["metrics"]
    return Metrics(
        namespace=given.get("namespace", "monitoring"),
        labels=dict(sorted(given.get("labels", {}).items())),
        interval=given.get("interval", "30s"),
        alerts=given.get("alerts", True),
        dashboard=given.get("dashboard", True),
    )


def check(environment: Environment) -> Iterable[Finding]:
    """Labels that the base needs."""
    for name in environment.metrics.labels if environment.metrics else ():
        if name.startswith("app.kubernetes.io/"):
            message = f"the label {name} says what an object of the overlay is"
            yield Finding(("metrics", "labels", name), "reserved-setting", message, "choose another", at_key=True)


def plan(environment: Environment) -> Overlay:
    """The components, and what they leave open."""
    metrics = environment.metrics
    if metrics is None:
        return Overlay()
    overlay = Overlay(components=("metrics-prometheus",), changes=tuple(_scrape(environment, metrics)))
    if metrics.alerts:
        overlay += Overlay(components=("metrics-alerts",), changes=tuple(_alerts(environment, metrics)))
    if metrics.dashboard:
        overlay += Overlay(components=("metrics-dashboard",))
    return overlay


def _scrape(environment: Environment, metrics: Metrics) -> Iterator[Change]:
    endpoint: Route = ("spec", "endpoints", 0)
    yield Change(MONITOR, (*endpoint, "interval"), metrics.interval, ("metrics", "interval"), "how often")
    if environment.mlflow.pull_policy != "IfNotPresent":
        because: Route = ("mlflow", "image", "pullPolicy")
        image = (*POD, "containers", Named("exporter"), "imagePullPolicy")
        yield Change(SERVER, image, environment.mlflow.pull_policy, because, "when the image is pulled")
    yield from _labels(MONITOR, metrics)
    if environment.network_policy.enabled:
        label = ("namespaceSelector", "matchLabels", "kubernetes.io/metadata.name")
        route = ("spec", "ingress", 0, "from", 0, *label)
        yield Change(POLICY, route, metrics.namespace, ("metrics", "namespace"), "where Prometheus runs")


def _labels(target: Ref, metrics: Metrics) -> Iterator[Change]:
    for name, value in metrics.labels.items():
        route = ("metadata", "labels", name)
        yield Change(target, route, value, ("metrics", "labels", name), "what Prometheus selects it by")


def _alerts(environment: Environment, metrics: Metrics) -> Iterator[Change]:
    """The expressions that have to name the namespace: others find it in the metrics."""
    up = f'up{{job="mlflow",namespace="{environment.namespace.name}"}}'
    down = f"absent({up}) or sum by (job, namespace) ({up}) == 0"
    for index, expression in enumerate((down, f"{up} == 0")):
        route = ("spec", "groups", 0, "rules", index, "expr")
        yield Change(RULE, route, expression, ("namespace",), "the pods of this environment")
    yield from _labels(RULE, metrics)
