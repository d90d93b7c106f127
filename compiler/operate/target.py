"""What a command of the life of an environment works on: the environment, what it asks for, and the cluster."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from compiler.cluster import Cluster, Object, Refused
from compiler.environment import Environment
from compiler.manifest import Manifest
from compiler.operate import mask
from compiler.overlay import Overlay
from compiler.workspace import Workspace

PART_OF = "app.kubernetes.io/part-of=mlflow"
SERVER = "app.kubernetes.io/name=mlflow,app.kubernetes.io/component=server"
CONTAINER = "mlflow"
"""The container of the server in its pods."""


@dataclass(frozen=True)
class Target:
    """An environment and the cluster that it goes to. `manifests` are empty where nothing had to be built."""

    workspace: Workspace
    environment: Environment
    overlay: Overlay
    cluster: Cluster
    manifests: tuple[Manifest, ...] = ()

    @property
    def name(self) -> str:
        """The environment's name."""
        return self.environment.name

    @property
    def namespace(self) -> str:
        """Where it all goes."""
        return self.environment.namespace.name

    @property
    def directory(self) -> str:
        """The directory of the overlay, for kubectl."""
        return str(self.workspace.directory(self.name))

    def built(self, *kinds: str) -> list[Manifest]:
        """The objects of the build of some kinds."""
        return [each for each in self.manifests if each.ref.kind in kinds]

    def find(self, kinds: str, selector: str = "") -> list[Object]:
        """The objects of kinds in the namespace, as the cluster has them. Raises what `Cluster.find` raises."""
        return self.cluster.find(kinds, self.namespace, selector)

    def get(self, kind: str, name: str) -> Object | None:
        """An object of the namespace, as the cluster has it. Raises what `Cluster.get` raises."""
        return self.cluster.get(kind, name, self.namespace)

    @cached_property
    def secret(self) -> Sequence[str]:
        """The values of the namespace's Secrets that no one is to see; none are known to who may not read them."""
        try:
            return mask.values(self.find("secrets"))
        except Refused:
            return ()

    def masked(self, words: Iterable[str]) -> list[str]:
        """Words of others without values of Secrets."""
        return [mask.masked(each, self.secret) for each in words if each.strip()]
