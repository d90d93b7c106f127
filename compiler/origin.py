"""Which line of which file put a value into a build: the one search behind the places of reports and behind `explain`.

What comes later wins: first the base, then its components in turn, then the values of the environment, then what is in
`custom/`. So the search goes backwards, and the first that sets a value is where it comes from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from compiler.diagnostic import Place
from compiler.kustomization import Files, Kustomization, known_as, layers, resource
from compiler.manifest import Manifest
from compiler.outline import local
from compiler.overlay import Change, Overlay
from compiler.patch import Patch, counterpart, names_item, spot
from compiler.route import Route, follow, indexed, show
from compiler.rules.changes import target, written_out
from compiler.source import Source
from compiler.tree import BASE
from compiler.workload import image_name


@dataclass(frozen=True)
class Origin:
    """Where something comes from, through what and why. `change` is the value of the overlay that set it, if one did."""

    place: Place
    line: str
    why: str
    change: Change | None = None


@dataclass(frozen=True)
class Search:
    """The search in one build. `environment` is the source of the environment of that name, and `overlay` what it asks for."""

    files: Files
    name: str
    environment: Source
    overlay: Overlay
    manifests: tuple[Manifest, ...]

    @property
    def own(self) -> str:
        """The directory of what the environment has of its own."""
        return f"overlays/{self.name}/custom"

    @cached_property
    def custom(self) -> list[Kustomization]:
        """What the environment has of its own, in the order in which it is applied."""
        return layers(self.files, self.own) if self.overlay.custom else []

    @cached_property
    def base(self) -> list[Kustomization]:
        """The base and the components that the overlay asks for, in the order in which they are applied."""
        components = (f"base/components/{component}" for component in self.overlay.components)
        bases = self.overlay.resources or (BASE,)
        return [layer for path in (*map(local, bases), *components) for layer in layers(self.files, path)]

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """Every value that the overlay sets, the last one last."""
        return written_out(self.overlay, self.manifests)

    def origin(self, manifest: Manifest, route: Route) -> Origin | None:
        """Where what stands at a route of a built object comes from; None where nothing known sets it."""
        route = indexed(manifest.data, route)
        ways = [self.from_custom, self.from_environment, self.from_base]
        if names_item(manifest.data, route):
            # Each patch of an item repeats its name: it comes from the first.
            ways.reverse()
        return next((found for way in ways if (found := way(manifest, route))), None)

    def from_custom(self, manifest: Manifest, route: Route) -> Origin | None:
        """The line of `custom/` that sets a route."""
        return self._from(self.custom, manifest, route)

    def from_environment(self, manifest: Manifest, route: Route) -> Origin | None:
        """The line of environment.yaml that sets a route, or that of the base where a rule names the object."""
        for change in reversed(self.changes):
            if target(self.overlay, self.manifests, change.target) is manifest:
                where = indexed(manifest.data, change.route)
                if route[: len(where)] == where:
                    return self._because(change.because, change.why, change)
        for image in self.overlay.images:
            if route[-1:] == ("image",) and image_name(str(follow(manifest.data, route))) == image.repository:
                return self._because(image.because, f"runs in place of the base's {image.name}")
        placed = bool(self.overlay.namespace) and route == ("metadata", "namespace")
        if placed or (manifest.ref.kind == "Namespace" and route == ("metadata", "name")):
            return self._because(("namespace",), "everything goes there")
        named = next((ref for ref, name in self.overlay.names.items() if manifest.ref.name == name), None)
        if named is not None and manifest.ref.kind == "Job" and route == ("metadata", "name"):
            written = self._from(self.base, manifest, route)
            why = "named for its content, because a Job cannot be changed"
            return Origin(written.place, written.line, f"{written.why}; {why}") if written else None
        return self._made(manifest)

    def _made(self, manifest: Manifest) -> Origin | None:
        """The line of environment.yaml that has an object made which no file of the base holds."""
        for secret in self.overlay.generated_secrets():
            if manifest.ref.kind == "Secret" and manifest.ref.name == secret.name:
                return self._because(secret.because, "a Secret that is made from a file in secrets/")
        names = list(self.overlay.profiles)
        profile = manifest.ref.namespace or manifest.ref.name
        if profile in names and (manifest.apart or manifest.ref.kind == "Profile"):
            return self._because(("profiles", names.index(profile)), "an object of the profile")
        if manifest.ref.kind == "ExternalSecret":
            return self._because(("externalSecrets",), "the store that an operator makes a Secret from")
        return None

    def from_base(self, manifest: Manifest, route: Route) -> Origin | None:
        """The line of the base or of a component that sets a route."""
        return self._from(self.base, manifest, route)

    def touching(self, manifest: Manifest) -> Iterator[Patch]:
        """The patches of `custom/` that change an object, the last one first."""
        names = self._names(manifest)
        for layer in reversed(self.custom):
            for patch in reversed(layer.patches):
                if patch.picks(manifest, names):
                    yield patch

    def _names(self, manifest: Manifest) -> list[str]:
        renamed = {(ref.kind, name): ref.name for ref, name in self.overlay.names.items()}
        return known_as(manifest, renamed.get((manifest.ref.kind, manifest.ref.name), ""))

    def _because(self, because: Route, why: str, change: Change | None = None) -> Origin:
        written = show(because) if because else "the environment"
        default = "" if because in self.environment.entries else ", which is not set"
        found = spot(self.environment, because)
        return Origin(found.place, found.line, f"{written}{default}: {why}", change)

    def _from(self, through: list[Kustomization], manifest: Manifest, route: Route) -> Origin | None:
        names = self._names(manifest)
        own = resource(self.files, manifest, names)
        homes = [layer.path for layer in through if manifest.origin.startswith(f"{layer.path}/")]
        home = max(homes, key=len, default="")
        for layer in through if names_item(manifest.data, route) else reversed(through):
            found = layer.sets(manifest, names, route)
            if found is None and own is not None and layer.path == home and _holds(own, manifest, route):
                found = spot(own, counterpart(manifest.data, own.data, route))
            if found is not None:
                return Origin(found.place, found.line, self._why(layer.path))
        return None

    def _why(self, path: str) -> str:
        if path.startswith("base/components/"):
            return f"the component {path.removeprefix('base/components/')}"
        return "custom/, which is yours" if path.startswith(self.own) else "the base, for every environment"


def _holds(source: Source, manifest: Manifest, route: Route) -> bool:
    return len(counterpart(manifest.data, source.data, route)) == len(route)
