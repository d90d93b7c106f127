"""What the launcher of a step of Kubeflow Pipelines makes of its ConfigMap, read anew from the structures of its source.

The source is backend/src/v2/config and backend/src/v2/objectstore of github.com/kubeflow/pipelines, which is the same in what
matters here from 2.14 to 2.17, but for `structured`. Unlike the launcher, this lets no unknown key pass.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

_ROOT: Final = re.compile(r"(?P<scheme>minio|s3)://(?P<bucket>[^/?]+)(?P<path>/[^?]*)?")
"""A root that may name neither endpoint nor region: with a query, `providers` would count for nothing."""
_SCHEMES = ("minio", "s3", "gs")
_REQUIRED = {"endpoint": str, "region": str, "disableSSL": bool, "credentials": dict}
_OPTIONAL = {"forcePathStyle": bool, "maxRetries": int}
_SECRET = {"secretName": str, "accessKeyKey": str, "secretKeyKey": str}


@dataclass(frozen=True)
class Session:
    """Where a step keeps its artifacts, and how it reaches the store. `keys` are None where the pod's environment has them."""

    bucket: str
    prefix: str
    endpoint: str | None
    region: str | None
    path_style: bool
    keys: tuple[str, str] | None

    @property
    def variables(self) -> dict[str, str]:
        """The same for a client of S3."""
        identity = dict(zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), self.keys or (), strict=False))
        region = {"AWS_DEFAULT_REGION": self.region} if self.region else {}
        return {**region, **identity}


def session(data: Mapping[str, str], secrets: Mapping[str, Mapping[str, str]], *, structured: bool = True) -> Session:
    """What a ConfigMap `kfp-launcher` and the Secrets beside it say. `structured`: whether a step with a role, which has its
    keys from its environment, is told of endpoint and region, as from 2.17 on.
    """
    assert set(data) <= {"defaultPipelineRoot", "providers"}, data
    root = _ROOT.fullmatch(data["defaultPipelineRoot"])
    assert root, data["defaultPipelineRoot"]
    prefix = (root["path"] or "").strip("/") + "/"
    providers = yaml.safe_load(data["providers"])
    assert set(providers) <= set(_SCHEMES), providers
    given = providers[root["scheme"]]
    assert set(given) == {"default"}, given
    default = _checked(given["default"], _REQUIRED, _OPTIONAL)
    keys = _keys(default["credentials"], secrets)
    style = default.get("forcePathStyle", True)
    if keys is None and not structured:
        return Session(root["bucket"], prefix, None, None, style, None)
    scheme = "http" if default["disableSSL"] else "https"
    return Session(root["bucket"], prefix, f"{scheme}://{default['endpoint']}", default["region"], style, keys)


def _keys(credentials: Mapping[str, Any], secrets: Mapping[str, Mapping[str, str]]) -> tuple[str, str] | None:
    if credentials["fromEnv"]:
        assert credentials == {"fromEnv": True}, credentials
        return None
    _checked(credentials, {"fromEnv": bool, "secretRef": dict}, {})
    reference = _checked(credentials["secretRef"], _SECRET, {})
    secret = secrets[reference["secretName"]]
    return secret[reference["accessKeyKey"]], secret[reference["secretKeyKey"]]


def _checked(given: Mapping[str, Any], required: Mapping[str, type], optional: Mapping[str, type]) -> Mapping[str, Any]:
    """A structure with every field that it needs, and none that it does not know."""
    assert set(required) <= set(given) <= {*required, *optional}, given
    for name, value in given.items():
        assert type(value) is {**required, **optional}[name], (name, value)
    return given
