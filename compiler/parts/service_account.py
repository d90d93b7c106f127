"""The account that the server's pods run as. It has no rights in the cluster, and pods get no token of it.

The overlay creates it, as `mlflow` or under another `name`: an IAM role trusts one account, by its name. With `create: false` the
pods run as one that is there. Its annotations are its owner's affair, so those of an identity, as `artifacts.roleArn` asks for,
have to be written on it by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compiler.diagnostic import Finding, Severity
from compiler.formats import NAME
from compiler.kind import Kind
from compiler.overlay import POD, SERVER, SERVICE_ACCOUNT, Change, Overlay
from compiler.part import Schema, annotated, formatted, object_of
from compiler.stores import STORES

if TYPE_CHECKING:
    from compiler.environment import Environment

_IDENTITIES = {
    "eks.amazonaws.com/role-arn": ("roleArn", "eks-irsa"),
    "iam.gke.io/gcp-service-account": ("googleServiceAccount", "gke-workload-identity"),
    "azure.workload.identity/client-id": ("clientId", "azure-workload-identity"),
    "azure.workload.identity/tenant-id": ("tenantId", "azure-workload-identity"),
}
"""The annotations that give an account an identity of a cloud, each with the key and the kind that it follows from."""

KEYS: dict[str, Schema] = {
    "serviceAccount": object_of(
        "The account that the server's pods run as.",
        {
            "create": {"type": "boolean", "description": "Whether the overlay creates it.", "default": True},
            "name": formatted("Its name.", NAME, default=SERVICE_ACCOUNT.name),
            "annotations": annotated("Its annotations."),
        },
    )
}


@dataclass(frozen=True)
class ServiceAccount:
    """The account; `name` is None where none was given for one that is there."""

    create: bool
    name: str | None
    annotations: dict[str, str]


def read(values: Mapping[str, Any], kind: Kind) -> ServiceAccount:
    """The account of the server."""
    given = values.get("serviceAccount", {})
    create = given.get("create", True)
    name = given.get("name", SERVICE_ACCOUNT.name if create else None)
    return ServiceAccount(create, name, dict(sorted(given.get("annotations", {}).items())))


def check(environment: Environment) -> Iterable[Finding]:
    """An account that is there has a name, and its own annotations; a role has its own key."""
    account = environment.service_account
    if account.name is None:
        message = "serviceAccount needs the key name: the overlay creates no account, so there is none to run as"
        yield Finding(
            ("serviceAccount", "create"), "missing-key", message, "name the account that is there", at_key=True
        )
    for name in account.annotations.keys() & _IDENTITIES.keys():
        key, kind = _IDENTITIES[name]
        message = f"the annotation {name} follows from artifacts.{key}"
        hint = f"set artifacts.{key}, with overlay: {kind}: elsewhere, keys would silently win over the identity"
        yield Finding(("serviceAccount", "annotations", name), "reserved-setting", message, hint, at_key=True)
    if account.annotations and not account.create:
        message = "annotations are for an account of the overlay, and create: false leaves it to somebody else"
        hint = "annotate it where it is created"
        yield Finding(("serviceAccount", "annotations"), "conflicting-keys", message, hint, at_key=True)
    for change in STORES[environment.artifacts.store].plan(environment).changes:
        if change.target == SERVICE_ACCOUNT and not account.create:
            message = f"the overlay cannot give the account {account.name} its identity"
            hint = f"see that it has the annotation {change.route[-1]}: {change.value}"
            yield Finding(("serviceAccount", "create"), "unannotated-account", message, hint, Severity.WARNING)


def plan(environment: Environment) -> Overlay:
    """The account under its name, or the name of one that is there."""
    account = environment.service_account
    if not account.create:
        change = Change(
            SERVER, (*POD, "serviceAccountName"), account.name, ("serviceAccount", "name"), "an account that is there"
        )
        return Overlay(
            components=("serviceaccount-existing",),
            changes=(change,),
            accounts=(account.name,) if account.name else (),
            removed=(SERVICE_ACCOUNT,),
        )
    changes = tuple(
        Change(
            SERVICE_ACCOUNT,
            ("metadata", "annotations", name),
            value,
            ("serviceAccount", "annotations", name),
            "set by hand",
        )
        for name, value in account.annotations.items()
    )
    renamed = account.name is not None and account.name != SERVICE_ACCOUNT.name
    return Overlay(changes=changes, names={SERVICE_ACCOUNT: account.name} if renamed and account.name else {})
