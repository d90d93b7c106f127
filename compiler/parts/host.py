"""The public host name of the server.

MLflow answers a request only when it knows the Host header. The list it is given here is complete: the public host, every
name of the Service inside the cluster, and localhost for port-forwarding and probes, each with and without a port. It
never is `*`. Browsers may call the server's API from the pages of the public host and of localhost.

`host` alone opens nothing: `ingress` or `gateway` serves it, a `service` that is reachable from outside, or something outside
the overlay.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from compiler.diagnostic import Finding, Severity
from compiler.formats import HOST, HOST_WORDS
from compiler.kind import Kind
from compiler.overlay import Overlay, setting
from compiler.part import Schema, text

if TYPE_CHECKING:
    from compiler.environment import Environment

KEYS: dict[str, Schema] = {
    "host": text(
        "The public host name of the server.",
        HOST,
        HOST_WORDS,
        maxLength=253,
        format="hostname",
        examples=["mlflow.acme.example"],
    )
}


def read(values: Mapping[str, Any], kind: Kind) -> str | None:
    """The host name, if there is one."""
    host = values.get("host")
    return str(host) if host else None


def check(environment: Environment) -> Iterable[Finding]:
    """A host that is an address, which the API server refuses; one that nothing serves may be served from outside the overlay."""
    if environment.host and environment.way_in and _is_address(environment.host):
        message = f"'{environment.host}' is an address, and an Ingress or Gateway serves names alone"
        yield Finding(("host",), "bad-value", message, "write the name that clients use, and point its DNS there")
    if environment.host and not environment.way_in and not environment.service.outside:
        yield Finding(
            ("host",),
            "host-unserved",
            f"nothing in this overlay serves {environment.host}",
            f"add the key ingress or gateway, or route it to port {environment.service.port} of the Service mlflow yourself",
            Severity.WARNING,
        )


def _is_address(host: str) -> bool:
    with suppress(ValueError):
        return bool(ipaddress.ip_address(host))
    return False


def allowed_hosts(environment: Environment) -> list[str]:
    """Every name that the server may be asked for, in the patterns of MLflow (`fnmatch` on the whole Host header)."""
    namespace = environment.namespace.name
    names = ["localhost", "127.0.0.1"]
    for service in ("mlflow", "mlflow-artifacts") if environment.mlflow.mode == "split" else ("mlflow",):
        names += [service, *(f"{service}.{namespace}{end}" for end in ("", ".svc", ".svc.cluster.local"))]
    if environment.host:
        names.insert(0, environment.host)
    return [pattern for name in names for pattern in (name, f"{name}:*")]


def plan(environment: Environment) -> Overlay:
    """The lists of hosts and origins."""
    changes = [
        setting(
            "MLFLOW_SERVER_ALLOWED_HOSTS",
            ",".join(allowed_hosts(environment)),
            ("host",),
            "every name of the server; anything else gets 403",
        )
    ]
    if environment.origin:
        changes.append(
            setting("MLFLOW_SERVER_CORS_ALLOWED_ORIGINS", environment.origin, ("host",), "pages that may call the API")
        )
    return Overlay(changes=tuple(changes))
