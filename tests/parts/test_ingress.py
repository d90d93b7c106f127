"""The Ingress: what each controller is told, and that uploads pass."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.parts.ingress import INGRESS
from tests.parts import KEYS, MINIO, changes, findings, planned, secrets

HOST = {"host": "mlflow.acme.example"}
NGINX = "nginx.ingress.kubernetes.io"


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


@pytest.mark.parametrize("ingress", [{}, {"className": "traefik"}, {"className": "alb"}])
def test_annotations__of_other_controllers_are_theirs(ingress: dict[str, str]) -> None:
    assert _annotations(**ingress) == {}


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
        ({**HOST, "ingress": None}, ["wrong-type"]),
        ({**HOST, "ingress": True}, ["wrong-type"]),
    ],
)
def test_check__what_an_ingress_needs(more: dict[str, Any], codes: list[str]) -> None:
    assert findings(MINIO, **more) == codes
