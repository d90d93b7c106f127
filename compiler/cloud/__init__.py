"""What an environment implies outside the cluster, as documents beside its overlay: buckets, policies, roles, users.

Nothing here is applied. One module is a provider, and each has a directory of its own beside the overlay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from compiler.bucket import is_amazon
from compiler.cloud import alibaba, aws, azure, google, store

if TYPE_CHECKING:
    from compiler.environment import Environment

PROVIDERS: Mapping[str, Callable[[Environment], dict[str, str]]] = {
    "aws": aws.documents,
    "s3": store.documents,
    "google": google.documents,
    "azure": azure.documents,
    "alibaba": alibaba.documents,
}
"""Every provider, by its directory."""
_OF_STORES = {"gcs": "google", "azure": "azure", "oss": "alibaba"}


def provider(environment: Environment) -> str | None:
    """Who has the store of an environment; None where the overlay runs it."""
    if environment.kind.store == "s3":
        endpoint = environment.artifacts.settings.endpoint
        return "s3" if endpoint and not is_amazon(endpoint) else "aws"
    return _OF_STORES.get(environment.kind.store)


def documents(environment: Environment) -> dict[str, str]:
    """The documents of an environment, by their paths beside the overlay."""
    name = provider(environment)
    if name is None or environment.cloud.tool == "none":
        return {}
    return {f"{name}/{path}": text for path, text in PROVIDERS[name](environment).items()}
