"""A Kustomize overlay as a value.

Parts of the language each return one; their sum is the overlay of an environment. Nothing here knows files or YAML.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from compiler.kind import System
from compiler.route import Route


@dataclass(frozen=True, order=True)
class Ref:
    """The identity of a Kubernetes object. `namespace` is empty inside the overlay's own."""

    api_version: str
    kind: str
    name: str
    namespace: str = ""

    def __str__(self) -> str:
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.kind} {self.name}".rstrip() + where


SERVER = Ref("apps/v1", "Deployment", "mlflow")
SETTINGS = Ref("v1", "ConfigMap", "mlflow-env")
SERVICE_ACCOUNT = Ref("v1", "ServiceAccount", "mlflow")
ARTIFACT_SERVER = Ref("apps/v1", "Deployment", "mlflow-artifacts")
"""The server of artifacts alone, where `mlflow.mode` is split."""
MIGRATION = Ref("batch/v1", "Job", "mlflow-migrate")
GC = Ref("batch/v1", "CronJob", "mlflow-gc")
BACKUP = Ref("batch/v1", "CronJob", "mlflow-backup")
RESTORE = Ref("batch/v1", "CronJob", "mlflow-restore")
SERVICE = Ref("v1", "Service", "mlflow")
POD: Route = ("spec", "template", "spec")
"""Where the pod stands in a Deployment, StatefulSet or Job."""
CRON_POD: Route = ("spec", "jobTemplate", "spec", "template", "spec")
"""Where the pod stands in a CronJob."""


@dataclass(frozen=True)
class Change:
    """One value that an overlay sets in an object of the base.

    `because` is the route of `environment.yaml` that the value follows from, and `why` says how, in a few words.
    """

    target: Ref
    route: Route
    value: Any
    because: Route
    why: str


@dataclass(frozen=True)
class PodChange:
    """One field that an overlay sets in every pod of the base, whatever makes it: `imagePullSecrets`, `tolerations`."""

    field: str
    value: Any
    because: Route
    why: str


@dataclass(frozen=True)
class Image:
    """An image of the base and what an environment runs in its place: `name` is the base's, without tag or digest."""

    name: str
    repository: str
    tag: str | None
    digest: str | None
    because: Route


@dataclass(frozen=True)
class SecretKey:
    """A key of a Secret: what it is for, and the example that a `kubectl create secret` line shows for it."""

    key: str
    purpose: str
    example: str
    random: bool = True
    """Whether a generated value is random; otherwise it is the example."""


@dataclass(frozen=True)
class Secret:
    """A Secret that the overlay refers to.

    `in_cluster` says that only programs of the overlay use it, so that its values may be generated.
    """

    name: str
    keys: tuple[SecretKey, ...]
    because: Route
    in_cluster: bool
    type: str = "generic"
    """The word after `kubectl create secret`: generic, tls or docker-registry."""
    namespace: str = ""
    """Where it is looked for, if that is not the overlay's own namespace."""


@dataclass(frozen=True)
class External:
    """A store of secrets outside the cluster, from which an operator makes every Secret that is not generated.

    A Secret is called `prefix` and its own name there, unless `names` has another name for it.
    """

    store: str
    store_kind: str
    prefix: str
    names: dict[str, str]
    besides: tuple[str, ...]
    """Secrets that somebody else makes."""
    refresh_interval: str

    def name(self, secret: Secret) -> str:
        """What the store calls a Secret."""
        return self.names.get(secret.name, f"{self.prefix}{secret.name}")


@dataclass(frozen=True)
class Waiver:
    """A rule of the policy that does not bind this overlay, and why.

    `expires` is the last day that it holds, as YYYY-MM-DD; it is empty where the waiver follows from another key.
    """

    rule: str
    reason: str
    because: Route
    expires: str = ""


@dataclass(frozen=True)
class Overlay:
    """What an environment asks for. `components` are directories of `base/components`, applied in this order."""

    system: System = "mlflow"
    """What it installs."""
    resources: tuple[str, ...] = ()
    """What it starts from: directories of the project, or URLs that Kustomize reads; `base/mlflow` where it is empty."""
    namespace: str = ""
    """Where everything is put."""
    within: str = ""
    """The namespace that the base itself is in, where the overlay does not put it into one."""
    components: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    pods: tuple[PodChange, ...] = ()
    images: tuple[Image, ...] = ()
    secrets: tuple[Secret, ...] = ()
    config_maps: tuple[str, ...] = ()
    """ConfigMaps that a person provides, by name."""
    accounts: tuple[str, ...] = ()
    """ServiceAccounts that a person provides, by name."""
    generate_secrets: bool = False
    external: External | None = None
    """Where an operator takes the Secrets from that are not generated."""
    custom: bool = False
    """Whether the environment has a component of its own in `custom/`."""
    waivers: tuple[Waiver, ...] = ()
    own: tuple[Change, ...] = ()
    """Changes of objects that `custom/` adds."""
    removed: tuple[Ref, ...] = ()
    """Objects of the base that a component takes away: nothing can be set in them."""
    shadows: tuple[str, ...] = ()
    """Variables that a client would take instead of the identity of the server's pod."""
    names: dict[Ref, str] = field(default_factory=dict)
    """Objects of the base that are called something else here, and what."""
    profiles: dict[str, tuple[dict[str, Any], ...]] = field(default_factory=dict)
    """The objects of each profile of Kubeflow, in a directory of their own that is applied after the overlay."""
    documents: dict[str, str] = field(default_factory=dict)
    """What the environment needs outside the cluster, as the text of files beside the overlay, by their paths."""

    def __add__(self, other: Overlay) -> Overlay:
        return Overlay(
            system=self.system if self.system != "mlflow" else other.system,
            resources=self.resources + other.resources,
            within=self.within or other.within,
            profiles=self.profiles | other.profiles,
            namespace=self.namespace or other.namespace,
            components=self.components + other.components,
            changes=self.changes + other.changes,
            pods=self.pods + other.pods,
            images=self.images + other.images,
            secrets=self.secrets + other.secrets,
            config_maps=self.config_maps + other.config_maps,
            accounts=self.accounts + other.accounts,
            generate_secrets=self.generate_secrets or other.generate_secrets,
            external=self.external or other.external,
            custom=self.custom or other.custom,
            waivers=self.waivers + other.waivers,
            own=self.own + other.own,
            removed=self.removed + other.removed,
            shadows=self.shadows + other.shadows,
            names=self.names | other.names,
            documents=self.documents | other.documents,
        )

    @property
    def place(self) -> str:
        """The namespace that it is in."""
        return self.namespace or self.within

    def generated_secrets(self) -> tuple[Secret, ...]:
        """The Secrets whose values are created beside the overlay rather than by a person."""
        return tuple(secret for secret in self.secrets if self.generate_secrets and secret.in_cluster)

    def external_secrets(self) -> tuple[Secret, ...]:
        """The Secrets that an operator makes from a store outside the cluster."""
        if self.external is None:
            return ()
        others = {secret.name for secret in self.generated_secrets()} | set(self.external.besides)
        return tuple(secret for secret in self.secrets if secret.name not in others)


def setting(name: str, value: str, because: Route, why: str) -> Change:
    """An environment variable of the server and of the migration, in the one ConfigMap of settings."""
    return Change(SETTINGS, ("data", name), value, because, why)
