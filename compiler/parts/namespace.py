"""Where everything goes.

The namespace is created by the overlay, with Pod Security *restricted* enforced, audited and warned about. Set
`createNamespace: false` where somebody else creates it; what the overlay runs keeps to *restricted* all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compiler.diagnostic import Finding
from compiler.formats import LABEL
from compiler.kind import Kind
from compiler.overlay import Overlay
from compiler.part import Schema, formatted

if TYPE_CHECKING:
    from compiler.environment import Environment

KEYS: dict[str, Schema] = {
    "namespace": formatted("The namespace that everything goes into.", LABEL, default="mlflow"),
    "createNamespace": {
        "type": "boolean",
        "description": "Whether the overlay creates the namespace, with Pod Security restricted enforced.",
        "default": True,
    },
}

_SHARED = ("default", "kube-system", "kube-public", "kube-node-lease")


@dataclass(frozen=True)
class Namespace:
    """The namespace's name, and whether the overlay creates it."""

    name: str
    create: bool


def read(values: Mapping[str, Any], kind: Kind) -> Namespace:
    """The namespace of an environment."""
    return Namespace(values.get("namespace", "mlflow"), values.get("createNamespace", True))


def check(environment: Environment) -> Iterable[Finding]:
    """A namespace that the cluster itself uses must not be taken over."""
    namespace = environment.namespace
    if namespace.create and namespace.name in _SHARED:
        yield Finding(
            ("namespace",),
            "shared-namespace",
            f"the namespace '{namespace.name}' belongs to the cluster; creating it here would enforce Pod Security on it, "
            "and deleting the overlay would delete it",
            "choose another namespace, or set createNamespace: false",
        )


def plan(environment: Environment) -> Overlay:
    """The namespace's name, and the object where it is created."""
    namespace = environment.namespace
    return Overlay(namespace=namespace.name, components=("namespace-restricted",) if namespace.create else ())
