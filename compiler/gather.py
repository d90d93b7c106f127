"""The objects of files, directories, standard input and directories of Kustomize."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import IO

import yaml

from compiler.build import kustomization
from compiler.diagnostic import Diagnostic, Place
from compiler.dialect import MANIFEST
from compiler.errors import Missing
from compiler.manifest import Manifest
from compiler.route import Route, follow
from compiler.source import Refusal, Source, decode, read_all
from compiler.validate import Object, Verdict, read_objects

ENDINGS = (".yaml", ".yml", ".json")
KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
STANDARD_INPUT = "-"


def gather(paths: Sequence[str], stdin: IO[bytes], verdict: Verdict) -> list[Object]:
    """The objects of everything that was named; what cannot be read goes into the verdict.

    Raises `Missing` for a path that is not there.
    """
    objects: list[Object] = []
    for path in dict.fromkeys(paths):
        if path == STANDARD_INPUT:
            objects += read_objects("stdin", stdin.read(), verdict)
        elif Path(path).is_dir():
            for each, is_kustomization in _walk(path):
                if is_kustomization:
                    objects += _built(Path(each), verdict)
                else:
                    objects += read_objects(each, Path(each).read_bytes(), verdict)
        elif Path(path).is_file():
            if _in_component(Path(path).parent):
                verdict.counts[path]["skipped"] += 1
            else:
                objects += read_objects(path, Path(path).read_bytes(), verdict)
        else:
            raise Missing(f"there is no file or directory {path}")
    return objects


def _walk(top: str) -> Iterator[tuple[str, bool]]:
    """The files of a directory in order; a directory of Kustomize stands for its files, and hidden ones are left out."""
    for directory, below, names in os.walk(os.path.normpath(top)):
        below[:] = sorted(name for name in below if not name.startswith("."))
        if any(name in names for name in KUSTOMIZATIONS):
            below.clear()
            yield directory, True
            continue
        # What is named as here is told as `file`, not as `./file`.
        beside = "" if directory == "." else directory
        yield from ((os.path.join(beside, name), False) for name in sorted(names) if name.lower().endswith(ENDINGS))  # noqa: PTH118 - of ten thousand


def _built(directory: Path, verdict: Verdict) -> list[Object]:
    """The objects of a directory of Kustomize, each with the place in the file that it comes from."""
    path = next(directory / name for name in KUSTOMIZATIONS if (directory / name).is_file())
    if _component(path):
        # A component changes the build of another directory, and has none of its own.
        verdict.counts[str(path)]["skipped"] += 1
        return []
    build = kustomization(directory)
    if build.error:
        verdict.counts[str(path)]["unreadable"] += 1
        hint = f"kubectl kustomize {directory} says the same"
        verdict.diagnostics.append(Diagnostic(Place(str(path)), "build-failed", build.error, hint))
        return []
    return [_object(manifest, path) for manifest in build.manifests]


def _in_component(directory: Path) -> bool:
    """Whether its files are parts of a component, which mean something in the build of another directory alone."""
    return any(_component(directory / name) for name in KUSTOMIZATIONS if (directory / name).is_file())


def _component(path: Path) -> bool:
    try:
        data = yaml.safe_load(path.read_bytes())
    except (yaml.YAMLError, UnicodeDecodeError):
        return False
    return isinstance(data, dict) and data.get("kind") == "Component"


def _object(manifest: Manifest, kustomization_file: Path) -> Object:
    origin = os.path.relpath(manifest.origin) if manifest.origin else str(kustomization_file)

    def locate(route: Route) -> tuple[Source | None, Route, Place]:
        for source in _sources(origin) if manifest.origin else ():
            if not isinstance(source.data, dict) or source.data.get("kind") != manifest.ref.kind:
                continue
            same = Manifest(source.data).ref.name == manifest.ref.name or len(_sources(origin)) == 1
            if same and follow(source.data, route) == follow(manifest.data, route):
                return source, route, source.locate(route)
        # What its file does not say, the kustomization does.
        return None, route, Place(origin if _sources(origin) == () else str(kustomization_file))

    return Object(manifest, str(kustomization_file), locate, built=True)


@cache
def _sources(path: str) -> tuple[Source, ...]:
    try:
        text = decode(Path(path).read_bytes(), MANIFEST)
    except (OSError, Refusal):
        return ()
    return tuple(read_all(path, text)[0])
