"""The names that the server answers to, and the pages that may call it."""

from __future__ import annotations

from fnmatch import fnmatch
from typing import Any

import pytest

from tests.parts import KEYS, MINIO, findings, settings

HOSTS = "MLFLOW_SERVER_ALLOWED_HOSTS"
ORIGINS = "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"
TLS = {"host": "mlflow.acme.example", "ingress": {"tlsSecret": "cert"}}
PLAIN: dict[str, Any] = {"host": "mlflow.acme.example", "ingress": {}}


def _allowed(header: str, **more: Any) -> bool:
    """Whether MLflow, which holds the whole Host header against each pattern, answers."""
    return any(fnmatch(header, pattern) for pattern in settings(MINIO, **more)[HOSTS].split(","))


INSIDE = ["localhost", "127.0.0.1", "mlflow", "mlflow.mlflow", "mlflow.mlflow.svc", "mlflow.mlflow.svc.cluster.local"]


@pytest.mark.parametrize(
    "more", [{}, TLS, PLAIN, {**TLS, "mlflow": {"staticPrefix": "/mlflow"}}, {"host": "a.example"}]
)
def test_hosts__inside_the_cluster_and_forwarded_always(more: dict[str, Any]) -> None:
    for name in INSIDE:
        assert _allowed(name, **more)
        assert _allowed(f"{name}:5000", **more)


@pytest.mark.parametrize("more", [TLS, PLAIN, {"host": "mlflow.acme.example"}])
def test_hosts__the_public_host_with_and_without_port(more: dict[str, Any]) -> None:
    assert _allowed("mlflow.acme.example", **more)
    assert _allowed("mlflow.acme.example:443", **more)
    assert settings(MINIO, **more)[HOSTS].split(",")[0] == "mlflow.acme.example"


def test_hosts__follow_the_namespace() -> None:
    assert _allowed("mlflow.team-a.svc:5000", namespace="team-a")
    assert not _allowed("mlflow.mlflow.svc:5000", namespace="team-a")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "*",
        "evil.example",
        "mlflow.acme.example",
        "mlflow.evil.example",
        "mlflow.evil.svc",
        "evil.localhost",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example:5000",
        "10.0.0.1",
        "169.254.169.254",
    ],
)
def test_hosts__nothing_else(header: str) -> None:
    """So a page of another site cannot reach the server by a name that it makes its own (DNS rebinding)."""
    assert not _allowed(header)


@pytest.mark.parametrize("more", [{}, TLS])
def test_hosts__no_pattern_is_wider_than_a_port(more: dict[str, Any]) -> None:
    for pattern in settings(MINIO, **more)[HOSTS].split(","):
        assert not set("?[]") & set(pattern)
        assert "*" not in pattern.removesuffix(":*")


@pytest.mark.parametrize(
    ("more", "origin"),
    [
        ({}, None),
        (TLS, "https://mlflow.acme.example"),
        ({"host": "mlflow.acme.example", "ingress": {"clusterIssuer": "x"}}, "https://mlflow.acme.example"),
        (PLAIN, "http://mlflow.acme.example"),
        ({"host": "mlflow.acme.example"}, "https://mlflow.acme.example"),
        ({**TLS, "mlflow": {"staticPrefix": "/mlflow"}}, "https://mlflow.acme.example"),
        ({**TLS, "service": {"type": "NodePort", "nodePort": 30500}}, "https://mlflow.acme.example"),
        ({"host": "mlflow.acme.example", "service": {"type": "LoadBalancer"}}, "http://mlflow.acme.example:5000"),
        (
            {"host": "mlflow.acme.example", "service": {"type": "LoadBalancer", "port": 80}},
            "http://mlflow.acme.example",
        ),
        (
            {"host": "mlflow.acme.example", "service": {"type": "NodePort", "nodePort": 30500, "port": 80}},
            "http://mlflow.acme.example:30500",
        ),
        (
            {
                "host": "mlflow.acme.example",
                "service": {"type": "LoadBalancer", "port": 443, "annotations": {"a.example/ssl-cert": "arn"}},
            },
            "https://mlflow.acme.example",
        ),
    ],
)
def test_origins__the_public_host_under_its_scheme(more: dict[str, Any], origin: str | None) -> None:
    assert settings(MINIO, **more).get(ORIGINS) == origin


def test_check__a_host_that_nothing_serves_is_a_warning() -> None:
    assert findings(KEYS, host="mlflow.acme.example") == ["host-unserved"]
    assert findings(KEYS, **TLS) == []
    assert findings(KEYS) == []


@pytest.mark.parametrize(
    "host",
    ["", "A.example", "https://a.example", "a.example:443", "a.example/x", "a_b.example", "-a", "a-", "a..b", ".a", "a.",
     "*.example", "é.example", "a b", "a\n", "a" * 64, ".".join(["a" * 63] * 4) + ".a"],
)  # fmt: skip
def test_schema__refuses_what_is_no_host(host: str) -> None:
    assert findings(KEYS, host=host) == ["bad-value"]


@pytest.mark.parametrize("host", ["a", "a.b", "1.example", "a-b.example", ".".join(["a" * 61] * 4)])
def test_schema__takes_every_host(host: str) -> None:
    assert findings(KEYS, host=host) == ["host-unserved"]
