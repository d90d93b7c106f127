"""A built Kubernetes object, with its identity and the file it came from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

from compiler.diagnostic import Severity
from compiler.dialect import go
from compiler.overlay import Ref
from compiler.route import Route

ORIGIN = "config.kubernetes.io/origin"


@dataclass(frozen=True)
class Manifest:
    """One object of a build. `origin` is the path of its file, from the root of the project; empty if unknown.

    `apart` says that it is in a namespace beside that of the overlay.
    """

    data: dict[str, Any]
    origin: str = ""
    apart: bool = False
    lost: tuple[Route, ...] = ()
    """Keys that had no value in the build: to Kubernetes they are not there."""

    @cached_property
    def ref(self) -> Ref:
        """The object's identity."""
        metadata = self.data.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        where = metadata.get("namespace") if self.apart and isinstance(metadata, dict) else None
        api_version, kind = str(self.data.get("apiVersion") or ""), str(self.data.get("kind") or "")
        return Ref(api_version, kind, str(name or ""), str(where or ""))

    @property
    def spec(self) -> dict[str, Any]:
        """What it asks for; empty where it asks for nothing."""
        return self.data.get("spec") or {}

    @cached_property
    def nulls(self) -> bool:
        """Whether a key or an item without a value stands anywhere in it."""
        return has_null(self.data)


@dataclass(frozen=True)
class Fault:
    """Something wrong at a route of a built object. `because` is the route of the environment where that is known.

    `looks_for` is the kind of an object that was not found; empty where the object at fault is all that one needs to know.
    """

    ref: Ref
    route: Route
    code: str
    message: str
    hint: str = ""
    because: Route | None = None
    severity: Severity = Severity.ERROR
    looks_for: str = ""


def private(ref: Ref, route: Route) -> bool:
    """Whether a value is one of a Secret, which no report shows."""
    return ref.kind == "Secret" and route[:1] in (("data",), ("stringData",))


class _Loader(yaml.CSafeLoader):
    """Types as kubectl has them, which reads what Kustomize printed: a name without its quotes is what it looks like."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own protocol


_Loader.add_implicit_resolver("!go", re.compile(r"[-+.0-9].*$|[a-zA-Z]{1,5}$|~?$"), ["", *"~-+.0123456789nNtTfFyYoO"])
_Loader.add_constructor("!go", lambda _, node: go(node.value))


class NotManifests(Exception):
    """What kubectl printed is nothing that can be read: `str(error)` says why."""


MAX_DEPTH = 100
"""How deep an object may be nested: the reader of PyYAML has no limit of its own, and ends the process."""
_DEEP = re.compile(rf"(?m)^[- ]{{{MAX_DEPTH},}}")
"""kubectl gives every level at least one column; a text in an object may be indented so, too."""


def printed(text: str) -> Iterator[dict[str, Any]]:
    """The documents of what kubectl printed, with the types that it reads there again, and with keys that have no value.

    Raises `NotManifests`.
    """
    try:
        if _DEEP.search(text) and _depth(text) > MAX_DEPTH:
            raise NotManifests(f"an object is nested more than {MAX_DEPTH} levels deep")
        for document in yaml.load_all(text, Loader=_Loader):
            if document is not None:
                yield document
    except yaml.YAMLError as error:
        raise NotManifests(str(error)) from None


def _depth(text: str) -> int:
    """How deep a text is nested, or a number above the limit."""
    depth = most = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            most = max(most, depth)
            if most > MAX_DEPTH:
                break
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return most


def parse(text: str) -> Iterator[dict[str, Any]]:
    """The documents of what kubectl printed, as Kubernetes takes them. Raises `NotManifests`."""
    return map(without_nulls, printed(text))


def lost(value: Any, route: Route = ()) -> Iterator[Route]:
    """Every key without a value, by its route."""
    for step, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if each is None:
            yield (*route, step)
        yield from lost(each, (*route, step))


def without_nulls(value: Any) -> Any:
    """A document as Kubernetes reads it: a key without a value is a key that is not there."""
    if isinstance(value, dict):
        return {key: without_nulls(each) for key, each in value.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value


def has_null(value: Any) -> bool:
    """Whether a key or an item without a value stands anywhere below a value."""
    stack = [value]
    while stack:
        here = stack.pop()
        for each in here.values() if type(here) is dict else here:
            if each is None:
                return True
            if type(each) is dict or type(each) is list:
                stack.append(each)
    return False


def strings(value: Any, route: Route = ()) -> Iterator[tuple[Route, str]]:
    """Every string below a value, with its route."""
    if isinstance(value, str):
        yield route, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from strings(each, (*route, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from strings(each, (*route, index))
