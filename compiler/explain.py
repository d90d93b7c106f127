"""Why a built object says what it says: which line each value comes from, through what, and why."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from compiler.diagnostic import Place
from compiler.errors import Usage
from compiler.kustomization import known_as
from compiler.manifest import Manifest
from compiler.origin import Origin, Search
from compiler.overlay import Overlay
from compiler.route import ABSENT, Named, Route, Step, follow, indexed, show


@dataclass(frozen=True)
class Reason:
    """One value of a built object: where it stands, what it is, the place it comes from, and why."""

    route: Route
    value: Any
    place: Place
    why: str


def parse_object(text: str) -> tuple[str, str]:
    """`deployment/mlflow` as kind in lower case and name. Raises `Usage`."""
    kind, _, name = text.partition("/")
    if not kind or not name:
        raise Usage(f"'{text}' names no object: write kind/name, like deployment/mlflow")
    return kind.lower(), name


def parse_route(text: str) -> Route:
    """`spec.containers[0].env[name=A]` as a route; a key that holds dots stands in brackets. Raises `Usage`."""
    steps: list[Step] = []
    for match in re.finditer(r"\.?([^.\[\]]+)|\[([^\]]+)\]|(.)", text):
        word, bracket, rest = match.groups()
        if rest is not None:
            raise Usage(f"'{text}' is no path: there is a stray '{rest}'")
        if word is not None:
            steps.append(word)
        elif bracket.isdigit():
            steps.append(int(bracket))
        else:
            steps.append(Named(bracket.removeprefix("name=")) if bracket.startswith("name=") else bracket)
    return tuple(steps)


def find(overlay: Overlay, manifests: tuple[Manifest, ...], kind: str, name: str) -> Manifest:
    """The object of a build by its kind and the name that it has in the base or in the build. Raises `Usage`."""
    renamed = {new: ref.name for ref, new in overlay.names.items()}
    for manifest in manifests:
        ref = manifest.ref
        if ref.kind.lower() == kind and name in known_as(manifest, renamed.get(ref.name, "")):
            return manifest
    known = ", ".join(sorted(f"{each.ref.kind.lower()}/{each.ref.name}" for each in manifests))
    raise Usage(f"there is no {kind}/{name} in the build; there are {known}")


def explain(search: Search, manifest: Manifest, route: Route) -> list[Reason]:
    """Every reason for what stands at a route, and below it: one for all that one file or one key brings together.

    In: the search in a build, and an object of it. Raises `Usage` where nothing stands there.
    """
    if follow(manifest.data, route) is ABSENT:
        raise Usage(f"{manifest.ref} has nothing at {show(route)}")
    return [
        _reason(search, manifest, each, origin)
        for each, origin in _origins(search, manifest, indexed(manifest.data, route))
    ]


def _origins(search: Search, manifest: Manifest, route: Route) -> list[tuple[Route, Origin | None]]:
    """Where each value below a route comes from; values that come from one thing are one."""
    value = follow(manifest.data, route)
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    below = [found for key in keys for found in _origins(search, manifest, (*route, key))]
    origin = search.origin(manifest, route)
    if not below or (origin is not None and {_thing(each) for _, each in below} == {_thing(origin)}):
        return [(route, origin)]
    return below


def _thing(origin: Origin | None) -> Any:
    """What two values that come from one thing have in common."""
    if origin is None:
        return None
    if origin.change is None:
        return origin.why, origin.place.path
    return origin.change.route, origin.change.because, origin.why


def _reason(search: Search, manifest: Manifest, route: Route, origin: Origin | None) -> Reason:
    shown = by_name(manifest.data, route)
    value = follow(manifest.data, route)
    if origin is None:
        return Reason(
            shown, value, Place(manifest.origin or f"overlays/{search.name}"), "Kustomize made it of the whole"
        )
    return Reason(shown, value, origin.place, origin.why)


def by_name(document: Any, route: Route) -> Route:
    """A route whose indexes are names, where the items have names."""
    steps: Route = ()
    for step in route:
        item = follow(document, (*steps, step))
        named = isinstance(step, int) and isinstance(item, dict) and isinstance(item.get("name"), str)
        steps = (*steps, Named(item["name"]) if named else step)
    return steps
