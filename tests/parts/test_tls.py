"""The part `tls`: a certificate in the server's own pod, and what has to know of it."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.overlay import SERVER, SERVICE
from compiler.parts.ingress import INGRESS
from tests.parts import MINIO, Values, changes, findings, planned, settings

TLS: Values = {"tls": {"existingSecret": "pod-tls"}}
HOST = "mlflow.acme.example"


def test_tls__the_secret_is_a_persons_to_create() -> None:
    overlay = planned(MINIO, **TLS)
    assert "server-tls" in overlay.components
    assert changes(overlay, SERVER)["spec.template.spec.volumes[name=server-tls].secret.secretName"] == "pod-tls"
    [secret] = [each for each in overlay.secrets if each.name == "pod-tls"]
    assert (secret.type, secret.in_cluster) == ("tls", False)
    assert "server-tls" not in planned(MINIO).components


def test_tls__the_port_says_what_it_speaks() -> None:
    found = changes(planned(MINIO, **TLS), SERVICE)
    assert (found["spec.ports[0].name"], found["spec.ports[0].appProtocol"]) == ("https", "https")
    assert changes(planned(MINIO), SERVICE) == {}


@pytest.mark.parametrize(
    ("ingress", "annotations"),
    [
        ({"className": "nginx", "tlsSecret": "cert"}, {"nginx.ingress.kubernetes.io/backend-protocol"}),
        (
            {"className": "alb", "certificateArn": "arn:aws:acm:eu-central-1:123456789012:certificate/a"},
            {"alb.ingress.kubernetes.io/backend-protocol", "alb.ingress.kubernetes.io/healthcheck-protocol"},
        ),
        ({"className": "traefik", "tlsSecret": "cert"}, set()),
    ],
)
def test_tls__ingress_controllers_are_told(ingress: dict[str, str], annotations: set[str]) -> None:
    port = "spec.rules[0].http.paths[0].backend.service.port.name"
    plain = changes(planned(MINIO, host=HOST, ingress=ingress), INGRESS)
    found = changes(planned(MINIO, host=HOST, ingress=ingress, **TLS), INGRESS)
    told = {f"metadata.annotations.{name}" for name in annotations}
    assert found.keys() - plain.keys() == {port, *told}
    assert found[port] == "https"
    assert {found[name] for name in told} <= {"HTTPS"}


def test_tls__a_service_that_is_open_to_the_outside_is_https() -> None:
    outside: dict[str, Any] = {"host": HOST, "service": {"type": "LoadBalancer", "port": 443}}
    assert findings(MINIO, **outside) == ["plain-http"]
    assert findings(MINIO, **outside, **TLS) == []
    assert settings(MINIO, **outside, **TLS)["MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"] == f"https://{HOST}"


@pytest.mark.parametrize(
    ("more", "codes"),
    [
        ({}, []),
        ({"mlflow": {"jobs": True}}, ["conflicting-keys"]),
        ({"host": HOST, "gateway": {"parentRef": {"name": "public"}}}, ["conflicting-keys"]),
        ({"metrics": {}, "auth": {}}, []),
    ],
)
def test_check__what_would_speak_plain_http(more: dict[str, Any], codes: list[str]) -> None:
    assert findings(MINIO, **more, **TLS) == codes


def test_check__a_proxy_takes_the_connections_itself() -> None:
    login = {"mode": "oidc", "issuer": "https://login.acme.example", "clientId": "mlflow", "emailDomains": ["*"]}
    served = {"host": HOST, "ingress": {"className": "nginx", "tlsSecret": "cert"}}
    assert findings(MINIO, **served, auth=login, **TLS) == ["conflicting-keys"]
    assert findings(MINIO, tls={}) == ["missing-key"]
