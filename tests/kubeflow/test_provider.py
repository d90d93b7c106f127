"""The object stores that Kubeflow Pipelines can be put on: each is reached under its own host, in the way that it answers."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from compiler.kubeflow.provider import PROVIDERS
from compiler.kubeflow.settings import API_SERVER, CONTROLLER, INSTALL, LAUNCHER, UI
from tests.kubeflow import findings, planned
from tests.parts import Values, changes

ENV = "spec.template.spec.containers[name=ml-pipeline-{}].env[name={}].value"
REACHED: dict[str, tuple[Values, str, str, bool]] = {
    "amazon": ({"region": "eu-west-1"}, "s3.eu-west-1.amazonaws.com", "s3", True),
    "google": ({}, "storage.googleapis.com", "minio", True),
    "alibaba": ({"region": "eu-central-1"}, "s3.oss-eu-central-1.aliyuncs.com", "minio", False),
    "ibm": ({"region": "eu-de"}, "s3.eu-de.cloud-object-storage.appdomain.cloud", "minio", True),
    "wasabi": ({"region": "eu-central-2"}, "s3.eu-central-2.wasabisys.com", "minio", True),
    "minio": ({"endpoint": "https://minio.acme.example"}, "minio.acme.example", "minio", True),
    "ceph": ({"endpoint": "https://rgw.acme.example"}, "rgw.acme.example", "minio", True),
    "azure": ({"endpoint": "https://s3proxy.acme.example"}, "s3proxy.acme.example", "minio", True),
    "other": ({"endpoint": "https://s3.acme.example"}, "s3.acme.example", "minio", True),
}
"""What an environment says beside `provider`; host, scheme, and whether the bucket is named in the path."""


def environment(provider: str, **more: Any) -> Values:
    """An environment of a release whose clients take all of them."""
    store = {"bucket": "acme-pipelines", "provider": provider, **REACHED[provider][0], **more}
    return {"overlay": "kfp-keys", "artifacts": store, "pipelines": {"version": "2.14.4"}}


def test_reached__is_every_provider() -> None:
    assert REACHED.keys() == PROVIDERS.keys()


@pytest.mark.parametrize("provider", REACHED)
def test_clients__are_all_told_the_same(provider: str) -> None:
    _, host, scheme, path = REACHED[provider]
    overlay = planned(environment(provider))
    server, web = changes(overlay, API_SERVER), changes(overlay, UI)
    asked = {name: server[ENV.format("api-server", f"OBJECTSTORECONFIG_{name}")] for name in ("HOST", "PORT", "SECURE")}
    assert asked == {"HOST": host, "PORT": "", "SECURE": "true"}
    assert {web[ENV.format("ui", name)] for name in ("AWS_S3_ENDPOINT", "MINIO_HOST")} == {host}
    assert web[ENV.format("ui", "ARGO_ARCHIVE_ARTIFACTORY")] == scheme
    stored = yaml.safe_load(changes(overlay, CONTROLLER)["data.artifactRepository"])["s3"]
    assert (stored["endpoint"], stored["insecure"], stored["bucket"]) == (host, False, "acme-pipelines")
    launcher = changes(overlay, LAUNCHER)
    [(name, settings)] = yaml.safe_load(launcher["data.providers"]).items()
    assert (name, settings["default"]["endpoint"], settings["default"]["forcePathStyle"]) == (scheme, host, path)
    root = f"{scheme}://acme-pipelines/v2/artifacts/kubeflow"
    assert {launcher["data.defaultPipelineRoot"], changes(overlay, INSTALL)["data.defaultPipelineRoot"]} == {root}


def test_clients__are_told_a_port_that_is_not_the_usual_one() -> None:
    overlay = planned(environment("minio", endpoint="http://minio.acme.example:9000"))
    server, web = changes(overlay, API_SERVER), changes(overlay, UI)
    asked = {name: server[ENV.format("api-server", f"OBJECTSTORECONFIG_{name}")] for name in ("HOST", "PORT", "SECURE")}
    assert asked == {"HOST": "minio.acme.example", "PORT": "9000", "SECURE": "false"}
    assert (web[ENV.format("ui", "MINIO_PORT")], web[ENV.format("ui", "MINIO_SSL")]) == ("9000", "false")
    stored = yaml.safe_load(changes(overlay, CONTROLLER)["data.artifactRepository"])["s3"]
    assert (stored["endpoint"], stored["insecure"]) == ("minio.acme.example:9000", True)


@pytest.mark.parametrize("provider", [name for name, (more, *_) in REACHED.items() if more])
def test_missing__region_or_endpoint_is_asked_for(provider: str) -> None:
    values = environment(provider)
    for key in REACHED[provider][0]:
        del values["artifacts"][key]
    assert findings(values) == ["missing-key"]


@pytest.mark.parametrize(
    ("endpoint", "codes"),
    [
        ("https://s3.acme.example", ["conflicting-keys"]),
        ("https://s3.eu-west-1.amazonaws.com:444", ["conflicting-keys"]),
        ("http://s3.eu-west-1.amazonaws.com", ["conflicting-keys"]),
        ("https://s3.dualstack.eu-west-1.amazonaws.com", []),
    ],
)
def test_endpoint__is_one_of_the_providers(endpoint: str, codes: list[str]) -> None:
    assert findings(environment("amazon", endpoint=endpoint)) == codes


def test_provider__follows_from_the_endpoint() -> None:
    values = environment("ceph")
    del values["artifacts"]["provider"]
    assert changes(planned(values), INSTALL)["data.defaultPipelineRoot"].startswith("minio://")
    values["artifacts"] |= {"endpoint": "https://s3.eu-west-1.amazonaws.com", "region": "eu-west-1"}
    assert changes(planned(values), INSTALL)["data.defaultPipelineRoot"].startswith("s3://")


def test_alibaba__is_refused_by_releases_that_name_the_bucket_in_the_path() -> None:
    values = environment("alibaba")
    assert findings({**values, "pipelines": {"version": "2.17.0"}}) == ["unsupported-version"]
