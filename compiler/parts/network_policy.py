"""Who may talk to whom.

On by default, and worked out from what the environment runs: the server reaches its database, its object store, the
cluster's DNS (and STS where a role is used), and nothing else; a database or object store in the cluster is reachable from
MLflow alone. Every pod of the cluster may reach the server; `clients` narrows that to some namespaces.

Policies bind only where the cluster's network plugin enforces them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compiler.diagnostic import Finding
from compiler.kind import Kind
from compiler.overlay import Change, Overlay, Ref, Waiver
from compiler.part import LABEL, LABEL_WORDS, Schema, object_of, text

if TYPE_CHECKING:
    from compiler.environment import Environment

POLICY = Ref("networking.k8s.io/v1", "NetworkPolicy", "mlflow-server")

KEYS: dict[str, Schema] = {
    "networkPolicy": object_of(
        "Who may talk to whom.",
        {
            "enabled": {"type": "boolean", "description": "Whether policies are part of the overlay.", "default": True},
            "clients": {
                "type": "array",
                "description": "Namespaces whose pods may reach the server, beside its own: name the Ingress controller's too. "
                "Every namespace without it.",
                "items": text("A namespace.", LABEL, LABEL_WORDS),
                "minItems": 1,
                "uniqueItems": True,
            },
        },
    )
}


@dataclass(frozen=True)
class NetworkPolicy:
    """Whether policies are part of the overlay, and the namespaces of clients; None is all of them."""

    enabled: bool
    clients: tuple[str, ...] | None

    def sources(self, namespace: str) -> list[dict[str, Any]] | None:
        """What may reach the server, as an Ingress rule's `from`; None is what the base says. In: the overlay's namespace."""
        if not self.enabled or self.clients is None:
            return None
        names = sorted({namespace, *self.clients})
        return [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}} for name in names]


def read(values: Mapping[str, Any], kind: Kind) -> NetworkPolicy:
    """The choice of policies."""
    given = values.get("networkPolicy", {})
    clients = given.get("clients")
    return NetworkPolicy(given.get("enabled", True), tuple(clients) if clients is not None else None)


def check(environment: Environment) -> Iterable[Finding]:
    """A list of clients means nothing without policies."""
    policy = environment.network_policy
    if policy.clients is not None and not policy.enabled:
        yield Finding(
            ("networkPolicy", "clients"),
            "conflicting-keys",
            "clients are named, but no policy is part of the overlay to hold anybody else back",
            "set enabled: true, or remove clients",
            at_key=True,
        )


def plan(environment: Environment) -> Overlay:
    """The clients of the server; or the removal of every policy."""
    policy = environment.network_policy
    if not policy.enabled:
        reason = "networkPolicy.enabled is false: somebody else writes them"
        waiver = Waiver("no-network-policy", reason, ("networkPolicy", "enabled"))
        return Overlay(components=("networkpolicy-off",), waivers=(waiver,))
    if (sources := policy.sources(environment.namespace.name)) is None:
        return Overlay()
    why = "the namespaces whose pods may reach the server"
    return Overlay(
        changes=(Change(POLICY, ("spec", "ingress", 0, "from"), sources, ("networkPolicy", "clients"), why),)
    )
