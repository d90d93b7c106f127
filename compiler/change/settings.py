"""What a build says of MLflow: its settings, its version, its namespace."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from compiler.change.consequence import Difference
from compiler.change.pair import Pair, lasting, namespace
from compiler.manifest import Manifest
from compiler.overlay import SERVER, SETTINGS
from compiler.route import ABSENT, Route, follow
from compiler.workload import containers, workloads

_OLDER = (2,)


@dataclass(frozen=True)
class Side:
    """A build, as far as MLflow goes."""

    manifests: tuple[Manifest, ...]

    @cached_property
    def settings(self) -> dict[str, str]:
        """The variables of the server, by name."""
        found = (each for each in self.manifests if each.ref.kind == "ConfigMap" and lasting(each) == SETTINGS.name)
        manifest = next(found, None)
        return dict((manifest.data.get("data") or {}) if manifest else {})

    @cached_property
    def server(self) -> Manifest | None:
        """The Deployment of the server."""
        return next((each for each in self.manifests if each.ref == SERVER), None)

    @property
    def namespace(self) -> str:
        """Where the server is."""
        return namespace(self.server) if self.server else ""

    @cached_property
    def image(self) -> str:
        """What the server runs."""
        if self.server is None:
            return ""
        found = (
            each.get("image")
            for pod in workloads([self.server])
            for _, each in containers(pod)
            if each.get("name") == SERVER.name
        )
        return str(next(found, ""))

    def has(self, kind: str, name: str) -> bool:
        """Whether it has an object."""
        return any((each.ref.kind, each.ref.name) == (kind, name) for each in self.manifests)


def version(image: str) -> str:
    """The MLflow version that the tag of an image names; empty where it names none."""
    tag = re.search(r":v?(\d+\.\d+\.\d+(?:rc\d+)?)(?:[-+.][\w.-]*)?(?:@.*)?$", image)
    # A team may number its own images: no MLflow that is so old runs here.
    return tag[1] if tag and numbers(tag[1]) > _OLDER else ""


def numbers(written: str) -> tuple[int, ...]:
    """A version, to be compared: one that is a candidate comes before the one that it is for."""
    main, _, candidate = written.partition("rc")
    return (*(int(part) for part in main.split(".")), int(candidate) if candidate else 10**6)


def causes(pairs: Sequence[Pair], *names: str) -> tuple[Difference, ...]:
    """Where settings of these names differ."""
    routes: list[Route] = [("data", name) for name in names]
    return tuple(
        each
        for pair in pairs
        if pair.ref.kind == "ConfigMap" and lasting(pair.manifest) == SETTINGS.name
        for each in pair.differences
        if each.route in routes
    )


def value(pair: Pair, route: Route) -> tuple[str, str]:
    """What both versions have at a route, as text; empty where there is nothing."""
    sides = (follow(each.data, route) if each else ABSENT for each in (pair.before, pair.after))
    old, new = ("" if each is ABSENT else str(each) for each in sides)
    return old, new
