"""What a part of the language must offer, and the stock pieces that parts are made of.

A part is a module of `compiler/parts`. It owns top-level keys of `environment.yaml`; its docstring is their manual page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from compiler.diagnostic import Finding
    from compiler.kind import Kind
    from compiler.overlay import Overlay

Schema = dict[str, Any]
"""A fragment of JSON Schema, draft 7. `patternErrorMessage` says in words what a pattern demands."""


Asked_contra = TypeVar("Asked_contra", contravariant=True)


class Part(Protocol[Asked_contra]):
    """The functions and names of a module that is a part of the language, for environments of one sort."""

    @property
    def KEYS(self) -> Mapping[str, Schema]:  # noqa: N802 - a constant of the module
        """The top-level keys that the part owns, and the schema of each."""

    def read(self, values: Mapping[str, Any], kind: Kind) -> Any:
        """The part's settings as a frozen value. In: the whole environment, valid by the schema. Cannot fail."""

    def check(self, environment: Asked_contra, /) -> Iterable[Finding]:
        """What is wrong with the part's keys that no schema can say."""

    def plan(self, environment: Asked_contra, /) -> Overlay:
        """What the part asks for: components, changes, images, Secrets."""


def sound(environment: object) -> Iterable[Finding]:
    """The check of a part whose schema says everything."""
    return ()


def object_of(description: str, properties: Mapping[str, Schema], **more: Any) -> Schema:
    """A mapping with these keys and no others."""
    return {
        "type": "object",
        "description": description,
        "additionalProperties": False,
        "properties": dict(properties),
        **more,
    }


def text(description: str, pattern: str = "", message: str = "", **more: Any) -> Schema:
    """A string that is not empty; where `pattern` is given, `message` says in words what it demands."""
    schema: Schema = {"type": "string", "description": description, "minLength": 1, **more}
    if pattern:
        # Python's `$` alone would let a line break at the end through.
        schema |= {"pattern": f"^(?:{pattern})$(?!\\n)", "patternErrorMessage": message}
    return schema


def choice(description: str, meanings: Mapping[str, str], **more: Any) -> Schema:
    """One of some words, each with its meaning."""
    words = {"enum": list(meanings), "enumDescriptions": list(meanings.values())}
    return {"type": "string", "description": description, **words, **more}


LABEL = "[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
"""A DNS label, RFC 1123: names of namespaces, containers and environments."""
LABEL_WORDS = "lower-case letters, digits and dashes, at most 63, starting and ending with a letter or digit"
HOST = rf"{LABEL}(?:\.{LABEL})*"
PORT = "(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
HOST_WORDS = "a host name in lower case, without scheme, port or path"


def integer(description: str, minimum: int, maximum: int, **more: Any) -> Schema:
    """A whole number between two others."""
    return {"type": "integer", "description": description, "minimum": minimum, "maximum": maximum, **more}


_WORD = "[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"


def labelled(description: str, value: Schema | None = None) -> Schema:
    """A mapping of label or annotation names to values; without `value`, to the values of labels."""
    label = text(
        "A value.",
        rf"(?:{_WORD})?",
        "the value of a label: at most 63 letters, digits, '-', '_' and '.', starting and ending with a letter or digit",
        minLength=0,
        maxLength=63,
    )
    return {
        "type": "object",
        "description": description,
        "additionalProperties": value or label,
        "propertyNames": {
            "pattern": rf"^(?:{HOST}/)?{_WORD}$(?!\n)",
            "patternErrorMessage": "a name of at most 63 letters, digits, '-', '_' and '.', after a host name and '/' or alone",
        },
    }


def annotated(description: str) -> Schema:
    """A mapping of annotation names to texts."""
    return labelled(description, {"type": "string"})


def secret_name(description: str, **more: Any) -> Schema:
    """The name of a Secret."""
    return text(
        description,
        r"[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?",
        "the name of a Secret: lower-case letters, digits, dashes and dots",
        **more,
    )


def quantity(description: str, **more: Any) -> Schema:
    """An amount of memory or storage, as Kubernetes writes it, in binary units."""
    return text(
        description, r"[1-9][0-9]*(?:Ki|Mi|Gi|Ti|Pi)", "an amount like 512Mi, 10Gi or 2Ti", maxLength=16, **more
    )


_UNITS = {"Ki": 1, "Mi": 1024, "Gi": 1024**2, "Ti": 1024**3, "Pi": 1024**4}


def kibibytes(amount: str) -> int:
    """A quantity in binary units as a number of KiB: `kibibytes("1Mi") == 1024`."""
    return int(amount[:-2]) * _UNITS[amount[-2:]]
