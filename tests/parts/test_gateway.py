"""The part `gateway`: which Gateway serves the host, and how."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.overlay import Ref
from compiler.parts.gateway import ROUTE
from tests.parts import MINIO, changes, findings, planned, settings

HOST = {"host": "mlflow.acme.example"}
PARENT = {"parentRef": {"name": "public"}}
SERVER = Ref("apps/v1", "Deployment", "mlflow")


def _route(gateway: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return changes(planned(MINIO, **HOST, gateway=gateway or PARENT, **more), ROUTE)


def test_plan__gateway_and_host() -> None:
    assert _route() == {"spec.parentRefs": [{"name": "public"}], "spec.hostnames": ["mlflow.acme.example"]}


def test_plan__a_listener_of_another_namespace() -> None:
    parent = {"name": "public", "namespace": "gateways", "sectionName": "https", "port": 443}
    assert _route({"parentRef": parent})["spec.parentRefs"] == [parent]


def test_plan__prefix_time_and_port() -> None:
    found = _route(
        {**PARENT, "requestTimeout": "1h30m"}, mlflow={"staticPrefix": "/a"}, service={"port": 80, "type": "ClusterIP"}
    )
    assert found["spec.rules[0].matches[0].path.value"] == "/a"
    assert found["spec.rules[0].timeouts.request"] == "1h30m"
    assert found["spec.rules[0].backendRefs[0].port"] == 80


def test_plan__nothing_without_the_key() -> None:
    overlay = planned(MINIO, **HOST)
    assert "gateway-httproute" not in overlay.components
    assert changes(overlay, ROUTE) == {}


def test_plan__uploads_have_room() -> None:
    def room(**gateway: Any) -> Any:
        overlay = planned(MINIO, **HOST, gateway={**PARENT, **gateway})
        return changes(overlay, SERVER)["spec.template.spec.volumes[name=tmp].emptyDir.sizeLimit"]

    assert room() == "10Gi"
    assert room(maxUploadSize="50Gi") == "100Gi"


def test_origin__has_the_scheme_of_the_listener() -> None:
    def origin(**gateway: Any) -> str:
        found = settings(MINIO, **HOST, gateway={**PARENT, **gateway})
        return str(found["MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"])

    assert origin() == "https://mlflow.acme.example"
    assert origin(tls=False) == "http://mlflow.acme.example"


@pytest.mark.parametrize(
    ("more", "codes"),
    [
        ({**HOST, "gateway": PARENT}, []),
        ({"gateway": PARENT}, ["missing-key"]),
        ({**HOST, "gateway": {}}, ["missing-key"]),
        ({**HOST, "gateway": {"parentRef": {"namespace": "a"}}}, ["missing-key"]),
        ({**HOST, "gateway": {**PARENT, "tls": False}}, ["plain-http"]),
        ({**HOST, "gateway": PARENT, "ingress": {"tlsSecret": "x"}}, ["conflicting-keys"]),
        ({**HOST, "gateway": {**PARENT, "requestTimeout": "1d"}}, ["bad-value"]),
        ({**HOST, "gateway": {**PARENT, "requestTimeout": "3600"}}, ["bad-value"]),
        ({**HOST, "gateway": {"parentRef": {"name": "Public"}}}, ["bad-value"]),
        ({**HOST, "gateway": True}, ["wrong-type"]),
    ],
)
def test_check__what_a_gateway_needs(more: dict[str, Any], codes: list[str]) -> None:
    assert findings(MINIO, **more) == codes
