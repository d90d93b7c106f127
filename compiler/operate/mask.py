"""Keeps the values of Secrets out of words that others wrote: logs of pods, events, messages of servers."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from compiler.cluster import Object
from compiler.secrecy import credential_in

MASKED = "***"
SHORTEST = 5
"""A shorter value is part of ordinary words, which would be masked with it."""
_PUBLIC = ("_ID", "_USER", "USERNAME", ".crt", ".cer", "account-name")
"""How the keys of a Secret end whose values are names or certificates."""


def values(secrets: Iterable[Object]) -> list[str]:
    """Every value of Secrets that no one is to see, in the forms in which it may turn up, the longest first."""
    found: set[str] = set()
    for secret in secrets:
        for key, data in (secret.get("data") or {}).items():
            if not key.endswith(_PUBLIC):
                found |= _forms(data)
    return sorted(found, key=lambda value: (-len(value), value))


def _forms(data: str) -> set[str]:
    text = decoded(data)
    # A key file is many lines, of which a log may show one.
    whole = {text, text.strip(), *(line.strip() for line in text.splitlines())}
    coded = {quote(each, safe="") for each in whole} | {quote_plus(each) for each in whole}
    return {each for each in (*whole, *coded, data) if len(each) >= SHORTEST}


def decoded(data: str) -> str:
    """A value as text. What is no text, or no base64, is shown as far as it is."""
    try:
        return base64.b64decode(data, validate=True).decode("utf-8", "replace")
    except (ValueError, binascii.Error):
        return ""


def masked(text: str, secret: Iterable[str]) -> str:
    """A text without these values, and without lines that still look as if they held a credential."""
    for value in secret:
        text = text.replace(value, MASKED)
    lines = []
    for line in text.splitlines():
        kind = credential_in(line)
        lines.append(f"{MASKED} (a line with what looks like {kind})" if kind else line)
    return "\n".join(lines)
