"""A server of MLflow, spoken to as its clients speak to it, with the standard library alone."""

from __future__ import annotations

import base64
import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request, build_opener

TIMEOUT_SECONDS = 30
API = "/api/2.0/mlflow"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
MOST = 1 << 20
"""The most that is read of an answer."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Problem(Exception):
    """What went wrong between here and the server, and what to do about it."""

    def __init__(self, said: str, mend: str) -> None:
        super().__init__(said)
        self.mend = mend


@dataclass(frozen=True)
class Reply:
    """An answer of the server."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def text(self) -> str:
        """Its beginning as text, on one line."""
        return " ".join(self.body[:400].decode("utf-8", "replace").split())

    @property
    def json(self) -> dict[str, Any]:
        """What it says, if that is JSON."""
        try:
            found = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def problem(self) -> str:
        """What it says of a failure, in the server's words."""
        said = str(self.json.get("message") or self.json.get("error_code") or self.text)
        return f"{self.status}{f': {said}' if said else ''}"


@dataclass(frozen=True)
class Login:
    """How a client shows who it is: a user with a password, or a token. Neither is ever shown."""

    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    @property
    def header(self) -> str:
        """The value of the header Authorization; empty without a login."""
        if self.token:
            return f"Bearer {self.token}"
        if not self.user:
            return ""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


class _Stay(HTTPRedirectHandler):
    """Follows no redirect: a login would go along to wherever it leads."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


@dataclass(frozen=True)
class Server:
    """A server at a URI, which ends without a slash."""

    uri: str
    login: Login = field(default_factory=Login)
    tls: ssl.SSLContext | None = None
    seconds: float = TIMEOUT_SECONDS

    def ask(self, method: str, path: str, body: Any = None, data: bytes | None = None) -> Reply:
        """Sends a request, with JSON or with bytes, and returns the answer whatever its status. Raises `Problem`."""
        content = json.dumps(body).encode() if body is not None else data
        request = Request(f"{self.uri}{path}", content, method=method)  # noqa: S310 - http and https alone, see `address`
        kind = "application/json" if body is not None else "application/octet-stream"
        request.add_header("Content-Type", kind)
        if self.login.header:
            request.add_unredirected_header("Authorization", self.login.header)
        with _explained(self.uri):
            try:
                with self._opener().open(request, timeout=self.seconds) as answer:
                    return Reply(answer.status, answer.read(MOST), dict(answer.headers))
            except HTTPError as error:
                with error:
                    return Reply(error.code, error.read(MOST), dict(error.headers))

    def call(self, method: str, endpoint: str, body: Any = None) -> Reply:
        """Calls an endpoint of MLflow's REST API, like `runs/create`."""
        return self.ask(method, f"{API}/{endpoint}", body)

    def artifact(self, method: str, path: str, data: bytes | None = None) -> Reply:
        """Sends, fetches or deletes an artifact through the server."""
        return self.ask(method, f"{ARTIFACTS}/{quote(path)}", data=data)

    def _opener(self) -> OpenerDirector:
        # No proxy of the shell leads to this machine.
        own = [ProxyHandler({})] if urlsplit(self.uri).hostname in LOOPBACK else []
        return build_opener(_Stay, HTTPSHandler(context=self.tls), *own)


def address(uri: str) -> str:
    """The URI of a server without the slash at its end. Raises `ValueError` for one that is none, or holds a password."""
    url = urlsplit(uri)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError(
            f"'{url.hostname or url.path}' is not the address of a server: write it like https://mlflow.acme.example"
        )
    if url.username or url.password:
        raise ValueError("no login belongs into an address: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD")
    if url.query or url.fragment:
        raise ValueError("the address of a server has neither ? nor #")
    _ = url.port
    return uri.rstrip("/")


@contextmanager
def _explained(uri: str) -> Iterator[None]:
    """What the network says, in words that say what to do."""
    try:
        yield
    except URLError as error:
        raise explained(uri, error.reason if isinstance(error.reason, BaseException) else error) from None
    except (OSError, HTTPException) as error:
        raise explained(uri, error) from None


def explained(uri: str, error: BaseException) -> Problem:
    """The meaning of an error of the network."""
    url = urlsplit(uri)
    host, place = url.hostname or "", url.netloc
    if isinstance(error, socket.gaierror):
        return Problem(
            f"the name {host} does not resolve",
            "look at the spelling and at DNS; a name that ends with .svc is known inside the cluster alone:"
            " use kubectl port-forward",
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        return Problem(
            f"the certificate of {place} is not trusted: {error.verify_message or error}",
            "let the certificate name this host and be signed by an authority that is known here;"
            " --ca FILE names an authority of your own",
        )
    if isinstance(error, ssl.SSLError):
        return Problem(
            f"{place} does not speak TLS as is expected: {error.reason or error}", "try http:// in place of https://"
        )
    if isinstance(error, TimeoutError):
        return Problem(
            f"{place} does not answer in time",
            "a firewall or NetworkPolicy may drop the connection, or the server may be too busy: see its pods",
        )
    if isinstance(error, ConnectionRefusedError):
        return Problem(
            f"nothing listens at {place}", "look at the port, and whether the server or the port-forward runs"
        )
    return Problem(
        f"{place} ends the connection: {error}", "look at what stands between here and the server, and at its pods"
    )
