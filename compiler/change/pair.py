"""Which object of one build is which of another, and where two versions of one differ.

An object whose name changes with its content is the same object all the same: a ConfigMap with Kustomize's hash, a Job with the
digest of what it does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from compiler.change.consequence import Difference
from compiler.manifest import Manifest
from compiler.overlay import Ref
from compiler.route import ABSENT, Named, Route, follow
from compiler.rules.jobs import stem as job_stem

_HASHED = re.compile("-[bcdfghkm2456789t]{10}$")
_NAME: Route = ("metadata", "name")


@dataclass(frozen=True)
class Pair:
    """An object before and after; one of them is None where it comes or goes."""

    before: Manifest | None
    after: Manifest | None

    @property
    def manifest(self) -> Manifest:
        """The object as it is, or as it was last."""
        found = self.after or self.before
        if found is None:
            raise ValueError(self)
        return found

    @property
    def ref(self) -> Ref:
        """Its identity now, or last."""
        return self.manifest.ref

    @property
    def renamed(self) -> bool:
        """Whether it is called something else, for it is named for its content."""
        return bool(self.before and self.after and self.before.ref.name != self.after.ref.name)

    @cached_property
    def differences(self) -> tuple[Difference, ...]:
        """Where the two versions differ, but for a name that follows from content; nothing where there is one version alone."""
        if self.before is None or self.after is None:
            return ()
        found = _differences(self.before.data, self.after.data, ())
        return tuple(
            Difference(self.before, self.after, route, old, new)
            for route, old, new in found
            if not (self.renamed and route == _NAME)
        )

    def difference(self, route: Route) -> Difference:
        """What differs at a route, whatever it is."""
        old = follow(self.before.data, route) if self.before else ABSENT
        new = follow(self.after.data, route) if self.after else ABSENT
        return Difference(self.before, self.after, route, old, new)


def pairs(before: Sequence[Manifest], after: Sequence[Manifest]) -> list[Pair]:
    """Every object of two builds, in the order of the second; what it has no more comes last."""
    rest = list(before)
    partners: dict[int, Manifest] = {}
    for identity in (_exact, _lasting):
        known = {identity(manifest): manifest for manifest in reversed(rest)}
        for index, manifest in enumerate(after):
            partner = None if index in partners else known.pop(identity(manifest), None)
            if partner is not None:
                partners[index] = partner
        taken = {id(partner) for partner in partners.values()}
        rest = [manifest for manifest in rest if id(manifest) not in taken]
    return [
        *(Pair(partners.get(index), manifest) for index, manifest in enumerate(after)),
        *(Pair(manifest, None) for manifest in rest),
    ]


def lasting(manifest: Manifest) -> str:
    """The name of an object without what follows from its content."""
    if manifest.ref.kind == "Job":
        return job_stem(manifest)
    return _HASHED.sub("", manifest.ref.name) if manifest.ref.kind in ("ConfigMap", "Secret") else manifest.ref.name


def namespace(manifest: Manifest) -> str:
    """The namespace of an object; empty where it has none."""
    found = follow(manifest.data, ("metadata", "namespace"))
    return "" if found is ABSENT else str(found)


def _exact(manifest: Manifest) -> tuple[str, ...]:
    return manifest.ref.api_version.rpartition("/")[0], manifest.ref.kind, namespace(manifest), manifest.ref.name


def _lasting(manifest: Manifest) -> tuple[str, ...]:
    return (*_exact(manifest)[:-1], lasting(manifest))


def _differences(old: Any, new: Any, route: Route) -> Iterator[tuple[Route, Any, Any]]:
    """Every smallest place where two documents differ, with both values. Items of a list are found by their names."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*new, *(key for key in old if key not in new)]:
            yield from _differences(old.get(key, ABSENT), new.get(key, ABSENT), (*route, key))
    elif (names := (_names(old), _names(new))) and None not in names:
        yield from _named(old, new, route)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _differences(one, other, (*route, index))
    elif old is not new and (old is ABSENT or new is ABSENT or old != new):
        yield route, old, new


def _named(old: list[Any], new: list[Any], route: Route) -> Iterator[tuple[Route, Any, Any]]:
    before, after = {each["name"]: each for each in old}, {each["name"]: each for each in new}
    for name in [*after, *(name for name in before if name not in after)]:
        yield from _differences(before.get(name, ABSENT), after.get(name, ABSENT), (*route, Named(name)))
    if old != new and before == after:
        yield route, list(before), list(after)


def _names(value: Any) -> list[str] | None:
    """The names of the items of a list, where each has one of its own."""
    if not isinstance(value, list) or not all(
        isinstance(item, dict) and isinstance(item.get("name"), str) for item in value
    ):
        return None
    found = [item["name"] for item in value]
    return found if len(set(found)) == len(found) else None
