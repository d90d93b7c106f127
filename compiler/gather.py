"""The objects of files, directories, standard input and directories of Kustomize."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import IO

from compiler.build import kustomization
from compiler.diagnostic import Diagnostic, Place, Severity
from compiler.dialect import MANIFEST
from compiler.errors import Missing, Unreadable
from compiler.files import contents, sort_of
from compiler.manifest import Manifest
from compiler.route import Route, follow
from compiler.source import Refusal, Source, decode, read_all
from compiler.tree import KUSTOMIZATIONS
from compiler.validate import Object, Verdict, read_objects

ENDINGS = (".yaml", ".yml", ".json")
STANDARD_INPUT = "-"


def gather(paths: Sequence[str], stdin: IO[bytes], verdict: Verdict, *, remote: bool = False) -> list[Object]:
    """The objects of everything that was named; what cannot be read goes into the verdict.

    `remote` lets kustomizations name resources at https addresses. Raises `Missing` for a path that is not there.
    """
    objects: list[Object] = []
    for path in dict.fromkeys(paths):
        if path == STANDARD_INPUT:
            objects += read_objects("stdin", stdin.read(MANIFEST.max_bytes + 1), verdict)
        elif Path(path).is_dir():
            for each, sort in _walk(path):
                if sort == "kustomization":
                    objects += _built(Path(each), verdict, remote=remote)
                elif sort == "file":
                    objects += _read(each, verdict)
                else:
                    _skip(each, f"this is {sort}, so it is skipped", verdict)
        elif sort_of(path):
            if _in_component(Path(path).parent):
                verdict.counts[path]["skipped"] += 1
            else:
                # A person named it, so it may be a link.
                objects += _read(path, verdict, follow=True)
        else:
            raise Missing(f"there is no file or directory {path}")
    return objects


def _read(path: str, verdict: Verdict, *, follow: bool = False) -> list[Object]:
    """The objects of a file. One that cannot be read is a finding, and the others are read all the same."""
    try:
        return read_objects(path, contents(path, MANIFEST.max_bytes, follow=follow), verdict)
    except Unreadable as error:
        _unread(error, path, verdict)
    except OSError as error:
        _unread(Unreadable(path, f"this cannot be read: {error.strerror}"), path, verdict)
    return []


def _unread(error: Unreadable, path: str, verdict: Verdict) -> None:
    verdict.counts[path]["unreadable"] += 1
    hint = "name files of manifests, or - for standard input"
    verdict.diagnostics.append(Diagnostic(Place(path), error.code, error.reason, hint))


def _skip(path: str, message: str, verdict: Verdict) -> None:
    verdict.counts[path]["skipped"] += 1
    hint = "put the file itself there, or leave it: nothing in it is validated"
    verdict.diagnostics.append(Diagnostic(Place(path), "not-a-file", message, hint, Severity.WARNING))


def _walk(top: str) -> Iterator[tuple[str, str]]:
    """The files of a directory in order, each as a `kustomization` (its directory), a `file`, or the sort that is skipped.

    A directory of Kustomize stands for its files, and hidden ones are left out. No link is followed.
    """
    for directory, below, names in os.walk(os.path.normpath(top)):
        below[:] = sorted(name for name in below if not name.startswith("."))
        if any(name in names or name in below for name in KUSTOMIZATIONS):
            below.clear()
            yield directory, "kustomization"
            continue
        # What is named as here is told as `file`, not as `./file`.
        beside = "" if directory == "." else directory
        for name in below:
            path = os.path.join(beside, name)  # noqa: PTH118 - of ten thousand
            if (sort := sort_of(path)) != "a directory":
                yield path, sort
        for name in sorted(names):
            if name.lower().endswith(ENDINGS):
                path = os.path.join(beside, name)  # noqa: PTH118 - of ten thousand
                yield path, sort_of(path)


def _top(directory: Path) -> Path:
    """What a build of a directory may read: the repository that it is in, else the current directory, else itself."""
    directory = directory.resolve()
    for each in (directory, *directory.parents):
        if sort_of(each / ".git"):
            return each
    here = Path.cwd().resolve()
    return here if directory.is_relative_to(here) else directory


def _built(directory: Path, verdict: Verdict, *, remote: bool) -> list[Object]:
    """The objects of a directory of Kustomize, each with the place in the file that it comes from."""
    path = next(directory / name for name in KUSTOMIZATIONS if sort_of(directory / name))
    if _component(path):
        # A component changes the build of another directory, and has none of its own.
        verdict.counts[str(path)]["skipped"] += 1
        return []
    build = kustomization(directory, _top(directory), remote=remote)
    if build.failed:
        verdict.counts[str(path)]["unreadable"] += 1
        hint = f"kubectl kustomize {directory} says the same"
        wrong = build.problems or (Diagnostic(Place(str(path)), "build-failed", build.error, hint),)
        verdict.diagnostics += wrong
        return []
    return [_object(manifest, path) for manifest in build.manifests]


def _in_component(directory: Path) -> bool:
    """Whether its files are parts of a component, which mean something in the build of another directory alone."""
    return any(_component(directory / name) for name in KUSTOMIZATIONS if sort_of(directory / name))


def _component(path: Path) -> bool:
    return any(isinstance(each.data, dict) and each.data.get("kind") == "Component" for each in _parsed(str(path)))


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
    return _parsed(path)


def _parsed(path: str) -> tuple[Source, ...]:
    try:
        text = decode(contents(path, MANIFEST.max_bytes), MANIFEST)
    except (OSError, Refusal, Unreadable):
        return ()
    return tuple(read_all(path, text)[0])
