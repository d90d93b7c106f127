"""Whether an MLflow of the same project keeps anything where pipelines do, or the other way round.

What one of them deletes, lets expire or may read would be the other's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from compiler import backup, bucket
from compiler.diagnostic import Finding
from compiler.kubeflow.provider import PROVIDERS, of_endpoint

if TYPE_CHECKING:
    from compiler.environment import Environment
    from compiler.kubeflow.installation import Installation, Store

_PORTS = {"minio": 9000, "versitygw": 7070}
"""Stores in the cluster, and where they listen."""

_NAMED = {"gcs": "google", "oss": "alibaba"}
"""Stores of MLflow whose owner is known from the store alone."""
_CLUSTER = (".svc.cluster.local", ".svc")
"""What may follow the name of a Service: it is the same one without."""


def overlapping(installation: Installation) -> Iterator[Finding]:
    """Finds a prefix of an MLflow in the same bucket that is above, below or at one of pipelines."""
    store = installation.artifacts
    own = (_pipelines(store), store.bucket)
    route = ("artifacts", "prefix" if "prefix" in store.given else "bucket")
    for name, environment in sorted((installation.others or {}).items()):
        for what, place, theirs in _kept(environment):
            met = [prefix for prefix in store.layout.backend if place == own and overlap(theirs, prefix)]
            if met:
                where = f"under {theirs}/" if theirs else "at the top"
                message = f"the {what} of {name} are {where} of the same bucket, which is not apart from {_listed(met)}"
                hint = f"set artifacts.prefix here or in overlays/{name}/environment.yaml, or use another bucket"
                yield Finding(route, "overlapping-prefixes", message, hint)


def overlap(one: str, other: str) -> bool:
    """Whether one prefix is the other or lies below it, step by step: `artifacts-old` is apart from `artifacts`."""
    first, second = ([step for step in prefix.split("/") if step] for prefix in (one, other))
    shorter = min(len(first), len(second))
    return first[:shorter] == second[:shorter]


def _listed(prefixes: list[str]) -> str:
    return ", ".join(f"{prefix}/" for prefix in prefixes)


def _pipelines(store: Store) -> str:
    """Whose a store is, in a way that two names of the same come out alike."""
    if PROVIDERS[store.provider].domains:
        return f"amazon {bucket.partition(store.region)}" if store.is_amazon else store.provider
    return _address(f"{'https' if store.secure else 'http'}://{store.address}")


def _kept(environment: Environment) -> Iterator[tuple[str, tuple[str, str], str]]:
    """What an MLflow keeps: in words, the store and the bucket, and the prefix."""
    owner = _owner(environment)
    uris = {"artifacts": environment.artifacts.uri}
    if owner and environment.maintenance.backup:
        uris["backups"] = backup.place(environment, environment.maintenance.backup)
    for what, uri in uris.items() if owner else ():
        url = urlsplit(uri)
        yield what, (owner, url.netloc), url.path.strip("/")


def _owner(environment: Environment) -> str:
    """Whose the store of an MLflow is; nothing where pipelines cannot have the same one."""
    store, settings = environment.artifacts.store, environment.artifacts.settings
    if port := _PORTS.get(store):
        return _address(f"http://{store}.{environment.namespace.name}:{port}")
    if store != "s3":
        return _NAMED.get(store, "")
    provider = of_endpoint(settings.endpoint)
    if not PROVIDERS[provider].domains:
        return _address(settings.endpoint)
    return f"amazon {bucket.partition(settings.region)}" if provider == "amazon" else provider


def _address(endpoint: str) -> str:
    url = urlsplit(endpoint)
    host = url.hostname or ""
    for end in _CLUSTER:
        host = host.removesuffix(end)
    return f"{host}:{url.port or (443 if url.scheme == 'https' else 80)}"
