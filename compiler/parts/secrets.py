"""Where the values of Secrets come from. No value ever stands in a manifest, an argument or a URI.

- `existing`: you create the Secrets; the overlay's SECRETS.md says which, and how.
- `generated`: for what runs inside the cluster, strong random values are created once, in files beside the overlay that git
  ignores, and a secretGenerator reads them. They are never overwritten and never printed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from compiler.diagnostic import Finding
from compiler.kind import Kind, Secrets
from compiler.overlay import Overlay
from compiler.part import Schema, choice

if TYPE_CHECKING:
    from compiler.environment import Environment

KEYS: dict[str, Schema] = {
    "secrets": choice(
        "Where the values of Secrets come from. The kind chooses without the key.",
        {
            "existing": "You create the Secrets in the cluster; SECRETS.md lists them.",
            "generated": "Values are made up once, beside the overlay, in files that git ignores. For development.",
        },
    )
}


def read(values: Mapping[str, Any], kind: Kind) -> Secrets:
    """Where values come from; the kind's own choice without the key."""
    given: Secrets = values.get("secrets", kind.secrets)
    return given


def check(environment: Environment) -> Iterable[Finding]:
    """Only what runs inside the cluster can be given a password that nobody knows."""
    if environment.secrets != "generated":
        return
    if environment.kind.store != "minio" and not environment.database.in_cluster:
        yield Finding(
            ("secrets",),
            "nothing-to-generate",
            "neither the database nor the object store runs inside the cluster, so there is no password to make up",
            "remove the key, and create the Secrets that SECRETS.md lists",
        )
    for key, chosen, inside in (
        ("artifacts", "existingSecret" in environment.artifacts.given, environment.kind.store == "minio"),
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
    """Whether values are generated."""
    return Overlay(generate_secrets=environment.secrets == "generated")
