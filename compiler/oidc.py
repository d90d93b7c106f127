"""A login by OpenID Connect, in a proxy that stands in the server's own pod: what the key `auth` has for `mode: oidc`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from compiler.diagnostic import Finding
from compiler.formats import HOST, PORT, WORD
from compiler.image import image, image_of, unpinned
from compiler.overlay import POD, SERVER, Change, Overlay, Ref, Secret, SecretKey
from compiler.part import Schema, object_of, secret_name, text
from compiler.peer import ANYWHERE, peers
from compiler.route import Named, Route

if TYPE_CHECKING:
    from compiler.environment import Environment

SECRET = "mlflow-oidc"  # noqa: S105 - a name
POLICY = Ref("networking.k8s.io/v1", "NetworkPolicy", "mlflow-to-issuer")
_IMAGE = "quay.io/oauth2-proxy/oauth2-proxy"
_DEFAULT_IMAGE = f"{_IMAGE}:v7.15.4"
_PROXY: Route = (*POD, "containers", Named("oauth2-proxy"))
_URL = rf"https://{HOST}(?::{PORT})?(?:/[A-Za-z0-9_.~%/-]*)?"
_URL_WORDS = "an address like https://login.acme.example/realms/acme, exactly as the issuer's tokens have it"


def _list(description: str, items: Schema, **more: Any) -> Schema:
    return {"type": "array", "description": description, "items": items, "minItems": 1, "uniqueItems": True, **more}


_ISSUER = text("An issuer, as its tokens name it.", _URL, _URL_WORDS, maxLength=2048)
_AUDIENCE = text(
    "What its tokens have as audience.", rf"(?![^=]*=){WORD}", "one word without commas or '='", maxLength=256
)

KEYS: dict[str, Schema] = {
    "issuer": text(
        "Mode oidc: the issuer, as its tokens name it.",
        _URL,
        _URL_WORDS,
        maxLength=2048,
        examples=["https://login.acme.example/realms/acme"],
    ),
    "clientId": text(
        "Mode oidc: the client that MLflow is to the issuer.", WORD, "one word without commas", maxLength=256
    ),
    "emailDomains": _list(
        'Mode oidc: whose users may log in, by the domains of their addresses; ["*"] is everybody that the issuer knows.',
        text("A domain, or *.", rf"\*|\.?{HOST}", "a domain like acme.example, or '*'"),
        examples=[["acme.example"]],
    ),
    "allowedGroups": _list(
        "Mode oidc: the groups whose members may log in, as the claim groups names them; all without it.",
        text("A group.", f"{WORD}(?: +{WORD})*", "a name without commas", maxLength=256),
    ),
    "tokens": _list(
        "Mode oidc: whose tokens programs may bring, beside those of the issuer for the client.",
        object_of("Tokens of an issuer.", {"issuer": _ISSUER, "audience": _AUDIENCE}, required=["issuer", "audience"]),
    ),
    "caSecret": secret_name("Mode oidc: the Secret with the issuer's certificate authority, key ca.crt."),
    "image": image("Mode oidc: the image of oauth2-proxy.", _DEFAULT_IMAGE),
}
"""The keys of `auth` that only this mode has."""


@dataclass(frozen=True)
class Oidc:
    """A login by an issuer. `tokens` are pairs of issuer and audience; what was not given is empty."""

    issuer: str
    client_id: str
    existing_secret: str
    email_domains: tuple[str, ...]
    allowed_groups: tuple[str, ...]
    tokens: tuple[tuple[str, str], ...]
    ca_secret: str | None
    image: str | None
    given: frozenset[str]


def read(given: Mapping[str, Any]) -> Oidc:
    """The login, from the values of the key `auth`."""
    return Oidc(
        issuer=given.get("issuer", ""),
        client_id=given.get("clientId", ""),
        existing_secret=given.get("existingSecret", SECRET),
        email_domains=tuple(given.get("emailDomains", ())),
        allowed_groups=tuple(given.get("allowedGroups", ())),
        tokens=tuple((each["issuer"], each["audience"]) for each in given.get("tokens", ())),
        ca_secret=given.get("caSecret"),
        image=given.get("image"),
        given=frozenset(given),
    )


def check(environment: Environment, login: Oidc) -> Iterable[Finding]:
    """What a login in a browser needs: an issuer, who may log in, and a host with TLS."""
    mode: Route = ("auth", "mode")
    for key, value, hint in (
        ("issuer", login.issuer, "add issuer: the address that the tokens of your provider have as iss"),
        ("clientId", login.client_id, "register a client with your provider, and name it"),
        ("emailDomains", login.email_domains, "add emailDomains: [your-domain.example]"),
    ):
        if not value:
            yield Finding(mode, "missing-key", f"mode oidc needs the key auth.{key}", hint, at_key=True)
    if not environment.host:
        message = "mode oidc needs the key host: the issuer sends browsers back there"
        yield Finding(mode, "missing-key", message, "add host: mlflow.your-domain.example", at_key=True)
    elif str(environment.origin).startswith("http:"):
        message = f"{environment.host} is served without TLS, so browsers would not send the cookie of a login back"
        yield Finding(mode, "conflicting-keys", message, "give the host a certificate", at_key=True)
    if login.image:
        yield from unpinned(("auth", "image"), login.image)


def plan(environment: Environment, login: Oidc) -> Overlay:
    """The proxy with its settings, its Secret, and its way to the issuer."""
    overlay = Overlay(
        components=("auth-oidc",),
        changes=(*_settings(environment, login), *_pod(environment, login)),
        secrets=(_secret(login),),
    )
    if login.image:
        overlay += Overlay(images=(image_of(_IMAGE, login.image, ("auth", "image")),))
    if login.ca_secret:
        because: Route = ("auth", "caSecret")
        name: Route = (*POD, "volumes", Named("issuer-ca"), "secret", "secretName")
        authority = SecretKey("ca.crt", "the certificate authority of the issuer, in PEM", "@ca.crt", random=False)
        overlay += Overlay(
            components=("auth-oidc-ca",),
            changes=(Change(SERVER, name, login.ca_secret, because, "the issuer's authority"),),
            secrets=(Secret(login.ca_secret, (authority,), because, in_cluster=False),),
        )
    if environment.network_policy.enabled:
        overlay += Overlay(changes=(_egress(environment, login),))
    return overlay


def _secret(login: Oidc) -> Secret:
    keys = (
        SecretKey("client-secret", "what the provider gave the client", "...", random=False),
        SecretKey("cookie-secret", "what cookies are encrypted with: 32 random letters and digits", "..."),
    )
    return Secret(login.existing_secret, keys, ("auth", "existingSecret"), in_cluster=False)


def _settings(environment: Environment, login: Oidc) -> Iterator[Change]:
    """The variables of the proxy."""
    prefix = environment.mlflow.static_prefix
    yield _variable("OIDC_ISSUER_URL", login.issuer, "issuer", "who knows the users")
    yield _variable("CLIENT_ID", login.client_id, "clientId", "what MLflow is to the issuer")
    yield _variable("EMAIL_DOMAINS", ",".join(login.email_domains), "emailDomains", "who may log in")
    if login.allowed_groups:
        yield _variable("ALLOWED_GROUPS", ",".join(login.allowed_groups), "allowedGroups", "who may log in")
    if login.tokens:
        pairs = ",".join(f"{issuer}={audience}" for issuer, audience in login.tokens)
        yield _variable("EXTRA_JWT_ISSUERS", pairs, "tokens", "whose tokens programs may bring")
    back = f"{environment.origin}{prefix}/oauth2/callback"
    yield _variable("REDIRECT_URL", back, "mode", "where the issuer sends browsers back")
    if prefix:
        because: Route = ("mlflow", "staticPrefix")
        yield _set("PROXY_PREFIX", f"{prefix}/oauth2", because, "no other path leads here")
        route = f"GET=^{re.escape(prefix)}/health$"
        yield _set("SKIP_AUTH_ROUTES", route, because, "the prefix covers /health too")


def _variable(name: str, value: str, key: str, why: str) -> Change:
    return _set(name, value, ("auth", key), why)


def _set(name: str, value: str, because: Route, why: str) -> Change:
    return Change(SERVER, (*_PROXY, "env", Named(f"OAUTH2_PROXY_{name}"), "value"), value, because, why)


def _pod(environment: Environment, login: Oidc) -> Iterator[Change]:
    if login.existing_secret != SECRET:
        name: Route = (*POD, "volumes", Named("oauth2-proxy"), "secret", "secretName")
        yield Change(SERVER, name, login.existing_secret, ("auth", "existingSecret"), "the Secret of the login")
    if environment.mlflow.pull_policy != "IfNotPresent":
        because: Route = ("mlflow", "image", "pullPolicy")
        policy = environment.mlflow.pull_policy
        yield Change(SERVER, (*_PROXY, "imagePullPolicy"), policy, because, "when the image is pulled")


def _peers(host: str, namespace: str) -> list[dict[str, Any]]:
    """The peers of an issuer; one like gitlab.com may be a Service of the namespace com, but hardly is."""
    found = peers(host, namespace)
    return [*found, *ANYWHERE] if host.count(".") == 1 else found


def _egress(environment: Environment, login: Oidc) -> Change:
    """The way to every issuer, for its keys and for tokens; both may be on other hosts than it says."""
    rules = []
    for issuer in dict.fromkeys((login.issuer, *(issuer for issuer, _ in login.tokens))):
        place = urlsplit(issuer)
        rule = {
            "to": _peers(place.hostname or "", environment.namespace.name),
            "ports": [{"port": place.port or 443, "protocol": "TCP"}],
        }
        rules += [] if rule in rules else [rule]
    return Change(POLICY, ("spec", "egress"), rules, ("auth", "issuer"), "the proxy reaches the issuer")
