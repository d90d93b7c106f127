"""One image written as a single reference, `registry.example/name:tag@sha256:...`: its schema, its check, its meaning."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.diagnostic import Finding
from compiler.formats import DIGEST, REPOSITORY, TAG
from compiler.overlay import Image
from compiler.part import Schema, text
from compiler.route import Route


def image(description: str, default: str | None = None) -> Schema:
    """One image, pinned by tag, digest or both. A default goes into the schema; without one, `description` says what it is."""
    return text(
        description,
        rf"{REPOSITORY.pattern}(?::{TAG})?(?:@{DIGEST})?",
        "an image like registry.example/team/name:1.2.3, with a digest if you like",
        **({"default": default} if default else {}),
        maxLength=512,
    )


def unpinned(route: Route, reference: str) -> Iterator[Finding]:
    """Finds an image that names another one tomorrow."""
    name, _, digest = reference.partition("@")
    tag = name.rpartition(":")[2] if ":" in name.rpartition("/")[2] else ""
    if not digest and tag in ("", "latest"):
        message = f"the image '{reference}' names another one tomorrow"
        yield Finding(route, "unpinned-image", message, "name a version, or add the digest")


def image_of(name: str, reference: str, because: Route) -> Image:
    """An image of the base replaced by a reference like `registry.example/name:tag@sha256:...`."""
    rest, _, digest = reference.partition("@")
    head, colon, tag = rest.rpartition(":")
    if not colon or "/" in tag:
        head, tag = rest, ""
    return Image(name, head, tag or None, digest or None, because)
