"""What a plain scalar of YAML stands for: in an environment, and in a manifest.

An environment is read by the core schema of YAML 1.2. A manifest is read as kubectl reads it: by sigs.k8s.io/yaml, which is
go-yaml v2 and with it YAML 1.1, but for dates and base-60 numbers, which it leaves as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import isinf
from typing import Any

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Dialect:
    """How a text is read: what plain scalars stand for, and what may stand in it."""

    resolve: Callable[[str], Any]
    what: str
    """What a text is, for messages."""
    max_bytes: int
    max_depth: int
    max_values: int
    """How many keys and values a document may have, with those of its aliases."""
    max_text: int
    """How many characters a key or value may have: patterns that it is held against may take the square of them."""
    smaller: str
    """What to do about a text that is too large."""
    extras: bool
    """Whether anchors, aliases, merge keys, tags and keys of other types than text are read rather than refused."""


_NULLS: dict[str, Any] = dict.fromkeys(("", "~", "null", "Null", "NULL"))
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_WORDS: dict[str, Any] = {
    **_NULLS,
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def core(text: str) -> Any:
    """A plain scalar by the core schema of YAML 1.2: `no` is a string, `0755` is seven hundred and fifty-five."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return int(text[2:] if base != 10 else text, base) if len(text) < 100 else text
    if _FLOAT.fullmatch(text):
        return float(text)
    if _SPECIAL.fullmatch(text):
        return float(text.lower().replace(".", ""))
    return text


_GO_WORDS: dict[str, Any] = {
    **_WORDS,
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF"), False),
}
_GO_INT = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))")
_GO_SPECIAL = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


def go(text: str) -> Any:
    """A plain scalar as go-yaml v2 resolves it: `no` is false, `0755` is four hundred and ninety-three, a date is text.

    The table is that of resolve.go in go.yaml.in/yaml/v2, which sigs.k8s.io/yaml reads with.
    """
    if text in _GO_WORDS:
        return _GO_WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    if _GO_SPECIAL.fullmatch(text):
        return float(text.lower().replace(".", ""))
    plain = text if text[0] == "." else text.replace("_", "")
    whole = _GO_INT.fullmatch(plain) if len(plain) < 100 else None
    if whole:
        value = _whole(whole)
        if -(2**63) <= value < 2**64:
            return value
    if _FLOAT.fullmatch(plain):
        number = float(plain)
        return text if isinf(number) else number
    return text


def _whole(match: re.Match[str]) -> int:
    digits, base = next((group, base) for group, base in zip(match.groups()[1:], (16, 2, 8, 10), strict=True) if group)
    return int(match[1] + digits, base)


_SETTINGS = "an environment is a page of settings: put larger things into custom/"
ENVIRONMENT = Dialect(core, "an environment", MEBIBYTE // 4, 40, 10_000, 8_192, _SETTINGS, extras=False)
MANIFEST = Dialect(go, "a file of manifests", 256 * MEBIBYTE, 100, MEBIBYTE, 256 * MEBIBYTE, "split it", extras=True)
