"""Secrets that the External Secrets Operator makes: what of a store goes into which key.

https://external-secrets.io/latest/api/externalsecret/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compiler.overlay import External, Secret

API_VERSION = "external-secrets.io/v1"
KIND = "ExternalSecret"
_TYPES = {"tls": "kubernetes.io/tls", "docker-registry": "kubernetes.io/dockerconfigjson"}
"""The types of Secrets that kubectl has words for."""
_KEYS = {"tls": ("tls.crt", "tls.key"), "docker-registry": (".dockerconfigjson",)}
_READ = {"conversionStrategy": "Default", "decodingStrategy": "None", "metadataPolicy": "None"}
"""Defaults of the definition, written out: what an API server adds, GitOps tools would take for a difference."""


def keys(secret: Secret) -> tuple[str, ...]:
    """The keys that a Secret has to have; none where all that the store has are taken."""
    return _KEYS.get(secret.type, tuple(key.key for key in secret.keys))


def external_secret(external: External, secret: Secret, labels: Mapping[str, str]) -> dict[str, Any]:
    """The object that has an operator make a Secret, each key from the property of that name."""
    name = external.name(secret)
    target: dict[str, Any] = {"name": secret.name, "creationPolicy": "Owner", "deletionPolicy": "Retain"}
    if secret.type in _TYPES:
        target["template"] = {"type": _TYPES[secret.type], "engineVersion": "v2", "mergePolicy": "Replace"}
    properties = [{"secretKey": key, "remoteRef": {"key": name, "property": key, **_READ}} for key in keys(secret)]
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": secret.name, "labels": dict(labels)},
        "spec": {
            "refreshInterval": external.refresh_interval,
            "secretStoreRef": {"name": external.store, "kind": external.store_kind},
            "target": target,
            **({"data": properties} if properties else {"dataFrom": [{"extract": {"key": name, **_READ}}]}),
        },
    }
