"""Whether the Secrets that an environment refers to are there, with their keys, and without what slips in when they are made.

Values are looked at and never shown: a message has the names of a Secret and of a key alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from compiler.cluster import Object
from compiler.operate.mask import decoded
from compiler.operate.verdict import Result, failed, passed
from compiler.overlay import Overlay, Secret

KEYS = {"tls": ("tls.crt", "tls.key"), "docker-registry": (".dockerconfigjson",)}
"""The keys of a Secret of a type that Kubernetes knows."""
PLACEHOLDER = "..."
"""What the lines of SECRETS.md have in place of a value."""
_FILE = re.compile(r"\.(crt|key|json|pem|cer|ini|dockerconfigjson)$")
_QUOTED = re.compile(r"(?s)(['\"]).*\1")


def keys(secret: Secret) -> tuple[str, ...]:
    """The keys that a Secret has to have. None are asked of one whose every key is taken."""
    return tuple(key.key for key in secret.keys) or KEYS.get(secret.type, ())


def missing(secret: Secret, found: Object | None) -> str:
    """What a Secret lacks, in words; empty where nothing."""
    if found is None:
        return "is not there"
    there = found.get("data") or {}
    absent = [key for key in keys(secret) if key not in there]
    if absent:
        has = ", ".join(sorted(there)) or "none"
        return f"has no key {' and no key '.join(absent)}; its keys are: {has}"
    return ""


def flaw(key: str, data: str) -> str:
    """What is wrong with the value of a key, in words that do not show it; empty where nothing is seen."""
    value = decoded(data)
    if not value.strip():
        return "is empty"
    if value.strip() == PLACEHOLDER:
        return "still is the placeholder of SECRETS.md"
    if _FILE.search(key):
        return ""
    ends = (("\n", "a line break"), ("\r", "a carriage return"), (" ", "a space"), ("\t", "a tab"))
    for character, name in ends:
        if value.endswith(character):
            return f"ends with {name}"
        if value.startswith(character):
            return f"begins with {name}"
    if len(value) > 1 and _QUOTED.fullmatch(value):
        return "stands in quotes, which are part of the value"
    return "has a line break in it" if "\n" in value else ""


def provided(overlay: Overlay) -> tuple[Secret, ...]:
    """The Secrets that a person creates: nobody generates them, and no operator makes them."""
    others = {secret.name for secret in (*overlay.generated_secrets(), *overlay.external_secrets())}
    return tuple(secret for secret in overlay.secrets if secret.name not in others)


def _mend(overlay: Overlay, secret: Secret, name: str) -> str:
    if secret in overlay.external_secrets():
        return f"see what the operator says: kubectl describe externalsecret {secret.name} -n {overlay.namespace}"
    if secret in overlay.generated_secrets():
        return f"it is part of the overlay: mlflow-overlays deploy {name}"
    return f"create it as overlays/{name}/SECRETS.md says"


def there(name: str, overlay: Overlay, found: Mapping[str, Object | None]) -> Iterator[Result]:
    """Whether each of the Secrets in `found` is there with its keys. In: the environment's name, and what the cluster has."""
    for secret in (each for each in overlay.secrets if each.name in found):
        check = f"Secret {secret.name}"
        if lack := missing(secret, found[secret.name]):
            yield failed(check, lack, _mend(overlay, secret, name))
        else:
            yield passed(check, f"has {', '.join(keys(secret)) or 'its keys'}")


def sound(overlay: Overlay, found: Mapping[str, Object | None]) -> Iterator[Result]:
    """Whether the values are free of what slips in: a line break, a space, quotes, a placeholder."""
    for secret in overlay.secrets:
        data = (found.get(secret.name) or {}).get("data") or {}
        for key in keys(secret) or sorted(data):
            if wrong := flaw(key, data[key]) if key in data else "":
                mend = (
                    "create it anew, with printf or --from-literal rather than echo, and restart the pods that read it"
                )
                yield failed(f"Secret {secret.name}", f"the value of {key} {wrong}", mend)
