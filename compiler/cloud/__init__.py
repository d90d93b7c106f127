"""What an environment implies outside the cluster, as documents beside its overlay: buckets, policies, roles, users.

Nothing here is applied. One module is a provider, and each has a directory of its own beside the overlay. A provider is imported
when an environment has it: most commands need one at most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.bucket import is_amazon

if TYPE_CHECKING:
    from compiler.cloud.need import Need
    from compiler.environment import Environment

_OF_STORES = {"gcs": "google", "azure": "azure", "oss": "alibaba"}


def provider(environment: Environment) -> str | None:
    """Who has the store of an environment of MLflow; None where the overlay runs it."""
    if environment.kind.store == "s3":
        endpoint = environment.artifacts.settings.endpoint
        return "s3" if endpoint and not is_amazon(endpoint) else "aws"
    return _OF_STORES.get(environment.kind.store)


def documents(environment: Environment) -> dict[str, str]:
    """The documents of an environment of MLflow, by their paths beside the overlay."""
    name = provider(environment)
    if name is None or environment.cloud.tool == "none":
        return {}
    if name in ("aws", "s3"):
        from compiler.cloud.mlflow import of_amazon, of_another

        return of_need(name, of_amazon(environment) if name == "aws" else of_another(environment))
    if name == "google":
        from compiler.cloud.google import documents as written
    elif name == "azure":
        from compiler.cloud.azure import documents as written
    else:
        from compiler.cloud.alibaba import documents as written
    return _within(name, written(environment))


def of_need(name: str, need: Need) -> dict[str, str]:
    """The documents of a need, by their paths beside the overlay. In: `aws`, or `s3` for any other store."""
    if name == "aws":
        from compiler.cloud.aws import documents as written
    else:
        from compiler.cloud.store import documents as written
    return _within(name, written(need))


def _within(directory: str, files: dict[str, str]) -> dict[str, str]:
    return {f"{directory}/{path}": text for path, text in files.items()}
