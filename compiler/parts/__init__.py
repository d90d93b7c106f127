"""The parts of the language, written out in the order of the manual: a new one is a module here and a line in this table."""

from compiler.part import Part
from compiler.parts import (
    artifacts,
    database,
    host,
    ingress,
    kubernetes_version,
    mlflow,
    namespace,
    network_policy,
    replicas,
    resources,
    secrets,
    waivers,
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
    "secrets": secrets,
    "networkPolicy": network_policy,
    "waivers": waivers,
}
