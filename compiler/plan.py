"""Which overlay an environment asks for, and what is wrong with asking for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from compiler.diagnostic import Finding
from compiler.environment import Environment
from compiler.overlay import Overlay, Secret
from compiler.parts import PARTS
from compiler.route import Route, follow, show
from compiler.secrecy import credential_in
from compiler.source import Source
from compiler.split import shared

LAST = (
    "serviceaccount-existing",
    "mode-split-policies",
    "mode-split-login-policies",
    "platform-openshift",
    "networkpolicy-off",
)
"""Components that take away what others added, and so come after all of them, in this order."""
_LITERAL = {"accessKey", "accessKeyId", "secretAccessKey", "secretKey"}
"""What the access keys themselves are called in other tools' settings."""
AFTER = ("database-ca", "mode-proxied", "driver-")
"""Components that change what others bring, in this order. Drivers say which init container is the first: Kustomize puts those
that a patch names before the others."""


def check(environment: Environment) -> list[Finding]:
    """Everything wrong with an environment that no schema can say."""
    findings = [finding for part in PARTS.values() for finding in part.check(environment)]
    return [*findings, *_external(environment)]


def _external(environment: Environment) -> Iterator[Finding]:
    """Finds names of Secrets that the environment does not have, and an operator that has none to make."""
    external = environment.secrets.external
    if external is None:
        return
    overlay = plan(environment)
    known = {secret.name for secret in overlay.secrets}
    routes: list[tuple[str, Route]] = [(name, ("externalSecrets", "names", name)) for name in external.names]
    routes += [(name, ("externalSecrets", "except", index)) for index, name in enumerate(external.besides)]
    for name, route in routes:
        if name not in known:
            message = f"the environment has no Secret {name}"
            yield Finding(route, "unknown-key", message, f"it has {', '.join(sorted(known))}", at_key="names" in route)
    if not overlay.external_secrets():
        message = "every Secret is created already, so that there is none to make from the store"
        yield Finding(
            ("externalSecrets",), "conflicting-keys", message, "remove it, or set secrets: existing", at_key=True
        )


def credentials(source: Source) -> list[Finding]:
    """Every value of a source that looks like a credential. No message repeats it."""
    found = []
    for route in source.entries:
        value = follow(source.data, route)
        kind = credential_in(value) if isinstance(value, str) else None
        if kind:
            found.append(
                Finding(
                    route,
                    "secret-in-plain-sight",
                    f"this looks like {kind}; the file is committed, and no key of it holds a secret",
                    "put it into a Secret, name that here, and replace the credential: it has been written down",
                )
            )
        if len(route) > 1 and str(route[-1]) in _LITERAL:
            message = (
                f"{show(route)} would hold a key of the store; the file is committed, and no key of it holds a secret"
            )
            hint = "name the Secret that holds it: artifacts.existingSecret"
            found.append(Finding(route, "secret-in-plain-sight", message, hint, at_key=True))
    return found


def plan(environment: Environment) -> Overlay:
    """The sum of what the parts ask for."""
    overlay = Overlay(custom=environment.custom)
    for part in PARTS.values():
        overlay += part.plan(environment)
    if environment.mlflow.mode == "split":
        overlay += shared(overlay)
    components = sorted(overlay.components, key=_turn)
    changes = tuple(change for change in overlay.changes if change.target not in overlay.removed)
    return replace(overlay, components=tuple(components), changes=changes, secrets=_together(overlay.secrets))


def _turn(component: str) -> int:
    """When a component is applied: after the others, where its work is to take away or to say what is first."""
    if component in LAST:
        return LAST.index(component) + 1
    return next(
        (index for index, start in enumerate(AFTER, -len(AFTER)) if component.startswith(start)), -len(AFTER) - 1
    )


def _together(secrets: tuple[Secret, ...]) -> tuple[Secret, ...]:
    """One entry a Secret, with all the keys that are asked of it."""
    merged: dict[str, Secret] = {}
    for secret in secrets:
        before = merged.get(secret.name, secret)
        keys = tuple({key.key: key for key in before.keys + secret.keys}.values())
        merged[secret.name] = replace(before, keys=keys, in_cluster=before.in_cluster and secret.in_cluster)
    return tuple(merged.values())
