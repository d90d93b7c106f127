"""What a build of Kustomize would read, found before kubectl starts: every kustomization of the tree, and every path in it.

Kustomize fetches what looks like an address, runs git for it, and follows links. So whatever a kustomization names must be a
regular file or a directory of the same project, and a transformer one that is built into Kustomize.
Where it looks for paths is in `kusttarget.go`, `fileloader.go` and `repospec.go` of sigs.k8s.io/kustomize/api; field names are
matched like there, by Go's encoding/json, without regard to case.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from compiler.diagnostic import Diagnostic, Finding, Place
from compiler.dialect import MANIFEST
from compiler.errors import Unreadable
from compiler.files import MEBIBYTE, contents, sort_of
from compiler.manifest import strings
from compiler.quick import plain
from compiler.route import Route
from compiler.source import Refusal, Source, chunks, decode, read_all
from compiler.tree import KUSTOMIZATIONS

MAX_BYTES = 64 * MEBIBYTE
"""How large a file of a build may be."""
_ADDRESS = re.compile(
    r"\s*(?:[a-z0-9+.-]+://|[a-z0-9+.-]+::|[^/\s]+@[^/\s]+:|gh:|(?:www\.)?github\.com[:/])", re.IGNORECASE
)
"""What Kustomize may take for an address: a URL, a form of git, or a host that it knows."""
_FETCHED = re.compile(r"\s*https?:", re.IGNORECASE)
"""What Kustomize fetches wherever it loads a file."""
_ALLOWED = re.compile(
    r"https://[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]{1,5})?/[A-Za-z0-9._~/-]+"
    r"(?:\?(?:ref|timeout|submodules)=[A-Za-z0-9][A-Za-z0-9._/-]*(?:&(?:ref|timeout|submodules)=[A-Za-z0-9][A-Za-z0-9._/-]*)*)?"
)
"""The one form of an address that is passed on where remote resources are allowed: no other protocol, and no option of git."""
_TREES = ("resources", "bases", "components")
_CONFIGURED = ("generators", "transformers", "validators")
_NAMED = {
    "patches": ("path",), "patchesjson6902": ("path",), "replacements": ("path",), "openapi": ("path",),
    "configmapgenerator": ("files", "envs", "env"), "secretgenerator": ("files", "envs", "env"),
}  # fmt: skip
"""Fields with paths inside their items."""
_FILES = ("crds", "configurations", "patchesstrategicmerge", *_NAMED)
_HELM = ("helmcharts", "helmchartinflationgenerator", "helmglobals")
_FUNCTION = "config.kubernetes.io/function"
_BUILT_IN = "build it once yourself, and name the result among the resources"


class _Problem(NamedTuple):
    file: Path
    route: Route
    code: str
    message: str
    hint: str


class Boundary(NamedTuple):
    """Where a build may read: below these directories. A link that the compiler made leads from one of them to another."""

    tops: tuple[Path, ...]
    links: Mapping[Path, Path] = {}
    remote: bool = False
    """Whether resources at an https address are allowed."""
    start: Path | None = None
    """The directory that paths of reports start from; without it, each from the one that it is below."""

    def shown(self, path: Path) -> str:
        """A path for reports."""
        if self.start is not None:
            return os.path.relpath(path, self.start)
        for top in self.tops:
            if path.is_relative_to(top):
                return path.relative_to(top).as_posix()
        return str(path)


def problems(directory: Path, boundary: Boundary) -> list[Diagnostic]:
    """What keeps a directory of Kustomize from being built: each path that is not a file or directory inside the boundary.

    In: an absolute path without links. Follows what kustomizations name, and reads nothing else.
    """
    tree = _Tree(boundary)
    tree.directory(directory)
    return sorted(set(tree.unread) | {tree.diagnose(problem) for problem in tree.found})


class _Tree:
    def __init__(self, boundary: Boundary) -> None:
        self.boundary = boundary
        self.seen: set[Path] = set()
        self.found: list[_Problem] = []
        self.unread: list[Diagnostic] = []
        self._looks = {_TREES: self._resource, _FILES: self._file, _CONFIGURED: self._configured}

    def directory(self, here: Path) -> None:
        """Reads the kustomization of a directory, once."""
        if here in self.seen:
            return
        self.seen.add(here)
        for name in KUSTOMIZATIONS:
            file = here / name
            if not sort_of(file):
                continue
            for data in self._documents(file):
                self._kustomization(file, data)

    def _documents(self, file: Path) -> list[Any]:
        """The documents of a file. What cannot be read becomes a diagnostic, and the build does not start."""
        shown = self.boundary.shown(file)
        try:
            text = decode(contents(file, MAX_BYTES), MANIFEST)
        except Unreadable as error:
            self.unread.append(Diagnostic(Place(shown), error.code, error.reason, "put the file itself there"))
            return []
        except OSError as error:
            self.unread.append(Diagnostic(Place(shown), "not-a-file", f"this cannot be read: {error.strerror}"))
            return []
        except Refusal as refusal:
            self.unread.append(Source(shown, None, {}).refuse(refusal))
            return []
        documents = plain([part for _, part in chunks(text)])
        if documents is None:
            sources, wrong = read_all(shown, text)
            self.unread += wrong
            documents = [source.data for source in sources]
        return documents

    def _kustomization(self, file: Path, data: Any) -> None:
        for key, value in data.items() if isinstance(data, dict) else ():
            field, route = _folded(key), (key,)
            if field in _HELM and value:
                self.found.append(
                    _Problem(file, route, "kustomize-plugin", f"{key} runs helm, which no build here does", _BUILT_IN)
                )
            for fields, look in self._looks.items():
                if field in fields:
                    for each, text in _paths(field, value, route):
                        look(file, each, text)

    def _resource(self, file: Path, route: Route, text: str) -> None:
        """A resource: a file, a directory of Kustomize, or an address."""
        if _FETCHED.match(text) or (_ADDRESS.match(text) and not sort_of(file.parent / text).startswith("file")):
            self._address(file, route, text)
            return
        found = self._inside(file, route, text)
        if found is not None and sort_of(found) == "a directory":
            self.directory(found)

    def _address(self, file: Path, route: Route, text: str) -> None:
        if self.boundary.remote and _ALLOWED.fullmatch(text):
            return
        hint = "copy what is there into the project, and name the copy"
        if self.boundary.remote:
            hint = "with --allow-remote, write it like https://github.com/org/repository//path?ref=v1.0.0"
        self.found.append(
            _Problem(
                file, route, "remote-resource", f"'{text}' is not in the project, and a build uses no network", hint
            )
        )

    def _file(self, file: Path, route: Route, text: str) -> None:
        """A path of a file that Kustomize loads."""
        if _FETCHED.match(text):
            self._address(file, route, text)
        else:
            self._inside(file, route, text)

    def _configured(self, file: Path, route: Route, text: str) -> None:
        """A transformer, generator or validator: in this place, in a file, or in a directory of Kustomize."""
        if "\n" in text or ": " in text:
            documents = plain([part for _, part in chunks(text)])
            for data in [None] if documents is None else documents:
                self._plugin(file, route, data, file.parent)
            return
        if _FETCHED.match(text) or _ADDRESS.match(text):
            self._address(file, route, text)
            return
        found = self._inside(file, route, text)
        sort = sort_of(found) if found is not None else ""
        if found is not None and sort == "a directory":
            self.directory(found)
        elif found is not None and sort == "file":
            for data in self._documents(found):
                self._plugin(found, (), data, file.parent)

    def _plugin(self, file: Path, route: Route, data: Any, here: Path) -> None:
        """A configuration must be of a plugin that is built in, and must not name anything outside."""
        kind = str(data.get("kind")) if isinstance(data, dict) else ""
        if not isinstance(data, dict) or data.get("apiVersion") != "builtin" or "helm" in kind.lower():
            named = f"{kind} is no part of Kustomize" if kind else "this is no configuration of Kustomize's own"
            hint = "use a transformer or generator of apiVersion builtin"
            self.found.append(
                _Problem(file, route, "kustomize-plugin", f"{named}, and a build runs no other program", hint)
            )
            return
        for each, text in strings(data):
            if _FUNCTION in each:
                self.found.append(
                    _Problem(
                        file, route or each, "kustomize-plugin", "a build runs no function", "remove the annotation"
                    )
                )
            for path in {text, text.partition("=")[2]}:
                if _FETCHED.match(path):
                    self._address(file, route or each, path)
                elif path and len(path) < 1024 and "\n" not in path and sort_of(here / path):
                    self._inside(here / "x", route or each, path, shown=file)

    def _inside(self, file: Path, route: Route, text: str, shown: Path | None = None) -> Path | None:
        """The file or directory that a path names, or None where there is nothing, or what must not be read."""
        place = shown or file
        if "\0" in text:
            return None
        path = Path(os.path.normpath(file.parent / text))
        top = next((top for top in self.boundary.tops if path.is_relative_to(top)), None)
        if top is None:
            hint = "copy what is there into the project, and name the copy"
            self.found.append(_Problem(place, route, "outside-project", f"'{text}' is outside of the project", hint))
            return None
        here = top
        for step in path.relative_to(top).parts:
            here = self.boundary.links.get(here / step, here / step)
            sort = sort_of(here)
            if not sort:
                return None
            if sort not in ("file", "a directory"):
                message = f"'{text}' is {sort}" if here == path else f"'{text}' leads through {here.name}, {sort}"
                self.found.append(
                    _Problem(place, route, "not-a-file", message, "put the file itself there: a build follows no link")
                )
                return None
        if sort_of(here) == "file" and (size := here.stat().st_size) > MAX_BYTES:
            message = f"'{text}' has {size // MEBIBYTE} MiB"
            self.found.append(
                _Problem(
                    place, route, "too-large", message, f"a file of a build has at most {MAX_BYTES // MEBIBYTE} MiB"
                )
            )
            return None
        return here

    def diagnose(self, problem: _Problem) -> Diagnostic:
        """A problem with its line and column. The file was read once, so it is read again."""
        shown = self.boundary.shown(problem.file)
        sources, _ = read_all(shown, decode(contents(problem.file, MAX_BYTES), MANIFEST))
        for source in sources:
            if problem.route in source.entries:
                finding = Finding(problem.route, problem.code, problem.message, problem.hint)
                return source.diagnose(finding)
        return Diagnostic(Place(shown, 1, 1), problem.code, problem.message, problem.hint)


def _folded(key: Any) -> str:
    """A key as Go's encoding/json compares it: its folding takes the long s for s and the Kelvin sign for k."""
    return str(key).casefold()


def _paths(field: str, value: Any, route: Route) -> Iterator[tuple[Route, str]]:
    """The texts of a field that Kustomize takes for paths, with their routes."""
    names = _NAMED.get(field)
    if names is None:
        # A patch may be among the paths of patches; Kustomize tries the path first, and no path has several lines.
        yield from ((here, text) for here, text in _texts(value, route) if field in _CONFIGURED or "\n" not in text)
        return
    items = enumerate(value) if isinstance(value, list) else [(None, value)]
    for index, item in items:
        for key, inner in item.items() if isinstance(item, dict) else ():
            if _folded(key) in names:
                here = (*route, key) if index is None else (*route, index, key)
                for each, text in [(here, inner)] if isinstance(inner, str) else _texts(inner, here):
                    # Generators name a file as `key=path`.
                    yield each, text.partition("=")[2] or text if len(names) > 1 else text


def _texts(value: Any, route: Route) -> Iterator[tuple[Route, str]]:
    for index, each in enumerate(value if isinstance(value, list) else ()):
        if isinstance(each, str):
            yield (*route, index), each
