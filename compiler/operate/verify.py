"""Whether a server that was deployed works: through a forwarded port, as a client would see it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

from compiler.errors import Fatal
from compiler.oidc import Oidc
from compiler.operate import connection
from compiler.operate.mask import decoded
from compiler.operate.rest import Login, Server
from compiler.operate.target import Target
from compiler.operate.verdict import Result, failed, passed, skipped
from compiler.parts.auth import Auth

MEND = "it may not be allowed to you: --no-verify leaves it out; mlflow-overlays test-connection tests the address of clients"


def verify(target: Target, stamp: str, millis: int) -> Iterator[Result]:
    """Logs a run and reads it back. In: words that make the name of the experiment its own, and the time in milliseconds."""
    environment = target.environment
    if isinstance(environment.auth, Oidc):
        yield skipped(
            "verify", "a provider of OpenID Connect lets nobody in without a login of its own: use test-connection"
        )
        return
    scheme = "https" if environment.tls else "http"
    try:
        with target.cluster.forward("service/mlflow", environment.service.port, target.namespace) as place:
            uri = f"{scheme}://{place}{environment.mlflow.static_prefix or ''}"
            yield passed("port-forward", "service/mlflow")
            yield from connection.test(Server(uri, login(target), trust(target)), stamp, millis)
    except Fatal as problem:
        yield failed("port-forward", str(problem), MEND)


def login(target: Target) -> Login:
    """The administrator's login, from its Secret; none where the server asks for none."""
    auth = target.environment.auth
    if not isinstance(auth, Auth):
        return Login()
    data = (target.get("secret", auth.existing_secret) or {}).get("data") or {}
    return Login(auth.admin_user, decoded(data.get("admin-password", "")))


def trust(target: Target) -> ssl.SSLContext | None:
    """Trust in the server's own certificate, whose names are not that of a forwarded port."""
    if not target.environment.tls:
        return None
    data = (target.get("secret", target.environment.tls.existing_secret) or {}).get("data") or {}
    context = ssl.create_default_context(cadata=decoded(data.get("ca.crt") or data.get("tls.crt", "")))
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
