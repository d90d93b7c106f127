"""A valid source as a typed environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from compiler.autoscaler import Autoscaling
from compiler.kind import Kind
from compiler.kinds import KINDS
from compiler.oidc import Oidc
from compiler.overlay import Waiver
from compiler.parts import PARTS
from compiler.parts.artifact_server import ArtifactServer
from compiler.parts.auth import Auth
from compiler.parts.cloud import Cloud
from compiler.parts.database import Database
from compiler.parts.gateway import Gateway
from compiler.parts.ingress import Ingress
from compiler.parts.maintenance import Maintenance
from compiler.parts.metrics import Metrics
from compiler.parts.mlflow import Mlflow
from compiler.parts.namespace import Namespace
from compiler.parts.network_policy import NetworkPolicy
from compiler.parts.platform import Platform
from compiler.parts.pod_labels import PodLabels
from compiler.parts.resources import Resources
from compiler.parts.scheduling import Scheduling
from compiler.parts.secrets import Provision
from compiler.parts.service import Service
from compiler.parts.service_account import ServiceAccount
from compiler.parts.tls import Tls
from compiler.store import Artifacts


@dataclass(frozen=True)
class Environment:
    """What a person asked for, with every default filled in: one field a part."""

    name: str
    kind: Kind
    custom: bool
    """Whether the environment has a component of its own in `custom/`."""
    namespace: Namespace
    kubernetes_version: str
    platform: Platform
    mlflow: Mlflow
    artifact_server: ArtifactServer
    replicas: int
    autoscaling: Autoscaling | None
    resources: Resources
    scheduling: Scheduling
    pod_labels: PodLabels
    termination_grace_period_seconds: int
    service_account: ServiceAccount
    service: Service
    host: str | None
    ingress: Ingress | None
    gateway: Gateway | None
    tls: Tls | None
    artifacts: Artifacts
    cloud: Cloud
    database: Database
    auth: Auth | Oidc | None
    maintenance: Maintenance
    secrets: Provision
    network_policy: NetworkPolicy
    waivers: tuple[Waiver, ...]
    metrics: Metrics | None

    @property
    def users_database(self) -> str | None:
        """The database of MLflow's own users, if it has any."""
        return self.auth.database if isinstance(self.auth, Auth) else None

    @property
    def way_in(self) -> Ingress | Gateway | None:
        """What serves the public host, where it is not the Service itself."""
        return self.ingress or self.gateway

    @property
    def origin(self) -> str | None:
        """Where pages come from that are served under the public host, as https://mlflow.acme.example."""
        if not self.host:
            return None
        if self.service.outside and not self.way_in:
            return self.service.origin(self.host, tls=self.tls is not None)
        plain = self.way_in is not None and not self.way_in.tls
        return f"{'http' if plain else 'https'}://{self.host}"


def environment(name: str, values: Mapping[str, Any], custom: bool = False) -> Environment:  # noqa: FBT001, FBT002
    """The environment that values ask for. Total for values that the schema accepts.

    In: the environment's name, its values, and whether it has a `custom/` component.
    """
    kind = KINDS[values["overlay"]]
    fields = {_snake(key): part.read(values, kind) for key, part in PARTS.items()}
    return Environment(name=name, kind=kind, custom=custom, **fields)


def _snake(key: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in key)
