"""Where a host name leads, in the terms of a NetworkPolicy."""

from __future__ import annotations

import ipaddress
from typing import Any

ANYWHERE: list[dict[str, Any]] = [
    {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}},
    {"ipBlock": {"cidr": "::/0", "except": ["fe80::/10"]}},
]
"""Every address but the link-local ones, where clouds hand out a node's own credentials."""


def unreadable(written: str) -> tuple[str, str]:
    """Return why a text is no range of addresses as the API server wants it, and what to write; nothing where it is one.

    It has a mask, no bits beyond that, and is canonical. Source: IsValidCIDR of k8s.io/apimachinery/pkg/util/validation, which
    refuses IPv4 inside IPv6 too, and GetWarningsForCIDR.
    """
    try:
        network = ipaddress.ip_network(written, strict=False)
    except ValueError as problem:
        return str(problem), "write a range like 10.1.0.0/16"
    if isinstance(network, ipaddress.IPv6Network) and network.network_address.ipv4_mapped:
        return "it is a range of IPv4 in the form of IPv6", "write that of IPv4"
    if str(network) == written:
        return "", ""
    return "it is not as the API server wants it, with a mask and no bits beyond that", f"write {network}"


def peers(host: str, namespace: str) -> list[dict[str, Any]]:
    """The peers that a host may stand for.

    An address is itself. The name of a Service (`db`, `db.data`, `db.data.svc.cluster.local`) is its namespace; a bare name
    belongs to `namespace`. The addresses of any other name change, so it is anywhere.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return [{"ipBlock": {"cidr": f"{address}/{address.max_prefixlen}"}}]
    labels = host.split(".")
    in_cluster = len(labels) <= 2 or labels[2] == "svc"
    if not in_cluster:
        return ANYWHERE
    where = labels[1] if len(labels) > 1 else namespace
    return [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": where}}}]
