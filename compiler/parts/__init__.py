"""The parts of the language, written out in the order of the manual: a new one is a module here and a line in this table."""

from compiler.part import Part
from compiler.parts import (
    artifacts,
    auth,
    database,
    host,
    ingress,
    kubernetes_version,
    metrics,
    mlflow,
    namespace,
    network_policy,
    replicas,
    resources,
    secrets,
)

PARTS: dict[str, Part] = {
    "namespace": namespace,
    "kubernetesVersion": kubernetes_version,
    "mlflow": mlflow,
    "replicas": replicas,
    "resources": resources,
    "host": host,
    "ingress": ingress,
    "artifacts": artifacts,
    "database": database,
    "auth": auth,
    "secrets": secrets,
    "networkPolicy": network_policy,
    "metrics": metrics,
}
