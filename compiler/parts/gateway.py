"""Serves `host` through a Gateway of the Gateway API that is there, by an HTTPRoute. It stands in the place of `ingress`.

`parentRef` names the Gateway, and its listener if it has several. The Gateway has to let in routes of this namespace, by its
listener's `allowedRoutes`. The certificate is its affair: `tls: false` says that the listener is plain HTTP.

No part of the Gateway API limits bodies; what an implementation limits is set by its own policies (ClientTrafficPolicy of
Envoy Gateway, for one). `requestTimeout` is how long a whole request may take, uploads included, where the implementation
supports time-outs of routes; `0s` is no limit. `maxUploadSize` sizes the server's own scratch volume.

Pods of the Gateway are in the cluster, so the server's policy lets them in: name their namespace where `networkPolicy.clients`
narrows it. A load balancer of a cloud that sends to pods itself is let in by `networkPolicy.addresses`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compiler.diagnostic import Finding, Severity
from compiler.formats import LABEL, NAME
from compiler.kind import Kind
from compiler.overlay import ARTIFACT_SERVER, Change, Overlay, Ref
from compiler.part import Schema, formatted, integer, object_of, quantity, text
from compiler.route import Route

if TYPE_CHECKING:
    from compiler.environment import Environment

ROUTE = Ref("gateway.networking.k8s.io/v1", "HTTPRoute", "mlflow")
_TIMEOUT = "1h"
_PORT = 5000
"""The port of the Service in the base."""
_RULE: Route = ("spec", "rules", 0)

KEYS: dict[str, Schema] = {
    "gateway": object_of(
        "Serves the host through a Gateway.",
        {
            "parentRef": object_of(
                "The Gateway.",
                {
                    "name": formatted("Its name.", NAME),
                    "namespace": formatted("Its namespace; that of the overlay without it.", LABEL),
                    "sectionName": formatted("Its listener; all that take the host without it.", NAME),
                    "port": integer("The port of its listener; any without it.", 1, 65535),
                },
                required=["name"],
            ),
            "tls": {"type": "boolean", "description": "Whether the listener has a certificate.", "default": True},
            "requestTimeout": text(
                "How long a request may take, uploads included; 0s is no limit.",
                r"(?:[0-9]{1,5}(?:h|m|s|ms)){1,4}",
                "a time like 1h, 90m or 1h30m",
                default=_TIMEOUT,
            ),
            "maxUploadSize": quantity("The largest artifact that may be uploaded through the host.", default="5Gi"),
        },
        required=["parentRef"],
    )
}


@dataclass(frozen=True)
class Gateway:
    """How the host is served; `parent` is the reference as Kubernetes writes it."""

    parent: dict[str, Any]
    tls: bool
    request_timeout: str
    max_upload_size: str


def read(values: Mapping[str, Any], kind: Kind) -> Gateway | None:
    """The Gateway, if there is one."""
    if "gateway" not in values:
        return None
    given = values["gateway"]
    parent = given["parentRef"]
    return Gateway(
        parent={key: parent[key] for key in ("name", "namespace", "sectionName", "port") if key in parent},
        tls=given.get("tls", True),
        request_timeout=given.get("requestTimeout", _TIMEOUT),
        max_upload_size=given.get("maxUploadSize", "5Gi"),
    )


def check(environment: Environment) -> Iterable[Finding]:
    """A Gateway needs a host, should have a certificate, and is no Ingress."""
    gateway = environment.gateway
    if gateway is None:
        return
    if environment.ingress:
        message = "ingress and gateway would both serve the host"
        yield Finding(("gateway",), "conflicting-keys", message, "remove one of the two", at_key=True)
    if not environment.host:
        message = "gateway needs the key host: MLflow refuses requests for names that it does not know"
        yield Finding(("gateway",), "missing-key", message, "add host: mlflow.your-domain.example", at_key=True)
    if not gateway.tls:
        message = "the host is served without TLS, so logins and artifacts can be read on their way"
        hint = "use a listener with a certificate"
        yield Finding(("gateway", "tls"), "plain-http", message, hint, Severity.WARNING, at_key=True)


def plan(environment: Environment) -> Overlay:
    """The HTTPRoute with its Gateway, host, path and time limit."""
    gateway = environment.gateway
    if gateway is None:
        return Overlay()
    changes = tuple(Change(ROUTE, *change) for change in _changes(environment, gateway))
    return Overlay(components=("gateway-httproute",), changes=changes)


def _changes(environment: Environment, gateway: Gateway) -> Iterator[tuple[Route, Any, Route, str]]:
    yield ("spec", "parentRefs"), [gateway.parent], ("gateway", "parentRef"), "the Gateway that serves the host"
    yield ("spec", "hostnames"), [environment.host], ("host",), "the public host"
    if prefix := environment.mlflow.static_prefix:
        because: Route = ("mlflow", "staticPrefix")
        yield (*_RULE, "matches", 0, "path", "value"), prefix, because, "the path it is served under"
    if gateway.request_timeout != _TIMEOUT:
        because = ("gateway", "requestTimeout")
        yield (*_RULE, "timeouts", "request"), gateway.request_timeout, because, "how long a request may take"
    if paths := environment.mlflow.artifact_paths:
        rule = {
            "matches": [{"path": {"type": "PathPrefix", "value": path}} for path in paths],
            "timeouts": {"request": gateway.request_timeout},
            "backendRefs": [{"name": ARTIFACT_SERVER.name, "port": _PORT}],
        }
        yield ("spec", "rules", 1), rule, ("mlflow", "mode"), "to the server of artifacts: the longest path is taken"
    port: Route = (*_RULE, "backendRefs", 0, "port")
    if environment.service.port != _PORT:
        yield port, environment.service.port, ("service", "port"), "the port of the Service"
