"""A kustomization as what it says of built objects, each with the line that says it.

Of https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/ it knows patches in all their forms, generators,
replacements, and the fields that set names, labels, images and replicas.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from compiler.diagnostic import Place
from compiler.errors import Unreadable
from compiler.files import below, contents, inside, sort_of
from compiler.manifest import Manifest
from compiler.patch import Patch, Spot, spot
from compiler.route import ABSENT, Named, Route, follow, indexed
from compiler.source import Source, read
from compiler.workload import image_name

FILE = "kustomization.yaml"
_HASH = re.compile(r"-[bcdfghkm2456789t]{10}$")
"""What Kustomize hangs on the names of generated objects."""


@dataclass(frozen=True)
class Files:
    """The files of a project by their paths from its root, each read once."""

    root: Path
    known: dict[str, list[Source]] = field(default_factory=dict, compare=False)

    def has(self, path: str) -> bool:
        """Whether there is such a file, without any link on the way."""
        try:
            return bool(path) and sort_of(inside(self.root, path)) == "file"
        except Unreadable:
            return False

    def below(self, folder: str) -> list[str]:
        """The paths of the files in a directory and below it."""
        top = self.root / folder
        found = below(top) if sort_of(top) == "a directory" else ()
        return sorted(f"{folder}/{path}" for path in found if isinstance(path, str))

    def text(self, path: str) -> str:
        """What a file holds."""
        return contents(inside(self.root, path)).decode("utf-8", "replace")

    def documents(self, path: str) -> list[Source]:
        """The documents of a file, each on the lines that it has there; those that cannot be read are left out."""
        if path not in self.known:
            self.known[path] = list(_documents(path, self.text(path)))
        return self.known[path]


def _documents(path: str, text: str) -> Iterator[Source]:
    line = 0
    for part in re.split(r"(?m)^---(?=\s|$)", text):
        source, _ = read(path, ("\n" * line + part).encode())
        line += part.count("\n")
        if source is not None and source.data is not None:
            yield source


@dataclass(frozen=True)
class Kustomization:
    """A directory with a kustomization.yaml. `path` is the directory's, from the root of the project."""

    files: Files
    path: str
    source: Source

    @cached_property
    def patches(self) -> list[Patch]:
        """Every patch, in the order in which they are applied."""
        return list(self._patches())

    def _patches(self) -> Iterator[Patch]:
        for key in ("patchesStrategicMerge", "patches", "patchesJson6902"):
            for index, entry in enumerate(_items(self.source.data, key)):
                if isinstance(entry, str):
                    yield from (Patch(each) for each in self._written((key, index), entry))
                elif isinstance(entry, dict):
                    target = entry["target"] if isinstance(entry.get("target"), dict) else None
                    for form in ("path", "patch"):
                        if isinstance(entry.get(form), str):
                            documents = self._written((key, index, form), entry[form])
                            yield from (Patch(each, target) for each in documents)

    def _written(self, route: Route, text: str) -> list[Source]:
        """The documents of a patch that stands in the kustomization, or in a file that it names."""
        named = "" if "\n" in text else joined(self.path, text)
        return self.files.documents(named) if self.files.has(named) else inline(self.source, route, text)

    def sets(self, manifest: Manifest, names: Sequence[str], route: Route) -> Spot | None:
        """Where it sets what stands at a route of an object, the last place of several; not in its resources."""
        own = self._replaced(manifest, names, route) or self._transformed(manifest, names, route)
        if own is not None:
            return spot(self.source, own)
        for patch in reversed(self.patches):
            if patch.picks(manifest, names) and (found := patch.sets(manifest, route)):
                return found
        return self._generated(manifest, names, route)

    def _replaced(self, manifest: Manifest, names: Sequence[str], route: Route) -> Route | None:
        """The path of a replacement that ends at a route."""
        for index, entry in enumerate(_items(self.source.data, "replacements")):
            for number, target in enumerate(_items(entry, "targets")):
                kind = follow(target, ("select", "kind"))
                name = follow(target, ("select", "name"))
                if kind not in (ABSENT, manifest.ref.kind) or name not in (ABSENT, *names):
                    continue
                for place, path in enumerate(_items(target, "fieldPaths")):
                    if indexed(manifest.data, _field_path(str(path))) == route:
                        return ("replacements", index, "targets", number, "fieldPaths", place)
        return None

    def _transformed(self, manifest: Manifest, names: Sequence[str], route: Route) -> Route | None:
        """The field of the kustomization that sets a route of every object: images, replicas, labels, names."""
        data, value = self.source.data, follow(manifest.data, route)
        found: Iterator[Route] = iter(())
        if route[-1:] == ("image",):
            images = enumerate(_items(data, "images"))
            fits = {n: (each.get("name"), each.get("newName")) for n, each in images if isinstance(each, dict)}
            found = (("images", n) for n, known in fits.items() if image_name(str(value)) in known)
        elif route == ("spec", "replicas"):
            replicas = enumerate(_items(data, "replicas"))
            found = (("replicas", n) for n, each in replicas if follow(each, ("name",)) in names)
        elif route == ("metadata", "namespace"):
            found = iter([("namespace",)] if data.get("namespace") else [])
        elif route == ("metadata", "name"):
            ends = {"namePrefix": manifest.ref.name.startswith, "nameSuffix": manifest.ref.name.endswith}
            found = ((key,) for key, fit in ends.items() if data.get(key) and fit(str(data[key])))
        elif len(route) > 1 and value is not ABSENT:
            pairs: list[Route] = [("labels", index, "pairs") for index, _ in enumerate(_items(data, "labels"))]
            places = [(*pair, route[-1]) for pair in [*pairs, ("commonLabels",), ("commonAnnotations",)]]
            found = (place for place in places if follow(data, place) == value)
        return next(found, None)

    def _generated(self, manifest: Manifest, names: Sequence[str], route: Route) -> Spot | None:
        """What a generator makes: a key is the line of its file, anything else the generator."""
        kind = {"ConfigMap": "configMapGenerator", "Secret": "secretGenerator"}.get(manifest.ref.kind, "")
        for index, entry in enumerate(_items(self.source.data, kind)):
            if follow(entry, ("name",)) not in names:
                continue
            generator: Route = (kind, index)
            if route[:1] == ("data",) and len(route) == 2:
                return self._key(generator, entry, str(route[1]))
            for options in ((*generator, "options"), ("generatorOptions",)):
                if route[:1] == ("metadata",) and follow(self.source.data, (*options, *route[1:])) is not ABSENT:
                    return spot(self.source, (*options, *route[1:]))
            return spot(self.source, (*generator, "name"))
        return None

    def _key(self, generator: Route, entry: dict[str, Any], key: str) -> Spot | None:
        for number, literal in enumerate(_items(entry, "literals")):
            if str(literal).partition("=")[0] == key:
                return spot(self.source, (*generator, "literals", number))
        for number, file in enumerate(_items(entry, "files")):
            name, _, path = str(file).rpartition("=")
            if (name or path.rpartition("/")[2]) == key:
                found = self._line(joined(self.path, path), "")
                return found or spot(self.source, (*generator, "files", number))
        lines = (self._line(joined(self.path, str(file)), key) for file in _items(entry, "envs"))
        return next((each for each in lines if each), None)

    def _line(self, path: str, key: str) -> Spot | None:
        """The line of a key in a file of variables; without a key, the first line of any file."""
        lines = self.files.text(path).splitlines() if self.files.has(path) else []
        for number, line in enumerate(lines, 1):
            if not key or line.partition("=")[0].strip() == key:
                return Spot(Place(path, number, 1), line)
        return None


def layers(files: Files, path: str, seen: frozenset[str] = frozenset()) -> list[Kustomization]:
    """A kustomization and all that it is made of, in the order in which they are applied. In: its directory."""
    file = f"{path}/{FILE}"
    if path in seen or not files.has(file):
        return []
    found: list[Kustomization] = []
    for source in files.documents(file)[:1]:
        for key in ("bases", "resources", "components"):
            for entry in _items(source.data, key):
                inner = joined(path, str(entry))
                found += layers(files, inner, seen | {path}) if inner else []
        if isinstance(source.data, dict):
            found.append(Kustomization(files, path, source))
    return found


def resource(files: Files, manifest: Manifest, names: Sequence[str]) -> Source | None:
    """The document of a file that an object was read from."""
    if manifest.origin.endswith(FILE) or ".." in manifest.origin or not files.has(manifest.origin):
        return None
    same = [each for each in files.documents(manifest.origin) if follow(each.data, ("kind",)) == manifest.ref.kind]
    called = [each for each in same if follow(each.data, ("metadata", "name")) in names]
    # A transformer may have given it a name that nothing here knows.
    return called[0] if called else same[0] if len(same) == 1 else None


def known_as(manifest: Manifest, before: str = "") -> list[str]:
    """The names that an object had on its way into the build. In: the one that it was renamed from, if it was."""
    name = manifest.ref.name
    return list(dict.fromkeys([name, *([before] if before else []), _HASH.sub("", name)]))


def inline(source: Source, route: Route, text: str) -> list[Source]:
    """A document that stands as a text inside another. In: its source, its route there, and what it says."""
    inner, _ = read(source.path, text.encode())
    entry = source.entries.get(route)
    if inner is None or inner.data is None or entry is None:
        return []
    # In a block scalar every line of the text is a line of the file, only further to the right.
    first, end = entry.value.line + 1, entry.value_end
    last = end.line - 1 if end.column == 1 else end.line
    lines = ["\n" * (first - 1), *(f"{line}\n" for line in source.lines[first - 1 : last])]
    here, _ = read(source.path, "".join(lines).encode())
    if here is not None and here.data == inner.data:
        return [here]
    return [Source(source.path, inner.data, dict.fromkeys(inner.entries, entry), source.lines)]


def joined(directory: str, path: str) -> str:
    """A path that is written in a file of a directory, from the root of the project; nothing where it leads out of it."""
    steps: list[str] = []
    for step in f"{directory}/{path}".split("/"):
        if step == "..":
            if not steps:
                return ""
            steps.pop()
        elif step not in ("", "."):
            steps.append(step)
    return "" if "://" in path or path.startswith("/") else "/".join(steps)


def _items(data: Any, key: str) -> list[Any]:
    value = data.get(key) if isinstance(data, dict) else None
    return value if isinstance(value, list) else []


def _field_path(text: str) -> Route:
    """`spec.containers.[name=a].env.0` as a route."""
    words = re.findall(r"\[name=([^\]]+)\]|([^.\[\]]+)", text)
    return tuple(Named(name) if name else int(word) if word.isdigit() else word for name, word in words)
