"""The environments that are applied, and the changes of environments that are applied over them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from compiler.kinds import KINDS
from tests.conftest import ROOT
from tests.sample import sampled

HERE = Path(__file__).resolve().parent
REFERENCES = ROOT / "overlays"
EVERYTHING = ROOT / "tests" / "everything"
Values = Mapping[str, Any]

PLAIN: tuple[str, ...] = ()
SERVER_SIDE: tuple[str, ...] = ("--server-side",)


@dataclass(frozen=True)
class Case:
    """An environment: a directory of overlays/, or a file of this suite. Its name is that of its namespace, too."""

    name: str
    original: Path

    @property
    def environment(self) -> str:
        """What results go under: those of this suite all go under one name."""
        return self.name if self.original.is_dir() else "others"


@dataclass(frozen=True)
class Upgrade:
    """A change of a reference environment: what is set then (None takes a key away), and how it is applied."""

    environment: str
    change: str
    then: Values = field(default_factory=dict)
    new_secret: str = ""
    refused: bool = False
    """Whether no API server accepts it."""
    leaves: tuple[str, ...] = ()
    """Kinds of objects that the next version does not have, and that stay in the cluster."""
    options: tuple[str, ...] = SERVER_SIDE

    @property
    def name(self) -> str:
        """Its directory, and its namespace, in the stage."""
        words = re.sub(r"[^a-z]+", "-", self.change.lower()).strip("-")
        return f"{self.environment}-{words}-{'server' if self.options else 'client'}"

    @property
    def detail(self) -> str:
        """What is said of it beside the sentence of a test."""
        return f"{self.change}, apply {' '.join(self.options)}".rstrip()

    @property
    def before(self) -> str:
        """The environment as it is first."""
        return (REFERENCES / self.environment / "environment.yaml").read_text(encoding="utf-8")

    @property
    def after(self) -> str:
        """The environment as it is then."""
        return yaml.safe_dump(merged(yaml.safe_load(self.before), self.then), sort_keys=False)

    def touch(self, overlay: Path) -> None:
        """Changes what stands beside the environment."""
        if self.new_secret:
            file = overlay / "secrets" / self.new_secret
            file.write_text(re.sub(r"=.*", "=another-value-of-a-secret", file.read_text(encoding="utf-8")), "utf-8")


def merged(values: Values, change: Values) -> dict[str, Any]:
    """Values with a change: mappings are merged, None takes a key away."""
    result = dict(values)
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result


def _system(path: Path) -> str:
    return KINDS[yaml.safe_load(path.read_text(encoding="utf-8"))["overlay"]].system


_REFERENCES = {path: _system(path) for path in sorted(REFERENCES.glob("*/environment.yaml"))}
_EVERYTHING = {path: _system(path) for path in sorted(EVERYTHING.glob("*/environment.yaml"))}
PIPELINES = [
    *(Case(path.parent.name, path.parent) for path, system in _REFERENCES.items() if system == "pipelines"),
    *(Case(path.stem, path) for path in sorted((HERE / "pipelines").glob("*.yaml"))),
    *(Case(f"everything-{path.parent.name}", path) for path, system in _EVERYTHING.items() if system == "pipelines"),
]
"""The environments of Kubeflow Pipelines, whose namespace is always the same."""
_OWN = {path.stem: path for path in sorted((HERE / "environments").glob("*.yaml"))}
_OF_SPACE_AND_VOLUMES = ("mysql-in-cluster", "shared-namespace", "shared-volume")
LIVES = [
    *(Case(path.parent.name, path.parent) for path, system in _REFERENCES.items() if system == "mlflow"),
    *(Case(name, _OWN[name]) for name in _OF_SPACE_AND_VOLUMES),
    *sampled([Case(f"everything-{path.parent.name}", path) for path, of in _EVERYTHING.items() if of == "mlflow"]),
]
"""The environments that are applied again, taken down and deleted. Others differ from them in what none of that depends on."""
ENVIRONMENTS = [
    *LIVES,
    *sampled([Case(name, path) for name, path in _OWN.items() if name not in _OF_SPACE_AND_VOLUMES]),
]
"""All environments of MLflow. Those of `LIVES` come first, so that a place in one list is the same in both."""

_CHANGES = [
    Upgrade("prod", "new MLflow version", {"mlflow": {"version": "3.18.0"}}),
    Upgrade("prod", "more replicas", {"replicas": 5}),
    Upgrade("prod", "one replica", {"replicas": 1}, leaves=("PodDisruptionBudget",)),
    Upgrade("prod", "more workers", {"mlflow": {"workers": 6}}),
    Upgrade("prod", "jobs", {"mlflow": {"jobs": True}}),
    Upgrade("prod", "another host", {"host": "experiments.acme.example"}),
    Upgrade("prod", "another ingress class", {"ingress": {"className": "traefik"}}),
    Upgrade("prod", "no ingress", {"ingress": None}, leaves=("Ingress",)),
    Upgrade("prod", "another prefix", {"artifacts": {"prefix": "elsewhere"}}),
    Upgrade("prod", "static prefix", {"mlflow": {"staticPrefix": "/mlflow"}}),
    Upgrade("prod", "another database Secret", {"database": {"existingSecret": "tracking-database"}}),
    Upgrade("prod", "another account", {"serviceAccount": {"name": "tracking"}}, leaves=("ServiceAccount",)),
    Upgrade(
        "prod",
        "an account that is there",
        {"serviceAccount": {"create": False, "name": "default"}},
        leaves=("ServiceAccount",),
    ),
    Upgrade(
        "prod",
        "other nodes",
        {"scheduling": {"nodeSelector": {"pool": "mlflow"}, "topologySpread": {"zones": "required"}}},
    ),
    Upgrade("aws-keys", "several replicas", {"replicas": 3}),
    Upgrade("aws-keys", "another store Secret", {"artifacts": {"existingSecret": "store-keys"}}),
    Upgrade(
        "eks-irsa",
        "a database elsewhere",
        {"database": {"host": "db.acme.example"}},
        leaves=("NetworkPolicy", "Service", "StatefulSet"),
    ),
    Upgrade("minio-postgres", "new MLflow version", {"mlflow": {"version": "3.18.0"}}),
    Upgrade("minio-postgres", "OpenShift", {"platform": "openshift"}),
    Upgrade(
        "minio-postgres",
        "a port of every node",
        {"host": "mlflow.acme.example", "service": {"type": "NodePort", "nodePort": 30599, "port": 80}},
    ),
    Upgrade("minio-postgres", "fewer workers", {"mlflow": {"workers": 1}}),
    Upgrade("minio-postgres", "another MinIO image", {"artifacts": {"image": "registry.acme.example/minio:2026"}}),
    Upgrade("minio-postgres", "another bucket", {"artifacts": {"bucket": "experiments"}}),
    Upgrade("minio-postgres", "changed password", new_secret="mlflow-database.env"),
    Upgrade("minio-postgres", "more artifact storage", {"artifacts": {"storage": {"size": "80Gi"}}}, refused=True),
    Upgrade("minio-postgres", "more database storage", {"database": {"storage": {"size": "80Gi"}}}, refused=True),
    Upgrade("minio-postgres", "another storage class", {"database": {"storage": {"className": "gp3"}}}, refused=True),
    Upgrade("minio-postgres", "no policies", {"networkPolicy": {"enabled": False}}, leaves=("NetworkPolicy",)),
    Upgrade("minio-mysql", "more database storage", {"database": {"storage": {"size": "80Gi"}}}, refused=True),
    Upgrade("minio-mysql", "a public host", {"host": "mlflow.acme.example", "ingress": {"clusterIssuer": "acme"}}),
]
_BOTH_WAYS = {
    "another account",
    "another host",
    "changed password",
    "more artifact storage",
    "new MLflow version",
    "no ingress",
    "several replicas",
    "static prefix",
}
UPGRADES = [
    replace(change, options=options)
    for change in _CHANGES
    for options in (SERVER_SIDE, PLAIN)
    if options == SERVER_SIDE or change.change in _BOTH_WAYS
]

GROWN = Upgrade(
    "minio-postgres", "storage that grows by hand", {"artifacts": {"storage": {"size": "80Gi"}}}, refused=True
)
DELETED = Upgrade("prod", "deleted after more workers", {"mlflow": {"workers": 6}})
TAKEN_OVER = [
    Upgrade("prod", "an autoscaler takes over", {"replicas": None, "autoscaling": {"max": 6}}, options=options)
    for options in (SERVER_SIDE, PLAIN)
]
