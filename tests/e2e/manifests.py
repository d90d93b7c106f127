"""The objects that the tests add to a cluster: a namespace of clients, and Jobs that run there as any user's would."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.cluster.kubectl import Object

HERE = Path(__file__).resolve().parent
SCRIPTS = {"client.py": HERE.parent / "stack" / "client.py", "probe.py": HERE / "probe.py"}
CONFIG_MAP = "scripts"
HELD_BACK = {"e2e": "held-back"}
FREE = {"e2e": "free"}
LABELS = {"app.kubernetes.io/part-of": "mlflow-overlays-e2e"}
JOB_SECONDS = 300
LISTENER_PORT = 8080


def namespace(name: str) -> Object:
    """A namespace as strict as the environment's own."""
    modes = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": LABELS | modes}}


def config_map(namespace: str) -> Object:
    """The programs of the Jobs."""
    data = {name: path.read_text(encoding="utf-8") for name, path in SCRIPTS.items()}
    metadata = {"name": CONFIG_MAP, "namespace": namespace, "labels": LABELS}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def policy(namespace: str) -> Object:
    """Lets the pods that are held back reach nothing: where such a pod reaches something all the same, no policy binds."""
    spec = {"podSelector": {"matchLabels": HELD_BACK}, "policyTypes": ["Egress"]}
    metadata = {"name": "held-back", "namespace": namespace, "labels": LABELS}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def job(
    namespace: str,
    image: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    labels: Mapping[str, str] = FREE,
) -> Object:
    """A Job that runs one of the programs once, without any credential."""
    program, *rest = arguments
    pod = _pod(image, [f"/opt/scripts/{program}", *rest], environment)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": f"{program.removesuffix('.py')}-{secrets.token_hex(3)}",
            "namespace": namespace,
            "labels": LABELS,
        },
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": JOB_SECONDS,
            "template": {"metadata": {"labels": {**LABELS, **labels}}, "spec": pod},
        },
    }


def listener(namespace: str, image: str) -> Object:
    """A pod that accepts connections, for others to try."""
    pod = _pod(image, ["-m", "http.server", "--directory", "/tmp", str(LISTENER_PORT)], {})
    pod["containers"][0]["readinessProbe"] = {"tcpSocket": {"port": LISTENER_PORT}, "periodSeconds": 2}
    metadata = {"name": "listener", "namespace": namespace, "labels": LABELS}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod}


def _pod(image: str, arguments: Sequence[str], environment: Mapping[str, str]) -> Object:
    """A pod with Python in the image of the server, as strict as the server's own."""
    variables = {"HOME": "/tmp", **environment}
    container = {
        "name": "client",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", *arguments],
        "env": [{"name": name, "value": value} for name, value in variables.items()],
        "resources": {
            "requests": {"cpu": "100m", "memory": "256Mi"},
            "limits": {"cpu": "1", "memory": "1Gi", "ephemeral-storage": "1Gi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "scripts", "mountPath": "/opt/scripts", "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},
        ],
    }
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 2,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10002,
            "runAsGroup": 10002,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [
            {"name": "scripts", "configMap": {"name": CONFIG_MAP}},
            {"name": "tmp", "emptyDir": {"sizeLimit": "512Mi"}},
        ],
    }
