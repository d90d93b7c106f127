"""A bucket of Alibaba Cloud OSS, through its S3 interface, for which MLflow's image has a client.

MLflow's plug-in for `oss://`, aliyunstoreplugin 1.0.0, is in no image of MLflow's, and this MLflow can't load it: it takes
no `tracking_uri`. A RAM role (RRSA) is something that no client in the image knows, so access keys are the one way to log in.

The interface answers under https://s3.oss-<region>.aliyuncs.com, for buckets in the host name alone:
https://www.alibabacloud.com/help/en/oss/developer-reference/compatibility-with-amazon-s3
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compiler import bucket, lifecycle
from compiler.diagnostic import Finding
from compiler.kind import Kind
from compiler.lifecycle import Lifecycle
from compiler.overlay import Overlay, setting
from compiler.part import Schema
from compiler.store import BUCKET, EXISTING_SECRET, PREFIX, SECRET, joined, outside, steps

if TYPE_CHECKING:
    from compiler.environment import Environment

NAME = "a bucket of Alibaba Cloud OSS"
CLOSED: Mapping[str, str] = {}
SIGNS = True
KEYS: dict[str, Schema] = {
    "bucket": BUCKET,
    "prefix": PREFIX,
    "region": bucket.REGION,
    "endpoint": bucket.ENDPOINT,
    "existingSecret": EXISTING_SECRET,
    **lifecycle.KEYS,
}


@dataclass(frozen=True)
class Oss:
    """The bucket, and the address of the S3 interface."""

    bucket: str
    prefix: str
    region: str
    endpoint: str
    existing_secret: str
    lifecycle: Lifecycle

    @property
    def uri(self) -> str:
        """The URI that MLflow keeps artifacts under."""
        return joined(f"s3://{self.bucket}", self.prefix)


def read(given: Mapping[str, Any], kind: Kind) -> Oss:
    """The bucket of an environment."""
    region = given.get("region", "").removeprefix("oss-")
    return Oss(
        bucket=given.get("bucket", "mlflow"),
        prefix=given.get("prefix", ""),
        region=region,
        endpoint=given.get("endpoint", f"https://s3.oss-{region}.aliyuncs.com"),
        existing_secret=given.get("existingSecret", SECRET),
        lifecycle=lifecycle.read(given),
    )


def check(environment: Environment) -> Iterable[Finding]:
    """Names that OSS forbids."""
    oss: Oss = environment.artifacts.settings
    if {".", "_"} & set(oss.bucket):
        message = f"'{oss.bucket}' cannot be the name of a bucket: OSS takes letters, digits and dashes alone"
        hint = "choose a name of lower-case letters, digits and dashes"
        yield Finding(("artifacts", "bucket"), "bad-bucket", message, hint)
    yield from steps(oss.prefix)


def plan(environment: Environment) -> Overlay:
    """The way to the bucket, the settings of the client, and the server's access keys."""
    oss: Oss = environment.artifacts.settings
    why = "OSS refuses a bucket in the path"
    style = setting("MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE", "virtual", ("artifacts", "region"), why)
    changes = (*bucket.client(oss.region, oss.endpoint), style)
    overlay = outside(environment, oss.endpoint) + Overlay(changes=changes)
    return overlay + bucket.keys(oss.existing_secret, in_cluster=False)
