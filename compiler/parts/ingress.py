"""Serves `host` through an Ingress controller.

`tlsSecret` names the certificate's Secret; with `clusterIssuer`, cert-manager fills it (and `mlflow-tls` is its name unless you
say otherwise). Each `controller` is told by annotations what uploads of `maxUploadSize` need; it is worked out from `className`
where that speaks of one. Annotations of your own win.

- `nginx` (ingress-nginx): body size, time-outs of an hour, and no buffering, so that uploads do not fill the controller's disk.
  How long it waits between two parts of a body, 60 seconds, is a setting of the controller alone: `client-body-timeout`.
- `alb` (AWS Load Balancer Controller): the pods are its targets, health is asked at `/health` under `mlflow.staticPrefix`, and
  an hour may pass in which nothing moves. It limits no body. Its certificate is ACM's, `certificateArn`: it cannot read Secrets.
  `scheme` says whether the internet reaches it. It stands outside the cluster, so the policy lets in `networkPolicy.addresses`,
  or every private IPv4 address without them; a cluster of IPv6 has to name its own.
- `traefik`: with a certificate the host is served over TLS alone; where plain requests are sent is a setting of its entry points.
  It limits and buffers no body unless a middleware of yours does. But its entry points stop reading a request after 60 seconds,
  and no annotation changes that: set `--entryPoints.<name>.transport.respondingTimeouts.readTimeout=3600s` in Traefik itself, or
  uploads that take longer are cut off.
- `other`: nothing but your own annotations.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compiler.controller import CONTROLLERS, Controller, Way, annotations_of, controller_of
from compiler.diagnostic import Finding, Severity
from compiler.formats import NAME
from compiler.kind import Kind
from compiler.overlay import ARTIFACT_SERVER, Change, Overlay, Ref, Secret
from compiler.part import Schema, annotated, choice, formatted, object_of, quantity, secret_name, text
from compiler.route import Route

if TYPE_CHECKING:
    from compiler.environment import Environment

_HEALTHY = (3, 17, 2)
"""A version that answers `/health` under a prefix to any Host; 3.15 does not."""
_CLASS = "kubernetes.io/ingress.class"
INGRESS = Ref("networking.k8s.io/v1", "Ingress", "mlflow")

KEYS: dict[str, Schema] = {
    "ingress": object_of(
        "Serves the host through an Ingress controller.",
        {
            "className": formatted(
                "The IngressClass; the cluster's default class without it.", NAME, examples=["nginx", "alb", "traefik"]
            ),
            "controller": choice("Who serves the class; worked out from className without it.", CONTROLLERS),
            "annotations": annotated("More annotations of the Ingress. They override derived ones."),
            "tlsSecret": secret_name("The Secret with the certificate of the host.", examples=["mlflow-tls"]),
            "clusterIssuer": formatted(
                "The ClusterIssuer of cert-manager that provides the certificate.", NAME, examples=["letsencrypt"]
            ),
            "certificateArn": text(
                "The certificate of the host in ACM, for controller alb.",
                "arn:aws[a-z-]*:(?:acm|iam):[a-z0-9-]*:[0-9]{12}:(?:certificate|server-certificate)/[A-Za-z0-9_./-]+",
                "like arn:aws:acm:eu-central-1:123456789012:certificate/11111111-2222-3333-4444-555555555555",
                maxLength=2048,
            ),
            "scheme": choice(
                "From where the load balancer can be reached, for controller alb.",
                {"internal": "From the VPC and what is connected to it.", "internet-facing": "From the internet."},
                default="internal",
            ),
            "maxUploadSize": quantity("The largest artifact that may be uploaded through the host.", default="5Gi"),
        },
    )
}


@dataclass(frozen=True)
class Ingress:
    """How the host is served; without a certificate it is plain HTTP. `given` are the keys that a person wrote."""

    class_name: str | None
    controller: Controller
    annotations: dict[str, str]
    tls_secret: str | None
    cluster_issuer: str | None
    certificate_arn: str | None
    scheme: str
    max_upload_size: str
    given: frozenset[str]

    @property
    def tls(self) -> bool:
        """Whether the host has a certificate."""
        return bool(self.tls_secret or self.certificate_arn)


def read(values: Mapping[str, Any], kind: Kind) -> Ingress | None:
    """The ingress, if there is one; an empty mapping asks for one with all defaults."""
    if "ingress" not in values:
        return None
    given = values["ingress"]
    issuer = given.get("clusterIssuer")
    return Ingress(
        class_name=given.get("className"),
        controller=given.get("controller", controller_of(given.get("className"))),
        annotations=dict(sorted(given.get("annotations", {}).items())),
        tls_secret=given.get("tlsSecret", "mlflow-tls" if issuer else None),
        cluster_issuer=issuer,
        certificate_arn=given.get("certificateArn"),
        scheme=given.get("scheme", "internal"),
        max_upload_size=given.get("maxUploadSize", "5Gi"),
        given=frozenset(given),
    )


def check(environment: Environment) -> Iterable[Finding]:
    """An ingress needs a host, should have a certificate, and each controller has keys of its own."""
    ingress = environment.ingress
    if ingress is None:
        return
    if not environment.host:
        yield Finding(
            ("ingress",),
            "missing-key",
            "ingress needs the key host: it serves one host name, and MLflow refuses requests for names that it does not know",
            "add host: mlflow.your-domain.example",
            at_key=True,
        )
    if not ingress.tls:
        hint = "add tlsSecret, or clusterIssuer where cert-manager runs"
        yield Finding(
            ("ingress",),
            "plain-http",
            "the host is served without TLS, so logins and artifacts can be read on their way",
            "add certificateArn: a certificate of ACM" if ingress.controller == "alb" else hint,
            Severity.WARNING,
            at_key=True,
        )
    if _CLASS in ingress.annotations:
        message = f"the annotation {_CLASS} is not yours to set: the API server refuses it beside a class"
        route: Route = ("ingress", "annotations", _CLASS)
        yield Finding(route, "reserved-setting", message, "set ingress.className", at_key=True)
    yield from _foreign(ingress)
    if ingress.controller == "alb":
        yield from _alb(environment)


def _foreign(ingress: Ingress) -> Iterator[Finding]:
    """Keys that say nothing to the controller."""
    alb = ingress.controller == "alb"
    for key in ("tlsSecret", "clusterIssuer") if alb else ("certificateArn", "scheme"):
        if key in ingress.given:
            message = f"ingress.{key} means nothing to the controller {ingress.controller}"
            hint = "an ALB takes its certificate from ACM: set certificateArn" if alb else "set controller: alb"
            yield Finding(("ingress", key), "conflicting-keys", message, f"{hint}, or remove {key}", at_key=True)


def _alb(environment: Environment) -> Iterator[Finding]:
    """What stands between an ALB and the pods: the check of the Host header, and policies."""
    mlflow, policy = environment.mlflow, environment.network_policy
    if mlflow.static_prefix and mlflow.release < _HEALTHY:
        message = (
            f"MLflow {mlflow.version} refuses the health checks of an ALB under a static prefix, for their Host header"
        )
        yield Finding(("mlflow", "staticPrefix"), "unsupported-version", message, "use 3.17.2 or later, or no prefix")
    if policy.enabled and policy.clients is not None and not policy.addresses:
        message = (
            "an ALB stands outside the cluster, and without its addresses every private one is let in: that of any pod"
        )
        hint = "add networkPolicy.addresses: the subnets of the load balancer"
        yield Finding(("networkPolicy", "clients"), "missing-key", message, hint, at_key=True)


def plan(environment: Environment) -> Overlay:
    """The Ingress with its host, path, class, certificate and annotations."""
    ingress = environment.ingress
    if ingress is None:
        return Overlay()
    rule: Route = ("spec", "rules", 0)
    path = environment.mlflow.static_prefix or "/"
    changes = [
        Change(INGRESS, (*rule, "host"), environment.host, ("host",), "the public host"),
        Change(
            INGRESS,
            (*rule, "http", "paths", 0, "path"),
            path,
            ("mlflow", "staticPrefix"),
            "the path it is served under",
        ),
        *_to_artifacts(environment.mlflow.artifact_paths),
    ]
    if environment.tls:
        port = (*rule, "http", "paths", 0, "backend", "service", "port", "name")
        changes.append(Change(INGRESS, port, "https", ("tls",), "the port of the Service, by what it speaks"))
    if ingress.class_name:
        changes.append(
            Change(
                INGRESS, ("spec", "ingressClassName"), ingress.class_name, ("ingress", "className"), "the controller"
            )
        )
    if ingress.tls_secret:
        tls = [{"hosts": [environment.host], "secretName": ingress.tls_secret}]
        changes.append(Change(INGRESS, ("spec", "tls"), tls, ("ingress",), "the certificate of the host"))
    for name, (value, because, why) in _annotations(environment, ingress).items():
        changes.append(Change(INGRESS, ("metadata", "annotations", name), value, because, why))
    return Overlay(components=("ingress-http",), changes=tuple(changes), secrets=_certificate(ingress))


def _to_artifacts(paths: Iterable[str]) -> Iterator[Change]:
    """The longest path that fits is taken, so these come before the others wherever they stand."""
    backend = {"service": {"name": ARTIFACT_SERVER.name, "port": {"name": "http"}}}
    for index, path in enumerate(paths, start=1):
        entry = {"path": path, "pathType": "Prefix", "backend": backend}
        route: Route = ("spec", "rules", 0, "http", "paths", index)
        yield Change(INGRESS, route, entry, ("mlflow", "mode"), "to the server of artifacts")


def _certificate(ingress: Ingress) -> tuple[Secret, ...]:
    """The Secret of the certificate, where no issuer fills it."""
    if not ingress.tls_secret or ingress.cluster_issuer:
        return ()
    return (Secret(ingress.tls_secret, (), ("ingress", "tlsSecret"), in_cluster=False, type="tls"),)


def _annotations(environment: Environment, ingress: Ingress) -> dict[str, tuple[str, Route, str]]:
    found: dict[str, tuple[str, Route, str]] = {}
    if ingress.cluster_issuer:
        because: Route = ("ingress", "clusterIssuer")
        found["cert-manager.io/cluster-issuer"] = (ingress.cluster_issuer, because, "who issues the certificate")
    health = f"{environment.mlflow.static_prefix}/health"
    pods = "HTTPS" if environment.tls else "HTTP"
    way = Way(ingress.max_upload_size, ingress.tls, health, ingress.certificate_arn, ingress.scheme, pods)
    for each in annotations_of(ingress.controller, way):
        found[each.name] = (each.value, ("ingress", each.key), each.why)
    for name, value in ingress.annotations.items():
        found[name] = (value, ("ingress", "annotations", name), "set by hand")
    return found
