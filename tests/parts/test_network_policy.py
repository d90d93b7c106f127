"""Who may talk to whom: peers for every way to write a host, and the clients of the server."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.parts.network_policy import POLICY
from compiler.peer import ANYWHERE, peers
from tests.parts import KEYS, MINIO, changes, findings, planned


def _namespace(name: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("10.1.2.3", [{"ipBlock": {"cidr": "10.1.2.3/32"}}]),
        ("fd00::1", [{"ipBlock": {"cidr": "fd00::1/128"}}]),
        ("db", [_namespace("mlflow")]),
        ("db.data", [_namespace("data")]),
        ("db.data.svc", [_namespace("data")]),
        ("db.data.svc.cluster.local", [_namespace("data")]),
        ("db.data.svc.my-cluster.example", [_namespace("data")]),
        ("db.acme.example", ANYWHERE),
        ("mlflow.abc123.eu-central-1.rds.amazonaws.com", ANYWHERE),
        ("s3.storage.example", ANYWHERE),
        ("1.2.3", ANYWHERE),
        ("256.1.1.1", ANYWHERE),
    ],
)
def test_peers__by_how_a_host_is_written(host: str, expected: list[dict[str, Any]]) -> None:
    assert peers(host, "mlflow") == expected


def test_peers__anywhere_leaves_out_where_clouds_hand_out_credentials() -> None:
    import ipaddress

    blocks = [peer["ipBlock"] for peer in ANYWHERE]
    for address in ("169.254.169.254", "169.254.170.2", "fe80::1"):
        parsed = ipaddress.ip_address(address)
        for block in blocks:
            network = ipaddress.ip_network(block["cidr"])
            if parsed.version == network.version:
                assert any(parsed in ipaddress.ip_network(hole) for hole in block["except"])
    assert {ipaddress.ip_network(block["cidr"]).version for block in blocks} == {4, 6}


def test_clients__are_namespaces_with_the_overlays_own() -> None:
    found = changes(
        planned(MINIO, namespace="team-a", networkPolicy={"clients": ["notebooks", "ingress-nginx"]}), POLICY
    )
    assert found == {"spec.ingress[0].from": [_namespace(name) for name in ("ingress-nginx", "notebooks", "team-a")]}


def test_clients__own_namespace_is_named_once() -> None:
    found = changes(planned(MINIO, networkPolicy={"clients": ["mlflow"]}), POLICY)
    assert found == {"spec.ingress[0].from": [_namespace("mlflow")]}


def test_clients__everybody_without_the_key() -> None:
    assert changes(planned(MINIO), POLICY) == {}
    assert changes(planned(MINIO, networkPolicy={"enabled": True}), POLICY) == {}


def test_addresses__are_let_in_beside_pods() -> None:
    blocks = [{"ipBlock": {"cidr": cidr}} for cidr in ("10.1.0.0/16", "2001:db8::/64")]
    addresses = ["10.1.0.0/16", "2001:db8::/64"]
    everybody = changes(planned(MINIO, networkPolicy={"addresses": addresses}), POLICY)
    assert everybody == {"spec.ingress[0].from": [{"namespaceSelector": {}}, *blocks]}
    clients = changes(planned(MINIO, networkPolicy={"addresses": addresses, "clients": ["a"]}), POLICY)
    assert clients == {"spec.ingress[0].from": [_namespace("a"), _namespace("mlflow"), *blocks]}


def test_off__comes_after_every_other_component() -> None:
    """It takes away what they add."""
    for values in (MINIO, KEYS):
        overlay = planned(values, networkPolicy={"enabled": False})
        assert overlay.components[-1] == "networkpolicy-off"
        assert not [change for change in overlay.changes if change.target.kind == "NetworkPolicy"]


@pytest.mark.parametrize(
    ("policy", "codes"),
    [
        ({"enabled": False, "clients": ["a"]}, ["conflicting-keys"]),
        ({"enabled": False, "addresses": ["10.1.0.0/16"]}, ["conflicting-keys"]),
        ({"addresses": ["10.1.0.1/16"]}, ["bad-value"]),
        ({"addresses": []}, ["bad-value"]),
        ({"clients": []}, ["bad-value"]),
        ({"clients": ["a", "a"]}, ["bad-value"]),
        ({"clients": ["A"]}, ["bad-value"]),
        ({"clients": "a"}, ["wrong-type"]),
        ({"enabled": "no"}, ["wrong-type"]),
    ],
)
def test_check__policies(policy: dict[str, Any], codes: list[str]) -> None:
    assert findings(MINIO, networkPolicy=policy) == codes
