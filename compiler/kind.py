"""What a kind of overlay is: a named choice of parts, with their defaults and demands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from compiler.route import Route

Store = Literal["s3", "minio", "gcs", "azure", "oss", "volume"]
Identity = Literal["keys", "irsa", "pod-identity", "workload-identity", "none"]
Engine = Literal["postgres", "mysql", "mssql", "sqlite"]
Secrets = Literal["existing", "generated"]


@dataclass(frozen=True)
class Kind:
    """One value of the key `overlay`.

    `requires` maps each key that an environment of this kind has to set to the reason, which a report shows.
    """

    name: str
    store: Store
    identity: Identity
    engine: Engine
    secrets: Secrets
    requires: Mapping[Route, str]
