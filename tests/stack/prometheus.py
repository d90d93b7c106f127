"""A real Prometheus in a pod, configured from a ServiceMonitor and a PrometheusRule as the Prometheus operator would do it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import yaml

from . import cloud
from .cluster import Cluster
from .network import inside
from .pod import Pod
from .probe import number
from .spec import Objects, Spec

IMAGE = "quay.io/prometheus/prometheus:v2.42.0"
PORT = 9090


def scrape(monitor: Spec, service: Spec, pods: Sequence[Pod], namespace: str) -> Spec:
    """One scrape configuration: the pods behind a Service are targets, with the labels that discovery gives them."""
    (endpoint,) = monitor["spec"]["endpoints"]
    (port,) = (port["targetPort"] for port in service["spec"]["ports"] if port["name"] == endpoint["port"])
    job = service["metadata"]["labels"][monitor["spec"]["jobLabel"]]
    targets = [
        {
            "targets": [f"{pod.link.address}:{number(port, pod.ports)}"],
            "labels": {"namespace": namespace, "pod": pod.name, "service": service["metadata"]["name"], "job": job},
        }
        for pod in pods
    ]
    return {
        "job_name": "mlflow",
        "scrape_interval": "1s",
        "metrics_path": endpoint["path"],
        "static_configs": targets,
    }


class Prometheus:
    """A Prometheus that runs in a namespace of its own."""

    def __init__(self, cluster: Cluster, namespace: str, config: Spec, rules: Spec | None) -> None:
        self._cluster = cluster
        files = {
            "prometheus.yml": yaml.safe_dump(
                {
                    "global": {"evaluation_interval": "1s"},
                    "rule_files": ["/program/rules.yml"] if rules else [],
                    "scrape_configs": [config],
                }
            ),
            "rules.yml": yaml.safe_dump({"groups": rules["spec"]["groups"]} if rules else {}),
        }
        objects = Objects(namespace)
        objects.add({"kind": "ConfigMap", "metadata": {"name": "program"}, "data": files})
        template = cloud.machine(
            {
                "name": "prometheus",
                "image": IMAGE,
                "command": [
                    "prometheus",
                    "--config.file=/program/prometheus.yml",
                    "--storage.tsdb.path=/tmp/data",
                    f"--web.listen-address=0.0.0.0:{PORT}",
                ],
                "ports": [{"containerPort": PORT}],
                "readinessProbe": {"httpGet": {"path": "/-/ready", "port": PORT}},
                "volumeMounts": [{"name": name, "mountPath": f"/{name}"} for name in ("program", "tmp")],
            }
        )
        self.pod = cluster.guest("prometheus", template, objects)
        cloud.ready(self.pod)

    def api(self, path: str) -> Any:
        """The data of an answer of its API, which has to be a success."""
        with inside(self._cluster.network.node):
            connection = http.client.HTTPConnection(self.pod.link.address, PORT, timeout=20)
            try:
                connection.request("GET", f"/api/v1/{path}")
                answer = json.loads(connection.getresponse().read())
            finally:
                connection.close()
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """The labels and value of everything that an expression finds now."""
        result = self.api(f"query?query={quote(expression)}")["result"]
        return [(each["metric"], float(each["value"][1])) for each in result]

    def errors(self) -> list[str]:
        """What went wrong with the last scrape of each target."""
        return [target["lastError"] for target in self.api("targets")["activeTargets"] if target["lastError"]]

    def close(self) -> None:
        """Takes it away."""
        self._cluster.dismiss(self.pod)
