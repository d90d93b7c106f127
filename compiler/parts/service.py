"""The Service in front of the server. It is for the cluster alone unless `type` opens it to the outside.

From the outside, clients ask for `host`: point its DNS at the load balancer, or at the nodes. MLflow refuses any other name, and
a page of another origin, so `NodePort` without `ingress` or `gateway` needs `nodePort`: it is part of the origin. Addresses
outside the cluster are let in by a policy of their own; which of them, only `loadBalancerSourceRanges` can say, since nodes
often hide them.

TLS is the load balancer's affair, set with `annotations`, or the pods' own: `tls`. Without a certificate, the host is plain HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from compiler.diagnostic import Finding, Severity
from compiler.formats import CIDR, QUALIFIED
from compiler.kind import Kind
from compiler.overlay import SERVICE, Change, Overlay, Waiver
from compiler.part import Schema, annotated, choice, formatted, integer, object_of
from compiler.peer import unreadable
from compiler.route import Route

if TYPE_CHECKING:
    from compiler.environment import Environment

PORT = 5000
_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
_TLS_WORDS = ("ssl", "tls", "cert")

KEYS: dict[str, Schema] = {
    "service": object_of(
        "The Service in front of the server.",
        {
            "type": choice(
                "From where it can be reached.",
                {
                    "ClusterIP": "From the cluster alone.",
                    "NodePort": "From outside, on a port of every node.",
                    "LoadBalancer": "From outside, through a load balancer that the cluster's cloud provides.",
                },
                default="ClusterIP",
            ),
            "port": integer("The port of the Service.", 1, 65535, default=PORT),
            "nodePort": integer(
                "The port on every node, in the range of the cluster: 30000 to 32767 as a rule.", 1, 65535
            ),
            "loadBalancerClass": formatted(
                "Which of the cluster's controllers provides the load balancer.",
                QUALIFIED,
                examples=["service.k8s.aws/nlb"],
            ),
            "loadBalancerSourceRanges": {
                "type": "array",
                "description": "The addresses that the load balancer lets in; all without it.",
                "items": formatted("Addresses, as 203.0.113.0/24.", CIDR, examples=["203.0.113.0/24"]),
                "minItems": 1,
                "uniqueItems": True,
            },
            "annotations": annotated("Annotations of the Service, by which controllers of clouds are set up."),
        },
    )
}


@dataclass(frozen=True)
class Service:
    """How the server is reached."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"]
    port: int
    node_port: int | None
    load_balancer_class: str | None
    source_ranges: tuple[str, ...]
    annotations: dict[str, str]

    @property
    def outside(self) -> bool:
        """Whether it is reachable from outside the cluster."""
        return self.type != "ClusterIP"

    @property
    def tls(self) -> bool:
        """Whether an annotation tells the load balancer about a certificate."""
        return any(word in name.lower() for name in self.annotations for word in _TLS_WORDS)

    def origin(self, host: str, *, tls: bool) -> str:
        """Where pages come from that are served under a host by this Service; `tls` says that the pods speak it."""
        scheme, usual = ("https", 443) if tls or self.tls else ("http", 80)
        port = self.node_port if self.type == "NodePort" else self.port
        return f"{scheme}://{host}" + (f":{port}" if port not in (None, usual) else "")


def read(values: Mapping[str, Any], kind: Kind) -> Service:
    """The Service of the server."""
    given = values.get("service", {})
    return Service(
        type=given.get("type", "ClusterIP"),
        port=given.get("port", PORT),
        node_port=given.get("nodePort"),
        load_balancer_class=given.get("loadBalancerClass"),
        source_ranges=tuple(given.get("loadBalancerSourceRanges", ())),
        annotations=dict(sorted(given.get("annotations", {}).items())),
    )


def check(environment: Environment) -> Iterable[Finding]:
    """Keys that mean nothing for the type; an opening without a name, or one that undoes another key."""
    service = environment.service
    yield from _keys(service)
    yield from _ranges(service)
    if _RANGES in service.annotations:
        message = f"the annotation {_RANGES} is not yours to set: the API server reads it as addresses"
        route: Route = ("service", "annotations", _RANGES)
        yield Finding(route, "reserved-setting", message, "set service.loadBalancerSourceRanges", at_key=True)
    if not service.outside:
        return
    where: Route = ("service", "type")
    if not environment.host:
        message = f"a Service of type {service.type} needs the key host: MLflow refuses requests for names that it does not know"
        yield Finding(where, "missing-key", message, "add host: mlflow.your-domain.example", at_key=True)
    if environment.network_policy.clients is not None and environment.network_policy.enabled:
        message = f"a Service of type {service.type} lets in every address, so naming clients holds nobody back"
        hint = "remove clients, or use an ingress"
        yield Finding(("networkPolicy", "clients"), "conflicting-keys", message, hint, at_key=True)
    if environment.way_in:
        return
    if service.type == "NodePort" and service.node_port is None:
        message = "NodePort needs the key service.nodePort: it is part of the address that pages come from"
        yield Finding(where, "missing-key", message, "add nodePort: 30500, or another that is free", at_key=True)
    if not service.tls and not environment.tls:
        message = "the host is served without TLS, so logins and artifacts can be read on their way"
        hint = "use an ingress, a load balancer with a certificate in its annotations, or the key tls"
        yield Finding(where, "plain-http", message, hint, Severity.WARNING, at_key=True)


def _keys(service: Service) -> Iterator[Finding]:
    for key, value, types in (
        ("nodePort", service.node_port, ("NodePort", "LoadBalancer")),
        ("loadBalancerClass", service.load_balancer_class, ("LoadBalancer",)),
        ("loadBalancerSourceRanges", service.source_ranges, ("LoadBalancer",)),
    ):
        if value and service.type not in types:
            message = f"service.{key} means nothing to a Service of type {service.type}"
            hint = f"set type: {' or '.join(types)}, or remove {key}"
            yield Finding(("service", key), "conflicting-keys", message, hint, at_key=True)


def _ranges(service: Service) -> Iterator[Finding]:
    for index, written in enumerate(service.source_ranges):
        problem, hint = unreadable(written)
        if problem:
            route: Route = ("service", "loadBalancerSourceRanges", index)
            yield Finding(route, "bad-value", f"'{written}' is no range of addresses: {problem}", hint)


def plan(environment: Environment) -> Overlay:
    """The Service's type, ports and annotations; and a policy that lets addresses of the outside in."""
    service = environment.service
    changes = tuple(Change(SERVICE, *change) for change in _changes(service))
    waiver = Waiver("node-port", "a port of every node is what service.type says", ("service", "type"))
    return Overlay(
        components=("service-outside",) if service.outside else (),
        changes=changes,
        waivers=(waiver,) if service.type == "NodePort" else (),
    )


def _changes(service: Service) -> Iterator[tuple[Route, Any, Route, str]]:
    if service.outside:
        yield ("spec", "type"), service.type, ("service", "type"), "who can reach it"
    if service.port != PORT:
        yield ("spec", "ports", 0, "port"), service.port, ("service", "port"), "the port of the Service"
    if service.node_port:
        yield ("spec", "ports", 0, "nodePort"), service.node_port, ("service", "nodePort"), "the port on every node"
    if service.load_balancer_class:
        because: Route = ("service", "loadBalancerClass")
        yield ("spec", "loadBalancerClass"), service.load_balancer_class, because, "who provides the load balancer"
    if service.source_ranges:
        because = ("service", "loadBalancerSourceRanges")
        yield (
            ("spec", "loadBalancerSourceRanges"),
            list(service.source_ranges),
            because,
            "who the load balancer lets in",
        )
    for name, value in service.annotations.items():
        yield ("metadata", "annotations", name), value, ("service", "annotations", name), "set by hand"
