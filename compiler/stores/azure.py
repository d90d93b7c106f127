"""A container of Azure Blob Storage.

The server logs in as a managed identity or application that trusts its service account (Microsoft Entra Workload ID), or
with the access key of the storage account, or a connection string, from a Secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compiler import lifecycle
from compiler.diagnostic import Finding
from compiler.identity import SHADOWS
from compiler.kind import Kind
from compiler.lifecycle import Lifecycle
from compiler.overlay import SERVICE_ACCOUNT, Change, Overlay, Secret, SecretKey
from compiler.part import Schema, choice, text
from compiler.route import Route
from compiler.store import EXISTING_SECRET, PREFIX, SECRET, joined, outside, steps, unwanted, variables

if TYPE_CHECKING:
    from compiler.environment import Environment

NAME = "a container of Azure Blob Storage"
CLOSED: Mapping[str, str] = {"presigned": "needs URLs that MLflow signs for stores that speak S3's protocol alone"}
SIGNS = False
_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_UUID_WORDS = "an id like 11111111-2222-3333-4444-555555555555"
_HOSTS = {
    "public": "blob.core.windows.net",
    "china": "blob.core.chinacloudapi.cn",
    "government": "blob.core.usgovcloudapi.net",
}
"""The hosts that MLflow's `AzureBlobArtifactRepository` takes."""
_CREDENTIALS = {
    "access-key": ("AZURE_STORAGE_ACCESS_KEY", "an access key of the storage account"),
    "connection-string": ("AZURE_STORAGE_CONNECTION_STRING", "the connection string of the storage account"),
}
KEYS: dict[str, Schema] = {
    "storageAccount": text(
        "The storage account.", "[a-z0-9]{3,24}", "3 to 24 lower-case letters and digits", examples=["acmemlflow"]
    ),
    "container": text(
        "The container of the storage account.",
        "[a-z0-9](?:-?[a-z0-9]){2,62}",
        "3 to 63 lower-case letters, digits and single dashes, starting and ending with a letter or digit",
        examples=["mlflow"],
    ),
    "cloud": choice(
        "The cloud that the storage account is in.",
        {name: f"Under {host}." for name, host in _HOSTS.items()},
        default="public",
    ),
    "prefix": PREFIX,
    "existingSecret": EXISTING_SECRET,
    "credential": choice(
        "What the Secret holds.",
        {name: f"Under {key}, {what}." for name, (key, what) in _CREDENTIALS.items()},
        default="access-key",
    ),
    "clientId": text(
        "The client id of the managed identity or application that trusts the service account.",
        _UUID,
        _UUID_WORDS,
        examples=["11111111-2222-3333-4444-555555555555"],
    ),
    "tenantId": text("Its tenant; the cluster's own without it.", _UUID, _UUID_WORDS),
    **lifecycle.KEYS,
}


@dataclass(frozen=True)
class Azure:
    """The container, and who may use it."""

    account: str
    container: str
    host: str
    prefix: str
    existing_secret: str
    credential: str
    client_id: str | None
    tenant_id: str | None
    lifecycle: Lifecycle

    @property
    def uri(self) -> str:
        """The URI that MLflow keeps artifacts under."""
        return joined(f"wasbs://{self.container}@{self.account}.{self.host}", self.prefix)


def read(given: Mapping[str, Any], kind: Kind) -> Azure:
    """The container of an environment."""
    return Azure(
        account=given.get("storageAccount", ""),
        container=given.get("container", ""),
        host=_HOSTS[given.get("cloud", "public")],
        prefix=given.get("prefix", ""),
        existing_secret=given.get("existingSecret", SECRET),
        credential=given.get("credential", "access-key"),
        client_id=given.get("clientId"),
        tenant_id=given.get("tenantId"),
        lifecycle=lifecycle.read(given),
    )


def check(environment: Environment) -> Iterable[Finding]:
    """A prefix that MLflow refuses, and keys of the other way to log in."""
    azure: Azure = environment.artifacts.settings
    yield from steps(azure.prefix)
    if environment.kind.identity == "keys":
        reason, hint = "its server logs in with a key", "remove it, or use overlay: azure-workload-identity"
        keys = ("clientId", "tenantId")
    else:
        reason, hint = "the pod has an identity, and keys would win over it", "remove it, or use overlay: azure-keys"
        keys = ("existingSecret", "credential")
    for key in keys:
        yield from unwanted(environment, key, reason, hint)


def plan(environment: Environment) -> Overlay:
    """The way to the container, and the server's identity or key."""
    azure: Azure = environment.artifacts.settings
    return outside(environment) + (_keys(azure) if environment.kind.identity == "keys" else _identity(azure))


def _identity(azure: Azure) -> Overlay:
    changes = tuple(
        Change(
            SERVICE_ACCOUNT,
            ("metadata", "annotations", f"azure.workload.identity/{name}"),
            value,
            ("artifacts", key),
            "the identity that the server's pods have",
        )
        for name, key, value in (("client-id", "clientId", azure.client_id), ("tenant-id", "tenantId", azure.tenant_id))
        if value
    )
    return Overlay(components=("identity-azure",), changes=changes, shadows=SHADOWS["azure", "workload-identity"])


def _keys(azure: Azure) -> Overlay:
    name, purpose = _CREDENTIALS[azure.credential]
    because: Route = ("artifacts", "existingSecret")
    secret = Secret(azure.existing_secret, (SecretKey(name, purpose, "..."),), because, in_cluster=False)
    component = f"identity-azure-{azure.credential}"
    return Overlay(components=(component,), secrets=(secret,)) + variables(azure.existing_secret, [name])
