"""TLS in the server's own pod, so that nothing is in the clear inside the cluster either.

`existingSecret` is a Secret of type `kubernetes.io/tls`: cert-manager fills one, or `kubectl create secret tls` makes one. Its
certificate has to be for the names that clients use: `mlflow.<namespace>.svc.cluster.local` and the shorter ones, and the public
host where nothing stands before the Service.

- Clients set `MLFLOW_TRACKING_URI=https://mlflow.<namespace>.svc:5000`, and `MLFLOW_TRACKING_SERVER_CERT_PATH` to the authority's
  certificate where it is not a public one. The port of the Service is called `https`.
- The certificate is read when a pod starts: a new one is taken by `kubectl rollout restart deployment/mlflow`, and so before
  the old one ends. Reloader and the like do that by themselves, told by `podAnnotations`.
- Controllers nginx and alb are told to speak HTTPS to the pods; they encrypt, and do not verify. Traefik does so by the port's
  name, and verifies: name a ServersTransport with your authority in `service.annotations`.
- `metrics` have a port of their own, which stays plain; a policy opens it to Prometheus alone.

It does not go with `gateway`, which needs a BackendTLSPolicy, with `auth.mode: oidc`, whose proxy takes the connections, or with
`mlflow.jobs`, whose runner speaks to its server in the clear.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compiler.diagnostic import Finding
from compiler.kind import Kind
from compiler.oidc import Oidc
from compiler.overlay import POD, SERVER, SERVICE, Change, Overlay, Secret
from compiler.part import Schema, object_of, secret_name
from compiler.route import Named, Route

if TYPE_CHECKING:
    from compiler.environment import Environment

_BECAUSE: Route = ("tls", "existingSecret")

KEYS: dict[str, Schema] = {
    "tls": object_of(
        "TLS in the server's own pod.",
        {"existingSecret": secret_name("The Secret with the certificate and its key.", examples=["mlflow-server-tls"])},
        required=["existingSecret"],
    )
}


@dataclass(frozen=True)
class Tls:
    """The certificate of the server's own pod."""

    existing_secret: str


def read(values: Mapping[str, Any], kind: Kind) -> Tls | None:
    """The certificate, if there is one."""
    return Tls(values["tls"]["existingSecret"]) if "tls" in values else None


def check(environment: Environment) -> Iterable[Finding]:
    """What would go on speaking plain HTTP to the server."""
    if environment.tls is None:
        return
    for there, key, why in (
        (environment.gateway, "gateway", "a Gateway speaks plain HTTP to a Service without a BackendTLSPolicy"),
        (isinstance(environment.auth, Oidc), "auth.mode: oidc", "its proxy takes the connections, and in the clear"),
        (environment.mlflow.jobs, "mlflow.jobs", "MLflow's job runner speaks plain HTTP to its server"),
    ):
        if there:
            message = f"tls does not go with {key}: {why}"
            yield Finding(("tls",), "conflicting-keys", message, "remove one of the two", at_key=True)


def plan(environment: Environment) -> Overlay:
    """The certificate in the pod, and the name of the Service's port."""
    tls = environment.tls
    if tls is None:
        return Overlay()
    name = (*POD, "volumes", Named("server-tls"), "secret", "secretName")
    return Overlay(
        components=("server-tls",),
        changes=(
            Change(SERVER, name, tls.existing_secret, _BECAUSE, "the certificate of the server"),
            Change(SERVICE, ("spec", "ports", 0, "name"), "https", _BECAUSE, "what is spoken on the port"),
            Change(SERVICE, ("spec", "ports", 0, "appProtocol"), "https", _BECAUSE, "what is spoken on the port"),
        ),
        secrets=(Secret(tls.existing_secret, (), _BECAUSE, in_cluster=False, type="tls"),),
    )
