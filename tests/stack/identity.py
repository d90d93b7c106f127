"""A provider of OpenID Connect outside the cluster, and a browser that logs in with it."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

from .cloud import machine, ready, tls
from .images import ISSUER
from .network import inside
from .pod import Pod
from .programs import ROOT
from .running import Running
from .spec import Objects

HOST = "login.acme.example"
ADDRESS = "203.0.113.30"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Answer:
    """What came back: the status, the headers in lower case, and the body. `cookies` are those that it sets."""

    status: int
    headers: dict[str, str]
    body: str
    cookies: dict[str, str] = field(default_factory=dict)

    @property
    def location(self) -> str:
        """Where it leads."""
        return self.headers.get("location", "")


def provider(running: Running, clients: dict[str, str]) -> Pod:
    """Starts the provider, which knows these clients by their secrets."""
    objects = Objects("provider")
    program = (ROOT / "tests" / "stack" / "issuer.py").read_text(encoding="utf-8")
    objects.add({"kind": "ConfigMap", "metadata": {"name": "program"}, "data": {"issuer.py": program}})
    objects.add(tls(running.authority, HOST))
    container = {
        "name": "issuer",
        "image": f"{ISSUER}:0",
        "command": ["python", "/program/issuer.py", "/tls/tls.crt", "/tls/tls.key"],
        "env": [{"name": "CLIENTS", "value": json.dumps(clients)}],
        "ports": [{"containerPort": 443}],
        "readinessProbe": {"tcpSocket": {"port": 443}},
        "volumeMounts": [{"name": name, "mountPath": f"/{name}"} for name in ("program", "tls", "tmp")],
    }
    running.cluster.names[HOST] = ADDRESS
    pod = running.cluster.guest("provider", machine(container), objects, ADDRESS)
    ready(pod)
    return pod


def _read(connection: http.client.HTTPConnection) -> Answer:
    found = connection.getresponse()
    cookies = [each.partition(";")[0].partition("=") for each in found.headers.get_all("Set-Cookie") or []]
    headers = {name.lower(): value for name, value in found.getheaders()}
    body = found.read().decode(errors="replace")
    return Answer(found.status, headers, body, {name: value for name, _, value in cookies})


def send(
    running: Running,
    pod: Pod,
    port: int,
    path: str,
    headers: dict[str, str] | None = None,
    method: str = "GET",
) -> Answer:
    """The answer of a pod to a request for the public host, as the Ingress passes it on."""
    with inside(running.cluster.network.node):
        connection = http.client.HTTPConnection(pod.link.address, port, timeout=20)
        try:
            connection.request(method, path, headers={"Host": "mlflow.acme.example", **(headers or {})})
            return _read(connection)
        finally:
            connection.close()


def at_provider(running: Running, path: str, form: dict[str, str] | None = None) -> Answer:
    """The provider's own answer, over TLS."""
    context = ssl.create_default_context(cafile=str(running.authority.bundle))
    with inside(running.cluster.network.node):
        connection = http.client.HTTPSConnection(HOST, 443, timeout=20, context=context)
        connection.sock = context.wrap_socket(socket.create_connection((ADDRESS, 443), 20), server_hostname=HOST)
        try:
            body = urlencode(form) if form is not None else None
            connection.request("POST" if body is not None else "GET", path, body, {"Content-Type": FORM})
            return _read(connection)
        finally:
            connection.close()


def token(running: Running, user: str, client: str, secret: str) -> str:
    """The ID token that a program gets for a user, as the client with the secret."""
    back = "http://localhost/"
    asked = urlencode({"response_type": "code", "client_id": client, "redirect_uri": back, "scope": "openid email"})
    code = parse_qs(urlsplit(at_provider(running, f"/oauth2/authorize?{asked}", {"sub": user}).location).query)["code"]
    form = {"grant_type": "authorization_code", "code": code[0], "redirect_uri": back}
    answer = at_provider(running, "/oauth2/token", form | {"client_id": client, "client_secret": secret})
    if answer.status != http.client.OK:
        raise AssertionError(answer)
    return str(json.loads(answer.body)["id_token"])


def logged_in(running: Running, pod: Pod, port: int, path: str, user: str) -> tuple[Answer, dict[str, str]]:
    """The end of a login that begins at a path, and the cookies that the browser then has."""
    first = send(running, pod, port, path)
    cookies = dict(first.cookies)
    place = urlsplit(first.location)
    back = urlsplit(at_provider(running, f"{place.path}?{place.query}", {"sub": user}).location)
    last = send(running, pod, port, f"{back.path}?{back.query}", {"Cookie": jar(cookies)})
    return last, cookies | last.cookies


def jar(cookies: dict[str, str]) -> str:
    """Cookies as a browser sends them."""
    return "; ".join(f"{name}={value}" for name, value in cookies.items() if value)
