"""The parts of the language, written out in the order of the manual: a new one is a module here and a line in this table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.part import Part
from compiler.parts import (
    artifact_server,
    artifacts,
    auth,
    autoscaling,
    cloud,
    database,
    gateway,
    host,
    ingress,
    kubernetes_version,
    maintenance,
    metrics,
    mlflow,
    namespace,
    network_policy,
    platform,
    pod_labels,
    replicas,
    resources,
    scheduling,
    secrets,
    service,
    service_account,
    termination_grace_period_seconds,
    tls,
    waivers,
)

if TYPE_CHECKING:
    from compiler.environment import Environment

PARTS: dict[str, Part[Environment]] = {
    "namespace": namespace,
    "kubernetesVersion": kubernetes_version,
    "platform": platform,
    "mlflow": mlflow,
    "artifactServer": artifact_server,
    "replicas": replicas,
    "autoscaling": autoscaling,
    "resources": resources,
    "scheduling": scheduling,
    "podLabels": pod_labels,
    "terminationGracePeriodSeconds": termination_grace_period_seconds,
    "serviceAccount": service_account,
    "service": service,
    "host": host,
    "ingress": ingress,
    "gateway": gateway,
    "tls": tls,
    "artifacts": artifacts,
    "cloud": cloud,
    "database": database,
    "auth": auth,
    "maintenance": maintenance,
    "secrets": secrets,
    "networkPolicy": network_policy,
    "waivers": waivers,
    "metrics": metrics,
}
