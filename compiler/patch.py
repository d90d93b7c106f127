"""A Kustomize patch, and the line where it says what it says of a built object."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from compiler.diagnostic import Place
from compiler.manifest import Manifest
from compiler.route import ABSENT, Named, Route, follow
from compiler.source import Source

_MERGED_BY = {"volumeMounts": ("mountPath",), "volumeDevices": ("devicePath",), "ports": ("containerPort", "port")}
"""How Kubernetes tells the items of a list apart, where it is not by their names."""
_IDENTITY: tuple[Route, ...] = (("apiVersion",), ("kind",), ("metadata", "name"))
"""What a patch says only to name its object."""


@dataclass(frozen=True)
class Spot:
    """A place, and the text of its line."""

    place: Place
    line: str


def spot(source: Source, route: Route) -> Spot:
    """Where a route stands in a document."""
    place = source.locate(route)
    return Spot(place, source.line(place.line))


@dataclass(frozen=True)
class Patch:
    """One patch: a mapping that is merged, or a list of operations. `target` says which objects it changes, where it is told;
    otherwise the mapping names its object.
    """

    source: Source
    target: dict[str, Any] | None = None

    @property
    def whole(self) -> Spot:
        """Where the patch starts."""
        return spot(self.source, ())

    def picks(self, manifest: Manifest, names: Sequence[str]) -> bool:
        """Whether it changes an object. In: every name that the object had on its way into the build."""
        if self.target is None:
            own = follow(self.source.data, ("metadata", "name"))
            return bool(follow(self.source.data, ("kind",)) == manifest.ref.kind and own in names)
        group, _, version = manifest.ref.api_version.rpartition("/")
        known = {"group": [group], "version": [version], "kind": [manifest.ref.kind], "name": names}
        for key, values in known.items():
            wanted = self.target.get(key)
            if wanted and not any(_matches(str(wanted), value) for value in values):
                return False
        labels = follow(manifest.data, ("metadata", "labels"))
        asked = [each.split("=", 1) for each in str(self.target.get("labelSelector", "")).split(",") if "=" in each]
        return all(isinstance(labels, dict) and labels.get(key) == value for key, value in asked)

    def sets(self, manifest: Manifest, route: Route) -> Spot | None:
        """Where it sets what stands at a route of an object, or something below. In: a route of keys and indexes."""
        if isinstance(self.source.data, list):
            spots = (self._set_by(index, manifest, route) for index in reversed(range(len(self.source.data))))
            return next((each for each in spots if each), None)
        if route in _IDENTITY:
            return None
        found = counterpart(manifest.data, self.source.data, route)
        return spot(self.source, found) if len(found) == len(route) else None

    def removes(self, manifest: Manifest, route: Route) -> Spot | None:
        """Where it takes away what would stand at a route, or what that would stand in."""
        gone = self._cut(route) if isinstance(self.source.data, list) else self._emptied(manifest, route)
        return None if gone is None else spot(self.source, gone)

    @property
    def deletes(self) -> str:
        """The name of the object that it deletes whole, or nothing."""
        data = self.source.data
        gone = isinstance(data, dict) and data.get("$patch") == "delete"
        return str((self.target or {}).get("name") or follow(data, ("metadata", "name"))) if gone else ""

    def _operations(self) -> Iterator[tuple[int, str, tuple[str, ...], Any]]:
        for index, each in enumerate(self.source.data):
            if isinstance(each, dict):
                steps = str(each.get("path", "")).split("/")[1:]
                pointer = tuple(step.replace("~1", "/").replace("~0", "~") for step in steps)
                yield index, str(each.get("op")), pointer, each.get("value")

    def _set_by(self, wanted: int, manifest: Manifest, route: Route) -> Spot | None:
        """Where one of its operations sets a route."""
        for index, op, pointer, value in self._operations():
            if index != wanted or op not in ("add", "replace"):
                continue
            pointer = _landed(pointer, manifest.data, value)  # noqa: PLW2901 - where it is in the build
            shared = min(len(pointer), len(route))
            if _words(route)[:shared] != pointer[:shared]:
                return None
            here, rest = route[: len(pointer)], route[len(pointer) :]
            below = counterpart(follow(manifest.data, here), value, rest)
            return spot(self.source, (index, "value", *below)) if len(below) == len(rest) else None
        return None

    def _cut(self, route: Route) -> Route | None:
        for index, op, pointer, _ in self._operations():
            if op == "remove" and _words(route)[: len(pointer)] == pointer:
                return (index,)
        return None

    def _emptied(self, manifest: Manifest, route: Route) -> Route | None:
        here: Any = self.source.data
        found: Route = ()
        for length in range(len(route) + 1):
            if here is None or (isinstance(here, dict) and here.get("$patch") == "delete"):
                return found
            if length < len(route):
                step: Any = route[length]
                if isinstance(here, list):
                    item = follow(manifest.data, route[: length + 1])
                    step = step if isinstance(step, Named) else Named(item["name"]) if _has_name(item) else step
                    step = next(
                        (n for n, each in enumerate(here) if _has_name(each) and Named(each["name"]) == step), step
                    )
                here, found = follow(here, (step,)), (*found, step)
        return None


def names_item(built: Any, route: Route) -> bool:
    """Whether what stands at a route tells an item of a list apart: every patch of the item repeats it."""
    if len(route) < 2 or not isinstance(route[-2], int):
        return False
    keys = (*_MERGED_BY.get(str(route[-3]) if len(route) > 2 else "", ()), "name")
    return route[-1] == next((key for key in keys if follow(built, (*route[:-1], key)) is not ABSENT), "")


def counterpart(built: Any, other: Any, route: Route) -> Route:
    """The route in another document of what stands at a route of a built one, as far as the other one has it."""
    found: Route = ()
    for step in route:
        if isinstance(built, list) and isinstance(step, int) and isinstance(other, list) and step < len(built):
            index = _index(built[step], other, step, found[-1] if found else "")
            if index is None:
                return found
            built, other, found = built[step], other[index], (*found, index)
        elif isinstance(other, dict) and step in other:
            built, other = follow(built, (step,)), other[str(step)]
            found = (*found, step)
        else:
            return found
    return found


def _index(item: Any, others: list[Any], step: int, field: Any) -> int | None:
    """Which item of a list stands for an item of a built one: an equal one, or the one of the same name, or the same in order."""
    if item in others:
        return step if others[step : step + 1] == [item] else others.index(item)
    for key in (*_MERGED_BY.get(str(field), ()), "name"):
        if isinstance(item, dict) and key in item:
            same = (n for n, other in enumerate(others) if isinstance(other, dict) and other.get(key) == item[key])
            return next(same, None)
    return step if step < len(others) else None


def _landed(pointer: tuple[str, ...], built: Any, value: Any) -> tuple[str, ...]:
    """A pointer with the index at which an item stands that was put at the end of a list."""
    if pointer[-1:] != ("-",):
        return pointer
    items = built
    for step in pointer[:-1]:
        items = follow(items, (int(step) if isinstance(items, list) and step.isdigit() else step,))
    index = next((n for n, item in enumerate(items) if item == value), -1) if isinstance(items, list) else -1
    return (*pointer[:-1], str(index))


def _words(route: Route) -> tuple[str, ...]:
    return tuple(str(step) for step in route)


def _has_name(item: Any) -> bool:
    return item is not ABSENT and isinstance(item, dict) and isinstance(item.get("name"), str)


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.fullmatch(pattern, value) is not None
    except re.error:
        return False
