"""The Service: who can reach it, under which names, and what its keys mean for each type."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.overlay import SERVICE
from tests.parts import MINIO, Values, changes, findings, planned

HOST: Values = {"host": "mlflow.acme.example"}
INGRESS: Values = {**HOST, "ingress": {"tlsSecret": "cert"}}
BALANCED = {"type": "LoadBalancer", "annotations": {"service.beta.kubernetes.io/aws-load-balancer-ssl-cert": "arn"}}


def test_plan__nothing_by_default() -> None:
    overlay = planned(MINIO)
    assert changes(overlay, SERVICE) == {}
    assert "service-outside" not in overlay.components


def test_plan__every_key_in_its_place() -> None:
    service = {
        "type": "LoadBalancer",
        "port": 443,
        "nodePort": 30500,
        "loadBalancerClass": "service.k8s.aws/nlb",
        "loadBalancerSourceRanges": ["203.0.113.0/24", "2001:db8::/32"],
        "annotations": {"a.example/tls": "yes"},
    }
    overlay = planned(MINIO, **HOST, service=service)
    assert changes(overlay, SERVICE) == {
        "spec.type": "LoadBalancer",
        "spec.ports[0].port": 443,
        "spec.ports[0].nodePort": 30500,
        "spec.loadBalancerClass": "service.k8s.aws/nlb",
        "spec.loadBalancerSourceRanges": ["203.0.113.0/24", "2001:db8::/32"],
        "metadata.annotations.a.example/tls": "yes",
    }


@pytest.mark.parametrize(("kind", "outside"), [("ClusterIP", False), ("NodePort", True), ("LoadBalancer", True)])
def test_plan__addresses_outside_are_let_in_where_they_can_come(kind: str, outside: bool) -> None:
    overlay = planned(MINIO, **INGRESS, service={"type": kind})
    assert ("service-outside" in overlay.components) is outside


@pytest.mark.parametrize(
    ("more", "codes"),
    [
        ({"service": {"port": 80, "annotations": {"a": "b"}}}, []),
        ({**HOST, "service": BALANCED}, []),
        ({"service": BALANCED}, ["missing-key"]),
        ({**HOST, "service": {"type": "LoadBalancer"}}, ["plain-http"]),
        ({**HOST, "service": {"type": "NodePort", "nodePort": 30500}}, ["plain-http"]),
        ({**HOST, "service": {"type": "NodePort"}}, ["missing-key", "plain-http"]),
        ({**INGRESS, "service": {"type": "NodePort"}}, []),
        ({"service": {"nodePort": 30500}}, ["conflicting-keys"]),
        ({"service": {"loadBalancerClass": "a"}}, ["conflicting-keys"]),
        ({**INGRESS, "service": {"type": "NodePort", "loadBalancerClass": "a"}}, ["conflicting-keys"]),
        ({"service": {"loadBalancerSourceRanges": ["10.0.0.0/8"]}}, ["conflicting-keys"]),
        ({**HOST, "service": {**BALANCED, "loadBalancerSourceRanges": ["10.0.0.1/8"]}}, ["bad-value"]),
        ({**HOST, "service": {**BALANCED, "loadBalancerSourceRanges": ["office"]}}, ["bad-value"]),
        ({**HOST, "service": {**BALANCED, "loadBalancerSourceRanges": []}}, ["bad-value"]),
        ({**HOST, "service": BALANCED, "networkPolicy": {"clients": ["a"]}}, ["conflicting-keys"]),
        ({"service": {"port": 0}}, ["bad-value"]),
        ({"service": {"type": "ExternalName"}}, ["unknown-value"]),
    ],
)
def test_check__service(more: dict[str, Any], codes: list[str]) -> None:
    assert findings(MINIO, **more) == codes
