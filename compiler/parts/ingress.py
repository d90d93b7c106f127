"""Serves `host` through an Ingress controller.

`tlsSecret` names the certificate's Secret; with `clusterIssuer`, cert-manager fills it (and `mlflow-tls` is its name unless you
say otherwise). For the nginx controller, body size, time-outs and buffering are set so that uploads of `maxUploadSize` pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compiler.diagnostic import Finding, Severity
from compiler.kind import Kind
from compiler.overlay import ARTIFACT_SERVER, Change, Overlay, Ref, Secret
from compiler.part import Schema, kibibytes, object_of, quantity, secret_name, text
from compiler.route import Route

if TYPE_CHECKING:
    from compiler.environment import Environment

INGRESS = Ref("networking.k8s.io/v1", "Ingress", "mlflow")

KEYS: dict[str, Schema] = {
    "ingress": object_of(
        "Serves the host through an Ingress controller.",
        {
            "className": text(
                "The IngressClass; the cluster's default class without it.", examples=["nginx", "traefik"]
            ),
            "annotations": {
                "type": "object",
                "description": "More annotations of the Ingress. They win over those that are worked out.",
                "additionalProperties": {"type": "string"},
            },
            "tlsSecret": secret_name("The Secret with the certificate of the host.", examples=["mlflow-tls"]),
            "clusterIssuer": text(
                "The ClusterIssuer of cert-manager that provides the certificate.", examples=["letsencrypt"]
            ),
            "maxUploadSize": quantity("The largest artifact that may be uploaded through the host.", default="5Gi"),
        },
    )
}


@dataclass(frozen=True)
class Ingress:
    """How the host is served; without a `tls_secret` it is plain HTTP."""

    class_name: str | None
    annotations: dict[str, str]
    tls_secret: str | None
    cluster_issuer: str | None
    max_upload_size: str


def read(values: Mapping[str, Any], kind: Kind) -> Ingress | None:
    """The ingress, if there is one; an empty mapping asks for one with all defaults."""
    if "ingress" not in values:
        return None
    given = values["ingress"]
    issuer = given.get("clusterIssuer")
    return Ingress(
        class_name=given.get("className"),
        annotations=dict(sorted(given.get("annotations", {}).items())),
        tls_secret=given.get("tlsSecret", "mlflow-tls" if issuer else None),
        cluster_issuer=issuer,
        max_upload_size=given.get("maxUploadSize", "5Gi"),
    )


def check(environment: Environment) -> Iterable[Finding]:
    """An ingress needs a host, and should have a certificate."""
    ingress = environment.ingress
    if ingress and not environment.host:
        yield Finding(
            ("ingress",),
            "missing-key",
            "ingress needs the key host: it serves one host name, and MLflow refuses requests for names that it does not know",
            "add host: mlflow.your-domain.example",
            at_key=True,
        )
    if ingress and not ingress.tls_secret:
        yield Finding(
            ("ingress",),
            "plain-http",
            "the host is served without TLS, so logins and artifacts can be read on their way",
            "add tlsSecret, or clusterIssuer where cert-manager runs",
            Severity.WARNING,
            at_key=True,
        )


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
    if ingress.class_name:
        changes.append(
            Change(
                INGRESS, ("spec", "ingressClassName"), ingress.class_name, ("ingress", "className"), "the controller"
            )
        )
    if ingress.tls_secret:
        tls = [{"hosts": [environment.host], "secretName": ingress.tls_secret}]
        changes.append(Change(INGRESS, ("spec", "tls"), tls, ("ingress",), "the certificate of the host"))
    for name, (value, because, why) in _annotations(ingress).items():
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


def _annotations(ingress: Ingress) -> dict[str, tuple[str, Route, str]]:
    annotations: dict[str, tuple[str, Route, str]] = {}
    if ingress.cluster_issuer:
        because: Route = ("ingress", "clusterIssuer")
        annotations["cert-manager.io/cluster-issuer"] = (ingress.cluster_issuer, because, "who issues the certificate")
    if ingress.class_name and "nginx" in ingress.class_name:
        megabytes = -(-kibibytes(ingress.max_upload_size) // 1024)
        for name, value, why in (
            ("proxy-body-size", f"{megabytes}m", "the largest upload"),
            ("proxy-request-buffering", "off", "uploads stream to the server instead of filling the controller's disk"),
            ("proxy-read-timeout", "3600", "large artifacts take long"),
            ("proxy-send-timeout", "3600", "large artifacts take long"),
        ):
            annotations[f"nginx.ingress.kubernetes.io/{name}"] = (value, ("ingress", "maxUploadSize"), why)
    for name, value in ingress.annotations.items():
        annotations[name] = (value, ("ingress", "annotations", name), "set by hand")
    return annotations
