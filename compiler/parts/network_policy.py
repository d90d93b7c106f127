"""Who may talk to whom.

On by default, and computed from what the environment runs: the server reaches its database, its object store, the
cluster's DNS (and STS where a role is used), and nothing else; a database or object store in the cluster is reachable from
MLflow alone. Every pod of the cluster may reach the server; `clients` narrows that to some namespaces. What stands outside
the cluster and is not let in by `service.type` or `ingress.controller` is let in by `addresses`: the subnets of a load balancer.

In a namespace that the overlay creates, a pod that no policy selects reaches nothing and is reached by nothing. Pods that
cert-manager starts for a challenge, and those that a controller starts for a Gateway, are left alone.

Policies bind only where the cluster's network plugin enforces them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compiler.controller import PRIVATE
from compiler.diagnostic import Finding
from compiler.formats import CIDR, LABEL
from compiler.kind import Kind
from compiler.overlay import Change, Overlay, Ref, Waiver
from compiler.part import Schema, formatted, object_of
from compiler.peer import unreadable
from compiler.route import Route

if TYPE_CHECKING:
    from compiler.environment import Environment

POLICY = Ref("networking.k8s.io/v1", "NetworkPolicy", "mlflow-server")
ARTIFACT_POLICY = Ref("networking.k8s.io/v1", "NetworkPolicy", "mlflow-artifacts")

KEYS: dict[str, Schema] = {
    "networkPolicy": object_of(
        "Who may talk to whom.",
        {
            "enabled": {"type": "boolean", "description": "Whether policies are part of the overlay.", "default": True},
            "clients": {
                "type": "array",
                "description": "Namespaces whose pods may reach the server, beside its own: name the Ingress controller's too. "
                "Every namespace without it.",
                "items": formatted("A namespace.", LABEL),
                "minItems": 1,
                "uniqueItems": True,
            },
            "addresses": {
                "type": "array",
                "description": "Addresses outside the cluster that may reach the server, like the subnets of a load balancer.",
                "items": formatted("Addresses.", CIDR, examples=["10.1.0.0/16", "2001:db8::/32"]),
                "minItems": 1,
                "uniqueItems": True,
            },
        },
    )
}


@dataclass(frozen=True)
class NetworkPolicy:
    """Whether policies are part of the overlay, the namespaces of clients (None is all of them), and addresses outside."""

    enabled: bool
    clients: tuple[str, ...] | None
    addresses: tuple[str, ...]


def read(values: Mapping[str, Any], kind: Kind) -> NetworkPolicy:
    """The choice of policies."""
    given = values.get("networkPolicy", {})
    clients = given.get("clients")
    return NetworkPolicy(
        given.get("enabled", True), tuple(clients) if clients is not None else None, tuple(given.get("addresses", ()))
    )


def check(environment: Environment) -> Iterable[Finding]:
    """A list of clients or addresses means nothing without policies."""
    policy = environment.network_policy
    for key, value in (("clients", policy.clients), ("addresses", policy.addresses or None)):
        if value is not None and not policy.enabled:
            yield Finding(
                ("networkPolicy", key),
                "conflicting-keys",
                f"{key} are named, but no policy is part of the overlay to hold anybody else back",
                f"set enabled: true, or remove {key}",
                at_key=True,
            )
    for index, written in enumerate(policy.addresses):
        problem, hint = unreadable(written)
        if problem:
            message = f"'{written}' is no range of addresses: {problem}"
            yield Finding(("networkPolicy", "addresses", index), "bad-value", message, hint)


def plan(environment: Environment) -> Overlay:
    """The clients of the server; or the removal of every policy."""
    policy = environment.network_policy
    if not policy.enabled:
        reason = "networkPolicy.enabled is false: somebody else writes them"
        waiver = Waiver("no-network-policy", reason, ("networkPolicy", "enabled"))
        return Overlay(components=("networkpolicy-off",), waivers=(waiver,))
    servers = (POLICY, ARTIFACT_POLICY) if environment.mlflow.mode == "split" else (POLICY,)
    return Overlay(changes=tuple(change for server in servers for change in _admissions(environment, server)))


def _admissions(environment: Environment, target: Ref) -> Iterator[Change]:
    """Who may reach a server; nothing where it is what the base says."""
    policy = environment.network_policy
    alb = environment.ingress is not None and environment.ingress.controller == "alb"
    outside = policy.addresses or (PRIVATE if alb else ())
    if policy.clients is None and not outside:
        return
    sources = [*_pods(environment, policy), *({"ipBlock": {"cidr": cidr}} for cidr in outside)]
    why = "the namespaces and addresses that may reach the server"
    because: Route = ("networkPolicy", "clients" if policy.clients is not None else "addresses")
    if alb and not policy.addresses:
        because = ("ingress", "controller")
    yield Change(target, ("spec", "ingress", 0, "from"), sources, because, why)


def _pods(environment: Environment, policy: NetworkPolicy) -> list[dict[str, Any]]:
    """The pods that may reach the server: those of the clients, or all."""
    if policy.clients is None:
        return [{"namespaceSelector": {}}]
    names = sorted({environment.namespace.name, *policy.clients})
    return [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}} for name in names]
