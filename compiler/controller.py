"""What the controllers of Ingresses are told by annotations. Each has its own, and none for what it does anyway.

https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations/
https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/
https://doc.traefik.io/traefik/reference/routing-configuration/kubernetes/ingress/
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from compiler.part import kibibytes

Controller = Literal["nginx", "alb", "traefik", "other"]

CONTROLLERS: dict[str, str] = {
    "nginx": "ingress-nginx.",
    "alb": "The AWS Load Balancer Controller.",
    "traefik": "Traefik.",
    "other": "Another one: only your own annotations are set.",
}
PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
"""The addresses that a VPC is made of, as a rule: an ALB sends from its own, in its subnets."""
HOUR = "3600"


@dataclass(frozen=True)
class Annotation:
    """An annotation of the Ingress, the key under `ingress` that it follows from, and why."""

    name: str
    value: str
    key: str
    why: str


@dataclass(frozen=True)
class Way:
    """What annotations follow from: the largest upload, whether there is TLS, where health is asked, and what ALB is told."""

    max_upload_size: str
    tls: bool
    health: str
    certificate_arn: str | None
    scheme: str
    to_pods: str
    """What the pods speak: HTTP or HTTPS."""


def controller_of(class_name: str | None) -> Controller:
    """The controller that the name of an IngressClass speaks of."""
    name = class_name or ""
    if "nginx" in name:
        return "nginx"
    if "traefik" in name:
        return "traefik"
    return "alb" if "alb" in re.split(r"[-.]", name) else "other"


def annotations_of(controller: Controller, way: Way) -> Iterator[Annotation]:
    """What a controller has to be told so that uploads pass, over TLS where there is a certificate."""
    if controller == "nginx":
        yield from _nginx(way)
    elif controller == "alb":
        yield from _alb(way)
    elif controller == "traefik":
        yield from _traefik(way)


def _nginx(way: Way) -> Iterator[Annotation]:
    megabytes = -(-kibibytes(way.max_upload_size) // 1024)
    for name, value, why in (
        ("proxy-body-size", f"{megabytes}m", "the largest upload"),
        ("proxy-request-buffering", "off", "uploads stream to the server instead of filling the controller's disk"),
        ("proxy-read-timeout", HOUR, "large artifacts take long"),
        ("proxy-send-timeout", HOUR, "large artifacts take long"),
    ):
        yield Annotation(f"nginx.ingress.kubernetes.io/{name}", value, "maxUploadSize", why)
    if way.to_pods == "HTTPS":
        name, why = "nginx.ingress.kubernetes.io/backend-protocol", "the pods speak TLS"
        yield Annotation(name, "HTTPS", "controller", why)


def _alb(way: Way) -> Iterator[Annotation]:
    """An ALB streams bodies of any size; it only gives up on connections on which nothing moves."""
    head = "alb.ingress.kubernetes.io"
    yield Annotation(f"{head}/scheme", way.scheme, "scheme", "from where the load balancer can be reached")
    yield Annotation(
        f"{head}/target-type", "ip", "controller", "the Service has no port of nodes: pods are the targets"
    )
    yield Annotation(
        f"{head}/healthcheck-path", way.health, "controller", "MLflow answers here whatever the Host header"
    )
    yield Annotation(f"{head}/success-codes", "200", "controller", "the answer of a healthy server")
    idle = f"idle_timeout.timeout_seconds={HOUR}"
    yield Annotation(f"{head}/load-balancer-attributes", idle, "maxUploadSize", "large artifacts take long")
    if way.to_pods == "HTTPS":
        for name in ("backend-protocol", "healthcheck-protocol"):
            yield Annotation(f"{head}/{name}", "HTTPS", "controller", "the pods speak TLS")
    if way.certificate_arn:
        ports = json.dumps([{"HTTP": 80}, {"HTTPS": 443}])
        yield Annotation(
            f"{head}/certificate-arn", way.certificate_arn, "certificateArn", "the certificate of the host"
        )
        yield Annotation(f"{head}/listen-ports", ports, "certificateArn", "HTTPS, and HTTP for who forgets the s")
        yield Annotation(f"{head}/ssl-redirect", "443", "certificateArn", "nothing is served in the clear")


def _traefik(way: Way) -> Iterator[Annotation]:
    """Traefik streams bodies of any size. How long it reads one is a setting of its entry points alone."""
    if way.tls:
        name = "traefik.ingress.kubernetes.io/router.tls"
        yield Annotation(name, "true", "tlsSecret", "the host is served over TLS alone")
