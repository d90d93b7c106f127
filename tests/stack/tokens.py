# mypy: disable-error-code="import-not-found,import-untyped,no-any-unimported"
"""What in a cloud hands out credentials for a pod's identity: run in a pod, not imported.

tokens.py agent       the agent of EKS Pod Identity: keys for the token of the service account
tokens.py metadata    the metadata server of GKE: a token of the pod's service account
tokens.py google      Google's token endpoint: a token for what a key file signed
tokens.py entra       Microsoft's token endpoint: a token for the token of the service account

Reads what to take and what to give from SETUP, as JSON. With /tls/tls.crt it serves TLS on port 443, else port 80.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

SETUP: dict[str, Any] = json.loads(os.environ.get("SETUP", "{}"))
CERTIFICATE = Path("/tls/tls.crt")
HOUR = 3600


class Refused(Exception):
    """A request that gets nothing."""


class Handler(BaseHTTPRequestHandler):
    """Answers GET and POST with JSON, or with text where an answer is text."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answers."""
        self._answer({})

    def do_POST(self) -> None:
        """Answers a form."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self._answer({name: values[0] for name, values in parse_qs(body).items()})

    def _answer(self, form: dict[str, str]) -> None:
        try:
            status, content = 200, ANSWERS[sys.argv[1]](self, form)
        except Refused as reason:
            status, content = 403, {"error": "access_denied", "error_description": str(reason)}
        text = content if isinstance(content, str) else json.dumps(content)
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/text" if isinstance(content, str) else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Metadata-Flavor", "Google")
        self.end_headers()
        self.wfile.write(data)


def wanted(what: str, given: str | None, right: str) -> None:
    """Refuses everything but what is right."""
    if given != right:
        raise Refused(f"{what} is not the right one")


def agent(request: Handler, form: dict[str, str]) -> dict[str, str]:
    """https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html."""
    wanted("the path", request.path, "/v1/credentials")
    wanted("the token", request.headers.get("Authorization"), SETUP["token"])
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + HOUR))
    return {**SETUP["credentials"], "Expiration": until}


def metadata(request: Handler, form: dict[str, str]) -> dict[str, Any] | str:
    """https://cloud.google.com/kubernetes-engine/docs/concepts/workload-identity#metadata_server."""
    wanted("the flavour", request.headers.get("Metadata-Flavor"), "Google")
    path = request.path.partition("?")[0].removeprefix("/computeMetadata/v1/")
    texts = {"project/project-id": "acme", "universe/universe-domain": "googleapis.com"}
    if path in texts:
        return texts[path]
    if path.endswith("/token"):
        return {"access_token": SETUP["token"], "expires_in": HOUR, "token_type": "Bearer"}
    return {"email": "acme.svc.id.goog", "scopes": [], "aliases": ["default"]}


def google(request: Handler, form: dict[str, str]) -> dict[str, Any]:
    """https://developers.google.com/identity/protocols/oauth2/service-account#httprest."""
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    head, claims, signature = form["assertion"].split(".")
    key: Any = load_pem_public_key(SETUP["public"].encode())
    key.verify(decoded(signature), f"{head}.{claims}".encode(), PKCS1v15(), SHA256())
    wanted("the issuer", json.loads(decoded(claims))["iss"], SETUP["issuer"])
    return {"access_token": SETUP["token"], "expires_in": HOUR, "token_type": "Bearer"}


def entra(request: Handler, form: dict[str, str]) -> dict[str, Any]:
    """https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow."""
    base = "https://login.microsoftonline.com"
    tenant = SETUP["tenant"]
    if request.path.startswith("/common/discovery/instance"):
        alias = {"preferred_network": base[8:], "preferred_cache": base[8:], "aliases": [base[8:]]}
        discovery = f"{base}/{tenant}/v2.0/.well-known/openid-configuration"
        return {"tenant_discovery_endpoint": discovery, "api-version": "1.1", "metadata": [alias]}
    if request.command == "GET":
        return {
            "token_endpoint": f"{base}/{tenant}/oauth2/v2.0/token",
            "authorization_endpoint": f"{base}/{tenant}/oauth2/v2.0/authorize",
            "issuer": f"{base}/{tenant}/v2.0",
        }
    wanted("the tenant", request.path, f"/{tenant}/oauth2/v2.0/token")
    wanted("the client", form["client_id"], SETUP["client"])
    wanted("the token", form["client_assertion"], SETUP["token"])
    now = int(time.time())
    claims = {"aud": "https://storage.azure.com", "iss": f"https://sts.windows.net/{tenant}/", "iat": now, "nbf": now}
    head = {"alg": "none", "typ": "JWT"}
    parts = [encoded(part) for part in (head, {**claims, "exp": now + HOUR, "oid": SETUP["client"]})]
    return {"access_token": ".".join([*parts, "c2lnbmF0dXJl"]), "expires_in": HOUR, "token_type": "Bearer"}


def encoded(part: dict[str, Any]) -> str:
    """A part of a JWT."""
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def decoded(part: str) -> bytes:
    """What a part of a JWT says."""
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


ANSWERS: dict[str, Any] = {"agent": agent, "metadata": metadata, "google": google, "entra": entra}


def main() -> None:
    """Serves for ever."""
    server = ThreadingHTTPServer(("0.0.0.0", 443 if CERTIFICATE.exists() else 80), Handler)
    if CERTIFICATE.exists():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE, "/tls/tls.key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
