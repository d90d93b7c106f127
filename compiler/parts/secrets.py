"""Where the values of Secrets come from. No value ever stands in a manifest, an argument or a URI.

- `existing`: you create the Secrets; the overlay's SECRETS.md says which, and how.
- `generated`: for what runs inside the cluster, strong random values are created once, in files beside the overlay that git
  ignores, and a secretGenerator reads them. They are never overwritten and never printed.

With `externalSecrets` the External Secrets Operator, from version 0.16, makes every Secret that is not generated, out of a store
that the cluster knows as a SecretStore or ClusterSecretStore: Vault, AWS Secrets Manager, and others. The overlay has an
ExternalSecret for each. In the store a Secret is a JSON object of the name `prefix` and the Secret's own, or the one that `names`
gives it, with a property for each key; SECRETS.md lists them. Those under `except` are left to you, or to cert-manager.
[secrets.md](secrets.md) has Sealed Secrets, SOPS and rotation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compiler.diagnostic import Finding
from compiler.formats import NAME
from compiler.kind import Kind, Secrets
from compiler.overlay import External, Overlay
from compiler.part import Schema, choice, formatted, object_of, secret_name, text
from compiler.stores import SETUPS

if TYPE_CHECKING:
    from compiler.environment import Environment

KEYS: dict[str, Schema] = {
    "secrets": choice(
        "Where the values of Secrets come from. The kind chooses without the key.",
        {
            "existing": "You create the Secrets in the cluster; SECRETS.md lists them.",
            "generated": "Values are made up once, beside the overlay, in files that git ignores. For development.",
        },
    ),
    "externalSecrets": object_of(
        "Has the External Secrets Operator make the Secrets that are not generated.",
        {
            "store": formatted("The SecretStore.", NAME, examples=["vault"]),
            "storeKind": choice(
                "What kind of store it is.",
                {
                    "SecretStore": "One of the environment's namespace.",
                    "ClusterSecretStore": "One for the whole cluster.",
                },
                default="SecretStore",
            ),
            "prefix": text(
                "What names in the store begin with.",
                r"[A-Za-z0-9_./+=@-]{1,200}",
                "letters, digits and '_./+=@-'",
                examples=["prod/mlflow/"],
            ),
            "names": {
                "type": "object",
                "description": "Names in the store, by Secret, where they are not the prefix and the Secret's own.",
                "additionalProperties": text(
                    "A name in the store.", r"[A-Za-z0-9_./+=@-]{1,500}", "letters, digits and '_./+=@-'"
                ),
            },
            "except": {
                "type": "array",
                "description": "Secrets that somebody else makes, as cert-manager does.",
                "items": secret_name("A Secret."),
                "uniqueItems": True,
            },
            "refreshInterval": text(
                "How often the store is asked.",
                "[1-9][0-9]{0,3}[mh]",
                "a number of minutes or hours, like 1h",
                default="1h",
            ),
        },
        required=["store"],
    ),
}


@dataclass(frozen=True)
class Provision:
    """Where the values of Secrets come from."""

    source: Secrets
    external: External | None


def read(values: Mapping[str, Any], kind: Kind) -> Provision:
    """Where values come from; the kind's own choice without the key."""
    return Provision(values.get("secrets", kind.secrets), _external(values.get("externalSecrets")))


def _external(given: Mapping[str, Any] | None) -> External | None:
    if given is None:
        return None
    return External(
        store=given.get("store", ""),
        store_kind=given.get("storeKind", "SecretStore"),
        prefix=given.get("prefix", ""),
        names=dict(sorted(given.get("names", {}).items())),
        besides=tuple(given.get("except", ())),
        refresh_interval=given.get("refreshInterval", "1h"),
    )


def check(environment: Environment) -> Iterable[Finding]:
    """Only what runs inside the cluster can be given a password that nobody knows."""
    if environment.secrets.source != "generated":
        return
    if environment.kind.store not in SETUPS and not environment.database.in_cluster:
        yield Finding(
            ("secrets",),
            "nothing-to-generate",
            "neither the database nor the object store runs inside the cluster, so there is no password to make up",
            "remove the key, and create the Secrets that SECRETS.md lists",
        )
    for key, chosen, inside in (
        ("artifacts", "existingSecret" in environment.artifacts.given, environment.kind.store in SETUPS),
        ("database", environment.database.existing_secret_given, environment.database.in_cluster),
    ):
        if chosen and inside:
            yield Finding(
                (key, "existingSecret"),
                "conflicting-keys",
                f"{key}.existingSecret names a Secret of yours, but secrets: generated creates it",
                "set secrets: existing, or remove existingSecret",
                at_key=True,
            )


def plan(environment: Environment) -> Overlay:
    """Whether values are generated, and where the others come from."""
    return Overlay(generate_secrets=environment.secrets.source == "generated", external=environment.secrets.external)
