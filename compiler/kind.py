"""What a kind of overlay is: a named choice of parts, with their defaults and demands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from compiler.route import Route

System = Literal["mlflow", "pipelines"]
Store = Literal["s3", "minio", "versitygw", "gcs", "azure", "oss", "volume"]
Identity = Literal["keys", "irsa", "pod-identity", "workload-identity", "none"]
Engine = Literal["postgres", "mysql", "mssql", "sqlite", "none"]
Secrets = Literal["existing", "generated"]


@dataclass(frozen=True)
class Kind:
    """One value of the key `overlay`. `system` is what it installs: an MLflow server, or Kubeflow Pipelines.

    `requires` maps each key that an environment of this kind has to set to the reason, which a report shows.
    """

    name: str
    store: Store
    identity: Identity
    engine: Engine
    secrets: Secrets
    requires: Mapping[Route, str]
    system: System = "mlflow"
    examples: Mapping[Route, str] = field(default_factory=dict)
    """Values that a first environment shows in place of those of the schema, and keys that not every environment needs."""
