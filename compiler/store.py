"""What a store of artifacts must offer, and the stock pieces that stores are made of.

A store is a module of `compiler/stores`. It owns the keys of `artifacts` that mean something to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from compiler.diagnostic import Finding
from compiler.kind import Kind
from compiler.kind import Store as Name
from compiler.overlay import POD, SERVER, Change, Overlay, Ref
from compiler.part import Schema, secret_name, text
from compiler.peer import peers
from compiler.route import Named, Route

if TYPE_CHECKING:
    from compiler.environment import Environment

POLICY = Ref("networking.k8s.io/v1", "NetworkPolicy", "mlflow-to-artifacts")
SECRET = "mlflow-artifacts"  # noqa: S105 - a name

PREFIX = text(
    "A path inside the bucket that everything goes under.",
    r"[A-Za-z0-9!_.*'()-]+(?:/[A-Za-z0-9!_.*'()-]+)*",
    "a path like team-1/mlflow, without a slash at either end",
    examples=["mlflow/artifacts"],
)
BUCKET = text(
    "The bucket.",
    r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]",
    "a bucket name: 3 to 63 lower-case letters, digits, dots and dashes, starting and ending with a letter or digit",
    examples=["acme-mlflow"],
)
EXISTING_SECRET = secret_name(
    "The Secret with the credentials of the store; the overlay's SECRETS.md says with which keys. Without it, "
    f"`{SECRET}`, and for Kubeflow Pipelines `kubeflow-pipelines--backend-object-store-auth`."
)


class Settings(Protocol):
    """What every store's settings have."""

    @property
    def uri(self) -> str:
        """The URI that MLflow keeps artifacts under."""


class Store(Protocol):
    """The functions and names of a module that is a store."""

    @property
    def NAME(self) -> str:  # noqa: N802 - a constant of the module
        """What it is, in a few words that follow "in"."""

    @property
    def KEYS(self) -> Mapping[str, Schema]:  # noqa: N802 - a constant of the module
        """The keys of `artifacts` that it knows; one that several stores know has the same schema in all."""

    @property
    def CLOSED(self) -> Mapping[str, str]:  # noqa: N802 - a constant of the module
        """The values of `mlflow.mode` that it can't serve, each with the reason."""

    @property
    def SIGNS(self) -> bool:  # noqa: N802 - a constant of the module
        """Whether MLflow by itself sends clients to it by signed URLs."""

    def read(self, given: Mapping[str, Any], kind: Kind) -> Settings:
        """Its settings as a frozen value. In: the keys of `artifacts`, valid by the schema. Cannot fail."""

    def check(self, environment: Environment) -> Iterable[Finding]:
        """What is wrong with its keys that no schema can say."""

    def plan(self, environment: Environment) -> Overlay:
        """What it asks for, beside the place where artifacts go."""


@dataclass(frozen=True)
class Artifacts:
    """Where artifacts are kept: the store, the keys that were set, and the store's own settings."""

    store: Name
    given: frozenset[str]
    settings: Any

    @property
    def uri(self) -> str:
        """The URI that MLflow keeps artifacts under."""
        return str(self.settings.uri)


def steps(prefix: str) -> Iterator[Finding]:
    """Finds a prefix that MLflow refuses."""
    if {".", ".."} & set(prefix.split("/")):
        message = f"the prefix '{prefix}' has a step '.' or '..', which MLflow refuses in the path of an artifact"
        yield Finding(("artifacts", "prefix"), "bad-prefix", message, "name the path itself")


def joined(place: str, prefix: str) -> str:
    """A URI with a prefix, if there is one."""
    return f"{place}/{prefix}" if prefix else place


def unwanted(environment: Environment, key: str, reason: str, hint: str) -> Iterator[Finding]:
    """Finds a key that means nothing to this kind of overlay."""
    if key in environment.artifacts.given:
        message = f"{key} means nothing to '{environment.kind.name}': {reason}"
        yield Finding(("artifacts", key), "wrong-kind", message, hint, at_key=True)


def outside(environment: Environment, endpoint: str | None = None) -> Overlay:
    """A store outside the cluster: the way to it, at port 443 of any address, or to the host and port of an endpoint."""
    overlay = Overlay(components=("artifacts-external",))
    if not endpoint or not environment.network_policy.enabled:
        return overlay
    url = urlsplit(endpoint)
    port = url.port or (443 if url.scheme == "https" else 80)
    where = peers(url.hostname or "", environment.namespace.name)
    egress = [{"to": where, "ports": [{"port": port, "protocol": "TCP"}]}]
    why = "the server reaches this store"
    return overlay + Overlay(changes=(Change(POLICY, ("spec", "egress"), egress, ("artifacts", "endpoint"), why),))


def variables(
    secret: str, names: Iterable[str], target: Ref = SERVER, container: str = "mlflow", group: str = "containers"
) -> Overlay:
    """The Secret that variables of a container come from, where it is not the default."""
    if secret == SECRET:
        return Overlay()
    because: Route = ("artifacts", "existingSecret")
    env = (*POD, group, Named(container), "env")
    return Overlay(
        changes=tuple(
            Change(
                target, (*env, Named(name), "valueFrom", "secretKeyRef", "name"), secret, because, "the store's Secret"
            )
            for name in names
        )
    )
