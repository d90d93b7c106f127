"""Why a built object says what it says: which line of the environment, or of the base, each value comes from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compiler.diagnostic import Place
from compiler.errors import Usage
from compiler.manifest import Manifest
from compiler.overlay import Overlay, Ref
from compiler.route import ABSENT, Named, Route, Step, follow, indexed, show
from compiler.rules.changes import target
from compiler.source import Source, read


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
    for manifest in manifests:
        ref = manifest.ref
        if ref.kind.lower() == kind and name in (ref.name, _name_in_base(overlay, ref)):
            return manifest
    known = ", ".join(sorted(f"{each.ref.kind.lower()}/{each.ref.name}" for each in manifests))
    raise Usage(f"there is no {kind}/{name} in the build; there are {known}")


def _name_in_base(overlay: Overlay, ref: Ref) -> str:
    for base, name in overlay.jobs.items():
        if name == ref.name:
            return base.name
    return ref.name.rpartition("-")[0] if ref.kind == "ConfigMap" else ref.name


def explain(
    root: Path, environment: Source, overlay: Overlay, manifests: tuple[Manifest, ...], manifest: Manifest, route: Route
) -> list[Reason]:
    """Every reason for what stands at a route, and below it.

    In: the project, the environment's source, its overlay and build. Raises `Usage` where nothing stands there.
    """
    value = follow(manifest.data, route)
    if value is ABSENT:
        raise Usage(f"{manifest.ref} has nothing at {show(route)}")
    named = _by_name(manifest.data, route)
    reasons = list(_from_environment(environment, overlay, manifests, manifest, named))
    if any(reason.route == named[: len(reason.route)] for reason in reasons):
        return reasons
    return [*reasons, *_from_base(root, overlay, manifest, named)]


def _by_name(document: Any, route: Route) -> Route:
    """A route whose indexes are names, where the items have names."""
    steps: Route = ()
    for step in route:
        item = follow(document, (*steps, step))
        named = isinstance(step, int) and isinstance(item, dict) and isinstance(item.get("name"), str)
        steps = (*steps, Named(item["name"]) if named else step)
    return steps


def _from_environment(
    environment: Source, overlay: Overlay, manifests: tuple[Manifest, ...], manifest: Manifest, route: Route
) -> Iterator[Reason]:
    for change in (*overlay.changes, *overlay.own):
        built = target(overlay, manifests, change.target)
        where = _by_name(manifest.data, change.route)
        shared = min(len(where), len(route))
        if built is manifest and where[:shared] == route[:shared]:
            written = show(change.because)
            default = "" if change.because in environment.entries else ", which is not set"
            yield Reason(where, change.value, environment.locate(change.because), f"{written}{default}: {change.why}")


def _from_base(root: Path, overlay: Overlay, manifest: Manifest, route: Route) -> Iterator[Reason]:
    """The files of components that patch the route, last one first, or else the file that the object stands in."""
    value = follow(manifest.data, route)
    for component in reversed(overlay.components):
        for path in sorted((root / "base" / "components" / component).glob("*.patch.yaml")):
            source, _ = read(str(path.relative_to(root)), path.read_bytes())
            if source and _patches(source, overlay, manifest) and follow(source.data, route) is not ABSENT:
                yield Reason(route, value, source.locate(indexed(source.data, route)), f"the component {component}")
                return
    path = root / manifest.origin
    source = read(manifest.origin, path.read_bytes())[0] if path.is_file() else None
    if source is None:
        yield Reason(route, value, Place(manifest.origin or "overlays"), "the base")
        return
    yield Reason(route, value, source.locate(indexed(source.data, route)), "the base, for every environment")


def _patches(source: Source, overlay: Overlay, manifest: Manifest) -> bool:
    name = follow(source.data, ("metadata", "name"))
    kind = follow(source.data, ("kind",))
    return bool(kind == manifest.ref.kind and name in (manifest.ref.name, _name_in_base(overlay, manifest.ref)))
