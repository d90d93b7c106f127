"""A valid source of Kubeflow Pipelines as a typed environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compiler.kind import Kind
from compiler.kubeflow.layout import NAMESPACE, Layout
from compiler.lifecycle import Lifecycle
from compiler.parts.cloud import Cloud

if TYPE_CHECKING:
    from compiler.environment import Environment


@dataclass(frozen=True)
class Keys:
    """Access keys in a Secret: its name, and what it calls the two."""

    secret: str
    access_key: str
    secret_key: str


@dataclass(frozen=True)
class Store:
    """The object store, as clients reach it. `port` is None where it is the usual one.

    `keys` are those of the API server and the UI, and `profile_keys` those of profiles, with `{profile_name}` in the name of the
    Secret where each has its own; both are None where pods have roles.
    """

    given: frozenset[str]
    provider: str
    bucket: str
    region: str
    endpoint: str | None
    host: str
    port: int | None
    secure: bool
    virtual: bool
    keys: Keys | None
    profile_keys: Keys | None
    role_arn: str | None
    kms_key_arn: str | None
    layout: Layout
    lifecycle: Lifecycle

    @property
    def is_amazon(self) -> bool:
        """Whether clients know it as Amazon's: the UI and the launcher tell by the host, and log in with roles there alone."""
        return self.provider == "amazon"

    @property
    def scheme(self) -> str:
        """The scheme of URIs: `minio` is what Pipelines calls every store that is not Amazon's."""
        return "s3" if self.is_amazon else "minio"

    @property
    def address(self) -> str:
        """The host, with the port where it is not the usual one."""
        return f"{self.host}:{self.port}" if self.port else self.host

    def uri(self, path: str) -> str:
        """A path inside the bucket as Pipelines writes it."""
        return f"{self.scheme}://{self.bucket}/{path}"


@dataclass(frozen=True)
class Profile:
    """A profile: a namespace and its owner. `keys` and `role_arn` are its own, where it has any."""

    name: str
    owner: str
    members: tuple[str, ...]
    keys: Keys | None
    role_arn: str | None


@dataclass(frozen=True)
class DeployKF:
    """What is known of an installation by deployKF, for which a values file is written."""

    version: str
    sample_values: bool
    profile_name_prefix: str
    secret_namespace: str


@dataclass(frozen=True)
class Tracking:
    """The MLflow that runs are recorded in: an environment of the project.

    `experiment` is None for the plug-in's own, and `variables` says whether steps are told where it is.
    """

    environment: str
    experiment: str | None
    variables: bool


@dataclass(frozen=True)
class Pipelines:
    """The installation that is patched. `base` is the directory or URL of its manifests, None for the release's own."""

    version: str
    base: str | None
    deploykf: DeployKF | None
    tracking: Tracking | None = None


@dataclass(frozen=True)
class Installation:
    """What a person asked for, with every default filled in: one field a part."""

    name: str
    kind: Kind
    custom: bool
    """Whether the environment has a component of its own in `custom/`."""
    kubernetes_version: str
    pipelines: Pipelines
    artifacts: Store
    profiles: tuple[Profile, ...]
    cloud: Cloud
    others: Mapping[str, Environment] | None = None
    """The environments of MLflow in the same project, by name; None where nobody looked."""

    @property
    def namespace(self) -> str:
        """Where it is installed."""
        return NAMESPACE

    @property
    def tracked(self) -> Environment | None:
        """The MLflow that runs are recorded in, where it is known."""
        asked = self.pipelines.tracking
        return (self.others or {}).get(asked.environment) if asked else None

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Where steps of pipelines run."""
        return tuple(profile.name for profile in self.profiles) or (self.namespace,)

    def keys_of(self, profile: Profile) -> Keys | None:
        """The access keys of a profile: its own, or those of all; None where it has a role."""
        if profile.keys or self.artifacts.profile_keys is None:
            return profile.keys
        given = self.artifacts.profile_keys
        return Keys(given.secret.replace("{profile_name}", profile.name), given.access_key, given.secret_key)
