"""Metrics of real servers under load, scraped by a real Prometheus, and the alerts and the dashboard made of them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
import yaml

from .programs import server
from .prometheus import Prometheus, scrape
from .running import LOGINS, PROGRAMS, Running, Work, objects_of, values
from .test_environment import API, asked
from .test_login import ask
from .wait import until

pytestmark = pytest.mark.environments(*LOGINS)

KINDS = ("ServiceMonitor", "PrometheusRule")


def configured(running: Running, namespace: str) -> Prometheus:
    """A Prometheus of a namespace, as the build of the environment configures it."""
    documents = running.objects.documents
    monitor, service = documents["ServiceMonitor", "mlflow"], documents["Service", "mlflow"]
    config = scrape(monitor, service, running.servers, running.objects.namespace)
    return Prometheus(running.cluster, namespace, config, documents.get(("PrometheusRule", "mlflow")))


def home(running: Running) -> str:
    """The namespace that the environment expects Prometheus in."""
    return str(running.source["metrics"].get("namespace", "monitoring"))


@pytest.fixture(scope="module")
def prometheus(running: Running, work: Work) -> Iterator[Prometheus]:
    """The Prometheus of the environment, after a client has worked."""
    found = configured(running, home(running))
    yield found
    found.close()


def expressions(running: Running) -> list[str]:
    """The expressions of the dashboard, for the environment's namespace."""
    document = running.objects.documents["ConfigMap", "mlflow-dashboard"]
    dashboard = json.loads(document["data"]["mlflow.json"])
    found = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    names = {"$namespace": running.objects.namespace, "$__rate_interval": "1m"}
    for name, value in names.items():
        found = [expression.replace(name, value) for expression in found]
    return found


def alerts(running: Running) -> dict[str, str]:
    """The expression of each alert of the environment."""
    document = running.objects.documents.get(("PrometheusRule", "mlflow"))
    rules = document["spec"]["groups"][0]["rules"] if document else []
    return {rule["alert"]: rule["expr"] for rule in rules}


def metrics_of(expression: str) -> set[str]:
    """The names of the metrics of an expression: what stands before a selector."""
    return set(re.findall(r"([a-z_]+)(?=[{\[])", re.sub(r"by \([a-z, ]*\)", "", expression)))


def test_every_pod_is_scraped(running: Running, prometheus: Prometheus) -> None:
    """Prometheus scrapes every pod, past the policies, the host check and the login"""
    up = f'up{{job="mlflow",namespace="{running.objects.namespace}"}} == 1'
    until(
        "all are scraped",
        lambda: len(prometheus.query(up)) == len(running.servers),
        30,
        otherwise=lambda: str(prometheus.errors()),
    )
    assert prometheus.errors() == []
    info = prometheus.query("mlflow_exporter_info")
    assert {labels["pod"] for labels, _ in info} == {pod.name for pod in running.servers}


def test_metrics_are_for_prometheus_alone(running: Running) -> None:
    """The port of metrics is open to the namespace of Prometheus, and to no other, not even that of clients"""
    address = f"{running.servers[0].link.address}:5001"
    seen = {
        namespace: running.program("fetch.py", "--connect", address, namespace=namespace).answer[address]
        for namespace in ("team", home(running))
    }
    assert seen.pop(home(running)) == 1
    assert 1 not in seen.values(), seen


@pytest.mark.environments("login")
def test_unreachable_pods_are_seen(running: Running) -> None:
    """Where no policy lets Prometheus in, scrapes fail, and MlflowPodUnreachable and MlflowDown hold"""
    prometheus = configured(running, "stranger")
    try:
        found = alerts(running)
        until("the scrapes fail", lambda: len(prometheus.errors()) == len(running.servers), 60)
        until("MlflowDown holds", lambda: prometheus.query(found["MlflowDown"]), 20)
        assert len(prometheus.query(found["MlflowPodUnreachable"])) == len(running.servers)
    finally:
        prometheus.close()


def test_every_metric_is_there(running: Running, prometheus: Prometheus) -> None:
    """Every metric that an alert or the dashboard names is in the scrape of a server that was used"""
    wanted = {name for each in (*expressions(running), *alerts(running).values()) for name in metrics_of(each)}
    assert {"mlflow_http_request_total", "up"} <= wanted
    for name in sorted(wanted):
        counted = f'count({name}{{namespace="{running.objects.namespace}"}})'
        until(name, partial(prometheus.query, counted), 20)


def test_dashboard_shows_something(running: Running, prometheus: Prometheus) -> None:
    """Every query of the dashboard is answered with values, once clients ask and some are refused"""

    def shown() -> bool:
        asked(running, running.servers[0], "localhost")
        ask(running, running.servers[0], API)
        return all(prometheus.query(expression) for expression in expressions(running) if "5.." not in expression)

    until("every panel has values", shown, 60, otherwise=lambda: str(expressions(running)))


@pytest.mark.environments("login")
def test_refused_logins_are_seen(running: Running, prometheus: Prometheus) -> None:
    """MlflowLoginsRefused holds while somebody guesses passwords"""
    with ThreadPoolExecutor(4) as threads:

        def guessed() -> bool:
            list(
                threads.map(lambda _: ask(running, running.servers[0], API, ("nobody", "guess-a-password")), range(40))
            )
            return bool(prometheus.query(alerts(running)["MlflowLoginsRefused"]))

        until("the alert holds", guessed, 120)


@pytest.mark.environments("login")
def test_server_errors_are_seen(running: Running, prometheus: Prometheus) -> None:
    """MlflowErrors holds while the database is away, and other alerts do not mistake it"""
    expression = alerts(running)["MlflowErrors"]
    assert prometheus.query(expression) == []
    running.cluster.drop(running.database)

    def failing() -> bool:
        for pod in running.servers:
            asked(running, pod, "localhost")
        return bool(prometheus.query(expression))

    try:
        until("the alert holds", failing, 90, otherwise=lambda: str(prometheus.errors()))
    finally:
        running.cluster.stateful(running.objects.documents["StatefulSet", "postgres"])
        running.cluster.settled()


@pytest.mark.parametrize("name", ["login"])
def test_alerts_fire_when_they_should(name: str, tmp_path: Path) -> None:
    """Each alert fires on what it is for and stays silent otherwise, and says where (promtool, on made-up metrics)"""
    rules = objects_of(name, values()).documents["PrometheusRule", "mlflow"]["spec"]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    (tmp_path / "alerts.yml").write_text((PROGRAMS / "alerts.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    promtool = server("prometheus")["programs"]["promtool"]
    for command in (["check", "rules", "rules.yml"], ["test", "rules", "alerts.yml"]):
        done = subprocess.run([promtool, *command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    tried = {
        each["alertname"]
        for test in yaml.safe_load((PROGRAMS / "alerts.yaml").read_text())["tests"]
        for each in test["alert_rule_test"]
    }
    assert tried == {rule["alert"] for rule in rules["groups"][0]["rules"]}
