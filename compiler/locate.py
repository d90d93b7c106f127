"""Where a fault of a built object was written: a line of the environment, of a file in `custom/`, or of the base."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from compiler.diagnostic import Diagnostic, Place
from compiler.manifest import Fault, Manifest
from compiler.origin import Search
from compiler.patch import Patch, Spot, spot
from compiler.route import ABSENT, Named, Route, follow, indexed
from compiler.secrecy import secret_lines
from compiler.source import read

_TRANSFORMS = ("labels", "commonLabels", "namePrefix", "nameSuffix", "namespace", "replacements", "transformers")
"""Fields of a kustomization that change objects which they do not name."""


@dataclass(frozen=True)
class Locator:
    """Finds the line that a fault comes from."""

    search: Search

    def diagnose(self, fault: Fault) -> Diagnostic:
        """A fault with its place, and with its object in the message."""
        found = self._spot(fault)
        hint = fault.hint
        changed = self._changed(fault)
        if changed is not None:
            hint = f"{changed.place} sets it too"
        line = "" if fault.ref.kind == "Secret" else self._shown(found)
        return Diagnostic(found.place, fault.code, f"{fault.ref}: {fault.message}", hint, fault.severity, line)

    def unbuilt(self, error: str) -> Diagnostic:
        """The diagnostic of a build that failed. In: what kubectl said."""
        missing = re.search(r"no matches for Id (\w+)\.[^/\s]*/([^.\s]+)", error)
        message = f"a patch changes {missing[1]} {missing[2]}, which is not there" if missing else error
        custom = self.search.overlay.custom
        hint = "look for it in custom/, which is yours" if custom else "is the base as it was released?"
        found = self._missed(missing[1], missing[2]) if missing else self._named_in(error)
        found = found or self._top()
        return Diagnostic(found.place, "build-failed", message, hint, line=self._shown(found))

    def _shown(self, found: Spot) -> str:
        """The line of a place, unless it is one that no report shows."""
        path = found.place.path
        if path == self.search.environment.path or not self.search.files.has(path):
            return found.line
        hidden = secret_lines(tuple(self.search.files.text(path).split("\n")))
        return "" if found.place.line in hidden else found.line

    def _spot(self, fault: Fault) -> Spot:
        if fault.because is not None:
            return spot(self.search.environment, fault.because)
        manifest = next((each for each in self.search.manifests if each.ref == fault.ref), None)
        if manifest is None:
            return self._top()
        gone = follow(manifest.data, fault.route) is ABSENT
        found = (self._removed(manifest, fault.route) if gone else None) or self._written(manifest, fault.route)
        if found is not None and not found.place.path.startswith("base/"):
            return found
        # The base keeps the rules by itself, so what breaks one is likely in custom/.
        return next(self._suspects(manifest, fault), None) or found or self._file(manifest)

    def _changed(self, fault: Fault) -> Spot | None:
        """What else sets a value that is not what the environment asked for."""
        manifest = next((each for each in self.search.manifests if each.ref == fault.ref), None)
        if fault.code != "patch-misses" or manifest is None:
            return None
        route = indexed(manifest.data, fault.route)
        origin = self.search.from_custom(manifest, route)
        removed = self._removed(manifest, fault.route) if origin is None else None
        return Spot(origin.place, origin.line) if origin else removed

    def _written(self, manifest: Manifest, route: Route) -> Spot | None:
        """The line that sets what stands at a route, or the nearest thing that it would stand in."""
        for length in range(len(route), 0, -1):
            if isinstance(route[length - 1], Named) and follow(manifest.data, route[:length]) is ABSENT:
                continue
            origin = self.search.origin(manifest, route[:length])
            if origin is not None:
                return Spot(origin.place, origin.line)
        return None

    def _removed(self, manifest: Manifest, route: Route) -> Spot | None:
        """The line of `custom/` that takes away what a fault misses."""
        spots = (patch.removes(manifest, route) for patch in self.search.touching(manifest))
        return next((each for each in spots if each), None)

    def _suspects(self, manifest: Manifest, fault: Fault) -> Iterator[Spot]:
        """What in `custom/` may have brought about a fault at a line of the base, the likeliest first."""
        value = follow(manifest.data, fault.route)
        patches = [patch for layer in reversed(self.search.custom) for patch in reversed(layer.patches)]
        yield from (
            patch.whole for patch in patches if patch.deletes and patch.deletes in (value, *fault.message.split())
        )
        near = [self._nearest(patch, manifest, fault.route) for patch in self.search.touching(manifest)]
        yield from (found for _, found in sorted(near, key=lambda each: -each[0]))
        yield from (patch.whole for patch in patches)
        for layer in reversed(self.search.custom):
            data = layer.source.data
            yield from (spot(layer.source, (key,)) for key in _TRANSFORMS if data.get(key))

    def _nearest(self, patch: Patch, manifest: Manifest, route: Route) -> tuple[int, Spot]:
        route = indexed(manifest.data, route)
        for length in range(len(route), 0, -1):
            found = patch.sets(manifest, route[:length])
            if found is not None:
                return length, found
        return 0, patch.whole

    def _missed(self, kind: str, name: str) -> Spot | None:
        """The patch that changes an object that is not there."""
        for layer in reversed([*self.search.base, *self.search.custom]):
            for patch in layer.patches:
                own = patch.source.data
                if follow(own, ("kind",)) == kind and follow(own, ("metadata", "name")) == name:
                    return spot(patch.source, ("metadata", "name"))
        return None

    def _named_in(self, error: str) -> Spot | None:
        """The file that kubectl names in its error, at the line that cannot be read."""
        files = self.search.files
        paths = [path for folder in (self.search.own, "base") for path in files.below(folder)]
        named = [
            path for path in paths if re.search(rf"(?<![\w.-]){re.escape(path.rpartition('/')[2])}(?![\w-])", error)
        ]
        for path in [*named, *paths[: len(files.below(self.search.own))]]:
            _, problems = read(path, files.text(path).encode())
            broken = next((each for each in problems if each.code == "yaml-syntax"), None)
            if broken is not None and path.endswith((".yaml", ".yml")):
                return Spot(broken.place, broken.line)
        return self._start(named[0]) if named else None

    def _file(self, manifest: Manifest) -> Spot:
        """The start of the file that an object was read from."""
        return self._start(manifest.origin) if self.search.files.has(manifest.origin) else self._top()

    def _start(self, path: str) -> Spot:
        return Spot(Place(path, 1, 1), next(iter(self.search.files.text(path).splitlines()), ""))

    def _top(self) -> Spot:
        """The start of what a person looks at first."""
        layers = self.search.custom or self.search.base
        return spot(layers[-1].source, ()) if layers else spot(self.search.environment, ())
