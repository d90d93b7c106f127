"""The object stores that speak S3's protocol, and how each is reached: host, region, and where requests name the bucket.

Sources: each provider's page on its S3 interface, and the list of deployKF's guide to external object stores.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Provider:
    """Who runs a store. `host` is its public one, with the region where that is a part of it; empty where each has its own.

    `domains` are the ends of all its hosts. `virtual` says that it takes requests with the bucket in the host name alone.
    """

    words: str
    host: str = ""
    domains: tuple[str, ...] = ()
    region: str = "us-east-1"
    """What is signed for where nobody said a region; empty where one has to be said."""
    virtual: bool = False


PROVIDERS: dict[str, Provider] = {
    "amazon": Provider("Amazon S3", "s3.{region}.amazonaws.com", (".amazonaws.com", ".amazonaws.com.cn"), ""),
    "google": Provider(
        "Google Cloud Storage, by its XML API and HMAC keys", "storage.googleapis.com", (".googleapis.com",), "auto"
    ),
    "alibaba": Provider(
        "Alibaba Cloud OSS, by its S3 interface", "s3.oss-{region}.aliyuncs.com", (".aliyuncs.com",), "", virtual=True
    ),
    "ibm": Provider(
        "IBM Cloud Object Storage", "s3.{region}.cloud-object-storage.appdomain.cloud", (".appdomain.cloud",), ""
    ),
    "wasabi": Provider("Wasabi", "s3.{region}.wasabisys.com", (".wasabisys.com",), ""),
    "minio": Provider("a MinIO of your own"),
    "ceph": Provider("a Ceph of your own"),
    "azure": Provider("Azure Blob Storage, behind S3Proxy or another translation"),
    "other": Provider("another store that speaks S3's protocol"),
}
"""Every provider, by the word for it."""


def of_endpoint(endpoint: str | None) -> str:
    """Who has an endpoint: Amazon where there is none."""
    if endpoint is None:
        return "amazon"
    host = urlsplit(endpoint).hostname or ""
    return next((name for name, each in PROVIDERS.items() if each.domains and host.endswith(each.domains)), "other")


def host_of(provider: str, region: str) -> str:
    """The public host of a provider, or nothing where each store has its own."""
    host = PROVIDERS[provider].host.format(region=region)
    return f"{host}.cn" if provider == "amazon" and region.startswith("cn-") else host
