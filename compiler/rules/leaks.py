"""No secret value may stand in a build, other than inside a Secret that is made from a git-ignored file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from compiler.manifest import Fault, Manifest, strings
from compiler.overlay import Overlay
from compiler.route import show
from compiler.secrecy import credential_in, written_out


def leaks(overlay: Overlay, manifests: Sequence[Manifest], made_up: Sequence[str]) -> list[Fault]:
    """Values that were made up as secrets, and anything that looks like a credential, outside of generated Secrets."""
    generated = {secret.name for secret in overlay.generated_secrets()}
    faults = []
    for manifest in manifests:
        if manifest.ref.kind == "Secret":
            if manifest.ref.name not in generated and not _published(overlay, manifest):
                message = "a Secret with its values stands in the build, and so in git"
                faults.append(Fault(manifest.ref, (), "secret-in-plain-sight", message, "create it beside the overlay"))
            continue
        faults += _named(manifest)
        for route, text in strings(manifest.data):
            if any(value in text for value in made_up):
                message = f"{show(route)} holds the value of a Secret"
                faults.append(
                    Fault(manifest.ref, route, "secret-in-plain-sight", message, "refer to the Secret instead")
                )
            elif kind := credential_in(text):
                message = f"{show(route)} looks like {kind}"
                faults.append(Fault(manifest.ref, route, "secret-in-plain-sight", message, "put it into a Secret"))
    return faults


def _named(manifest: Manifest) -> Iterator[Fault]:
    """Values of a ConfigMap that stand under a name of a credential."""
    for key, value in (manifest.data.get("data") or {}).items() if manifest.ref.kind == "ConfigMap" else ():
        if key not in _FILES and written_out(key, value):
            message = f"{key} looks like a secret, and a ConfigMap is readable"
            hint = "put it into a Secret, and refer to that: envFrom with secretRef"
            yield Fault(manifest.ref, ("data", key), "secret-in-plain-sight", message, hint)


_FILES = ("passwd",)
"""Files without a secret that have such a name: users of a system."""
_MYSQL = {"username": "root", "password": ""}
"""The login to the database that comes with Kubeflow Pipelines. Source: mysql-secret.yaml of its manifests, at every release."""


def _published(overlay: Overlay, manifest: Manifest) -> bool:
    """Whether a Secret is one that upstream's own manifests have, as they have it: no secret is in it."""
    known = overlay.system == "pipelines" and manifest.ref.name == "mysql-secret"
    return known and manifest.data.get("stringData") == _MYSQL and "data" not in manifest.data
