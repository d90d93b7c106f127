"""What a part of the language must offer, and the stock pieces that parts are made of.

A part is a module of `compiler/parts`. It owns top-level keys of `environment.yaml`; its docstring is their manual page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from compiler.formats import BYTES, LABEL_VALUE, NAME, PRINTABLE, PRINTABLE_WORDS, QUALIFIED, Format, whole

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


def text(description: str, pattern: str = PRINTABLE, message: str = PRINTABLE_WORDS, **more: Any) -> Schema:
    """A string that is not empty and matches `pattern` as a whole; `message` says in words what it demands."""
    form = {"pattern": whole(pattern), "patternErrorMessage": message}
    return {"type": "string", "description": description, "minLength": 1, **form, **more}


def formatted(description: str, form: Format, **more: Any) -> Schema:
    """A string of a format."""
    return text(description, form.pattern, form.words, **{"maxLength": form.longest, **more})


def choice(description: str, meanings: Mapping[str, str], **more: Any) -> Schema:
    """One of some words, each with its meaning."""
    words = {"enum": list(meanings), "enumDescriptions": list(meanings.values())}
    return {"type": "string", "description": description, **words, **more}


def integer(description: str, minimum: int, maximum: int, **more: Any) -> Schema:
    """A whole number between two others."""
    return {"type": "integer", "description": description, "minimum": minimum, "maximum": maximum, **more}


def labelled(description: str, value: Schema | None = None) -> Schema:
    """A mapping of label or annotation names to values; without `value`, to the values of labels."""
    return {
        "type": "object",
        "description": description,
        "additionalProperties": value or formatted("A value.", LABEL_VALUE, minLength=0),
        "propertyNames": {"pattern": whole(QUALIFIED.pattern), "patternErrorMessage": QUALIFIED.words},
    }


def annotated(description: str) -> Schema:
    """A mapping of annotation names to texts. Those that Kustomize keeps for itself do not reach a build, and so are none."""
    schema = labelled(description, printable("A value."))
    own = r"(?![^/]*\bconfig\.kubernetes\.io/|config\.k8s\.io/|kubectl\.kubernetes\.io/last-applied-configuration$)"
    names = schema["propertyNames"]
    words = f"{names['patternErrorMessage']}; none of kubectl's or Kustomize's own"
    return {**schema, "propertyNames": {"pattern": whole(own + QUALIFIED.pattern), "patternErrorMessage": words}}


def printable(description: str, **more: Any) -> Schema:
    """Any text without control characters; it may be empty."""
    return text(description, **{"minLength": 0, **more})


def secret_name(description: str, **more: Any) -> Schema:
    """The name of a Secret."""
    return formatted(description, NAME, **more)


def quantity(description: str, **more: Any) -> Schema:
    """An amount of memory or storage, as Kubernetes writes it, in binary units."""
    return formatted(description, BYTES, **more)


_UNITS = {"Ki": 1, "Mi": 1024, "Gi": 1024**2, "Ti": 1024**3, "Pi": 1024**4}


def kibibytes(amount: str) -> int:
    """A quantity in binary units as a number of KiB: `kibibytes("1Mi") == 1024`."""
    return int(amount[:-2]) * _UNITS[amount[-2:]]
