"""The Ingress: what each controller is told, and that uploads pass."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.controller import PRIVATE
from compiler.parts.ingress import INGRESS
from compiler.parts.network_policy import POLICY
from tests.parts import KEYS, MINIO, changes, findings, planned, secrets, settings

HOST = {"host": "mlflow.acme.example"}
NGINX = "nginx.ingress.kubernetes.io"
ALB = "alb.ingress.kubernetes.io"
CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/11111111-2222-3333-4444-555555555555"


def _ingress(mlflow: dict[str, Any] | None = None, **ingress: Any) -> dict[str, Any]:
    return changes(planned(MINIO, **HOST, ingress=ingress, mlflow=mlflow or {}), INGRESS)


def _annotations(**ingress: Any) -> dict[str, str]:
    head = "metadata.annotations."
    return {place.removeprefix(head): value for place, value in _ingress(**ingress).items() if place.startswith(head)}


def test_plan__host_and_path() -> None:
    assert _ingress() == {"spec.rules[0].host": "mlflow.acme.example", "spec.rules[0].http.paths[0].path": "/"}
    assert _ingress({"staticPrefix": "/a/b"})["spec.rules[0].http.paths[0].path"] == "/a/b"


def test_plan__class_and_certificate() -> None:
    found = _ingress(className="traefik", tlsSecret="cert")
    assert found["spec.ingressClassName"] == "traefik"
    assert found["spec.tls"] == [{"hosts": ["mlflow.acme.example"], "secretName": "cert"}]


def test_plan__nothing_without_the_key() -> None:
    overlay = planned(MINIO, **HOST)
    assert "ingress-http" not in overlay.components
    assert changes(overlay, INGRESS) == {}


@pytest.mark.parametrize("name", ["nginx", "nginx-internal", "ingress-nginx"])
def test_annotations__of_nginx_let_uploads_pass(name: str) -> None:
    assert _annotations(className=name, maxUploadSize="20Gi") == {
        f"{NGINX}/proxy-body-size": "20480m",
        f"{NGINX}/proxy-request-buffering": "off",
        f"{NGINX}/proxy-read-timeout": "3600",
        f"{NGINX}/proxy-send-timeout": "3600",
    }


@pytest.mark.parametrize("name", ["alb", "alb-internal", "team.alb"])
def test_annotations__of_alb(name: str) -> None:
    """Pods as targets, health under the prefix, an hour of patience, TLS by ACM."""
    plain = {
        f"{ALB}/scheme": "internal",
        f"{ALB}/target-type": "ip",
        f"{ALB}/healthcheck-path": "/health",
        f"{ALB}/success-codes": "200",
        f"{ALB}/load-balancer-attributes": "idle_timeout.timeout_seconds=3600",
    }
    assert _annotations(className=name) == plain
    public = _annotations(className=name, scheme="internet-facing", certificateArn=CERTIFICATE)
    assert public == plain | {
        f"{ALB}/scheme": "internet-facing",
        f"{ALB}/certificate-arn": CERTIFICATE,
        f"{ALB}/listen-ports": '[{"HTTP": 80}, {"HTTPS": 443}]',
        f"{ALB}/ssl-redirect": "443",
    }


def test_annotations__of_alb_ask_for_health_under_the_prefix() -> None:
    found = _ingress({"staticPrefix": "/a/b"}, className="alb")
    assert found[f"metadata.annotations.{ALB}/healthcheck-path"] == "/a/b/health"


def test_annotations__of_traefik_say_that_there_is_tls() -> None:
    tls = {"traefik.ingress.kubernetes.io/router.tls": "true"}
    assert _annotations(className="traefik") == {}
    assert _annotations(className="traefik", tlsSecret="cert") == tls
    assert _annotations(className="public", controller="traefik", tlsSecret="cert") == tls


@pytest.mark.parametrize("ingress", [{}, {"className": "haproxy"}, {"className": "albatross"}, {"controller": "other"}])
def test_annotations__of_other_controllers_are_theirs(ingress: dict[str, str]) -> None:
    assert _annotations(**ingress) == {}


def test_controller__named_wins_over_the_class() -> None:
    assert _annotations(className="nginx", controller="other") == {}
    assert f"{NGINX}/proxy-body-size" in _annotations(className="edge", controller="nginx")
    assert f"{NGINX}/proxy-body-size" in _annotations(controller="nginx")


def test_alb__is_let_in_from_outside_the_cluster() -> None:
    """By its addresses, or else by every private one, which with clients would let in every pod."""
    alb = {**HOST, "ingress": {"className": "alb", "certificateArn": CERTIFICATE}}

    def sources(**more: Any) -> Any:
        return changes(planned(MINIO, **alb, **more), POLICY).get("spec.ingress[0].from")

    assert sources() == [{"namespaceSelector": {}}, *({"ipBlock": {"cidr": each}} for each in PRIVATE)]
    assert sources(networkPolicy={"addresses": ["10.1.0.0/20"]}) == [
        {"namespaceSelector": {}},
        {"ipBlock": {"cidr": "10.1.0.0/20"}},
    ]
    assert findings(MINIO, **alb, networkPolicy={"clients": ["team"]}) == ["missing-key"]
    assert findings(MINIO, **alb, networkPolicy={"clients": ["team"], "addresses": ["10.1.0.0/20"]}) == []


def test_alb__its_health_checks_pass_the_check_of_hosts() -> None:
    alb = {**HOST, "ingress": {"className": "alb", "certificateArn": CERTIFICATE}}
    prefix = {"staticPrefix": "/mlflow"}
    assert findings(MINIO, **alb, mlflow=prefix) == []
    assert findings(MINIO, **alb, mlflow={**prefix, "version": "3.15.1"}) == ["unsupported-version"]
    assert findings(MINIO, **alb, mlflow={"version": "3.15.1"}) == []


def test_origin__has_the_scheme_of_the_certificate() -> None:
    def origin(**ingress: Any) -> str:
        return str(settings(MINIO, **HOST, ingress=ingress)["MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"])

    assert origin(className="alb") == "http://mlflow.acme.example"
    assert origin(className="alb", certificateArn=CERTIFICATE) == "https://mlflow.acme.example"


@pytest.mark.parametrize(
    ("size", "megabytes"), [("1Ki", "1m"), ("1024Ki", "1m"), ("1025Ki", "2m"), ("1Gi", "1024m"), ("2Ti", "2097152m")]
)
def test_annotations__size_is_rounded_up(size: str, megabytes: str) -> None:
    assert _annotations(className="nginx", maxUploadSize=size)[f"{NGINX}/proxy-body-size"] == megabytes


def test_annotations__of_a_person_win_and_stay_in_one_place() -> None:
    by_hand = {f"{NGINX}/proxy-read-timeout": "60", "example.org/a": ""}
    found = _annotations(className="nginx", annotations=by_hand)
    assert found[f"{NGINX}/proxy-read-timeout"] == "60"
    assert found["example.org/a"] == ""
    assert found[f"{NGINX}/proxy-send-timeout"] == "3600"
    [change] = [
        change
        for change in planned(MINIO, **HOST, ingress={"className": "nginx", "annotations": by_hand}).changes
        if change.route[-1] == f"{NGINX}/proxy-read-timeout"
    ]
    assert change.because == ("ingress", "annotations", f"{NGINX}/proxy-read-timeout")


def test_issuer__provides_the_certificate_so_nobody_else_has_to() -> None:
    overlay = planned(KEYS, **HOST, ingress={"clusterIssuer": "letsencrypt"})
    found = changes(overlay, INGRESS)
    assert found["metadata.annotations.cert-manager.io/cluster-issuer"] == "letsencrypt"
    assert found["spec.tls"][0]["secretName"] == "mlflow-tls"
    assert "mlflow-tls" not in secrets(overlay)
    named = planned(KEYS, **HOST, ingress={"clusterIssuer": "letsencrypt", "tlsSecret": "cert"})
    assert changes(named, INGRESS)["spec.tls"][0]["secretName"] == "cert"
    assert "cert" not in secrets(named)


def test_certificate__without_issuer_is_asked_for() -> None:
    [secret] = [each for each in planned(KEYS, **HOST, ingress={"tlsSecret": "cert"}).secrets if each.name == "cert"]
    assert (secret.type, secret.in_cluster) == ("tls", False)


@pytest.mark.parametrize(
    ("more", "codes"),
    [
        ({"ingress": {"tlsSecret": "x"}}, ["missing-key"]),
        ({"ingress": {}}, ["missing-key", "plain-http"]),
        ({**HOST, "ingress": {}}, ["plain-http"]),
        ({**HOST, "ingress": {"clusterIssuer": "x"}}, []),
        ({**HOST, "ingress": {"annotations": {"a": 1}}}, ["plain-http"]),
        ({**HOST, "ingress": {"annotations": {"a": None}}}, ["wrong-type"]),
        ({**HOST, "ingress": {"annotations": {"a": [1]}}}, ["wrong-type"]),
        ({**HOST, "ingress": {"maxUploadSize": "5GB"}}, ["bad-value"]),
        ({**HOST, "ingress": {"className": "alb", "certificateArn": CERTIFICATE}}, []),
        ({**HOST, "ingress": {"className": "alb", "certificateArn": "mlflow"}}, ["bad-value"]),
        ({**HOST, "ingress": {"className": "alb", "tlsSecret": "x"}}, ["conflicting-keys"]),
        ({**HOST, "ingress": {"className": "alb", "clusterIssuer": "x"}}, ["conflicting-keys"]),
        ({**HOST, "ingress": {"className": "nginx", "certificateArn": CERTIFICATE}}, ["conflicting-keys"]),
        ({**HOST, "ingress": {"tlsSecret": "x", "scheme": "internal"}}, ["conflicting-keys"]),
        ({**HOST, "ingress": {"controller": "haproxy"}}, ["unknown-value"]),
        ({**HOST, "ingress": None}, ["wrong-type"]),
        ({**HOST, "ingress": True}, ["wrong-type"]),
    ],
)
def test_check__what_an_ingress_needs(more: dict[str, Any], codes: list[str]) -> None:
    assert findings(MINIO, **more) == codes
