"""What was proved before, so that `compile` need not prove again what did not change.

A proof rests on the environment's own files, for Kubeflow Pipelines on those of the other environments, on the overlay that was
written, the base, the compiler, what is installed beside it and kubectl. A digest of them all is kept in a directory of the
project that git ignores; it may be removed at any time. Where anything differs, or the record cannot be read, there is no proof.
`check` and `compile --check` never ask: they prove anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from compiler.build import kubectl
from compiler.errors import Fatal, Unreadable
from compiler.files import MEBIBYTE, Odd, below, contents, inside, sort_of
from compiler.outline import tops
from compiler.tree import Tree
from compiler.workspace import ENVIRONMENT, Workspace, put

HOME = Path(".cache", "mlflow-overlays")


@dataclass(frozen=True)
class Proved:
    """A proof that was remembered: its sentences, and the files of generated Secrets, which hold no part of it."""

    sentences: tuple[str, ...]
    secrets: tuple[str, ...]


@dataclass(frozen=True)
class Cache:
    """The proofs of a project. `common` stands for all that every environment rests on."""

    workspace: Workspace
    common: str

    def inputs(self, name: str) -> str:
        """What stands for everything that the overlay of an environment is made of; to be taken before it is made."""
        directory = self.workspace.directory(name)
        own = [*_files(directory / ENVIRONMENT), *_files(directory / "custom")]
        for top in sorted(tops(self.workspace.committed(name)) - {"base"}):
            own += _files(self.workspace.root / top)
        # An installation of Kubeflow Pipelines is held against the other environments. An escape could hide its kind.
        if any(b"kfp-" in content or b"\\" in content for _, content in own[:1]):
            own += [(name, content) for name, content in self.workspace.others(name).items()]
        return _digest([("name", name.encode()), ("common", self.common.encode()), *own])

    def proved(self, name: str) -> Proved | None:
        """The proof of what is on disk, if it is all as it was then, and no file of a generated Secret is missing."""
        try:
            record = json.loads(contents(self._path(name), MEBIBYTE))
            inputs = self.inputs(name)
            proved = Proved(tuple(record["proved"]), tuple(record["secrets"]))
            same = record["digest"] == _whole(inputs, self.workspace.committed(name))
            there = all((self.workspace.root / path).exists() for path in proved.secrets)
        except (Fatal, OSError, ValueError, LookupError, TypeError, AttributeError):
            return None
        return proved if same and there else None

    def remember(self, name: str, inputs: str, tree: Tree, proved: Proved) -> None:
        """Keeps a proof of a tree that was made of inputs and written. Where nothing can be kept, nothing is."""
        record = {"digest": _whole(inputs, tree), "proved": proved.sentences, "secrets": proved.secrets}
        with suppress(OSError, Unreadable):
            put(inside(self.workspace.root, f"{HOME}/proved/{name}.json"), f"{json.dumps(record)}\n".encode(), 0o644)
            put(self.workspace.root / HOME / ".gitignore", b"*\n", 0o644)

    def _path(self, name: str) -> Path:
        return self.workspace.root / HOME / "proved" / f"{name}.json"


def cache_of(workspace: Workspace, today: str) -> Cache:
    """The cache of a project, as what it rests on is now. In: the day, since a waiver may have ended since."""
    files = [*_files(workspace.root / "base"), *_files(Path(__file__).parent)]
    return Cache(workspace, _digest([("day", today.encode()), ("machine", "\n".join(_machine()).encode()), *files]))


def _machine() -> Iterator[str]:
    """Python, every package that is installed with its version, and the kubectl that builds."""
    yield sys.version
    for directory in sys.path:
        with suppress(OSError):
            yield from sorted(name for name in os.listdir(directory) if name.endswith((".dist-info", ".egg-info")))  # noqa: PTH208 - quick
    with suppress(Fatal):
        path = kubectl().path
        status = os.stat(path)  # noqa: PTH116 - quick
        yield f"{path} {status.st_size} {status.st_mtime_ns}"


def _files(top: Path) -> Iterator[tuple[str, bytes]]:
    """A file, or every file below a directory, by its path, in a fixed order; one that cannot be read is as none.

    What is no regular file counts by what it is: no build reads it.
    """
    if sort_of(top) != "a directory":
        with suppress(OSError, Unreadable):
            yield str(top), contents(top)
        return
    for path in below(top):
        if isinstance(path, Odd):
            yield f"{top}/{path.path}", path.sort.encode()
        elif "__pycache__" not in path:
            with suppress(OSError, Unreadable):
                yield f"{top}/{path}", contents(top / path)


def _whole(inputs: str, tree: Tree) -> str:
    return _digest([("inputs", inputs.encode()), *((path, tree[path].encode()) for path in sorted(tree))])


def _digest(parts: Iterable[tuple[str, bytes]]) -> str:
    """A digest of named contents, in their order. Lengths stand between them, so that no two lists share one."""
    digest = hashlib.sha256()
    for name, content in parts:
        digest.update(f"{len(name.encode('utf-8', 'surrogateescape'))} {len(content)} ".encode())
        digest.update(name.encode("utf-8", "surrogateescape"))
        digest.update(content)
    return digest.hexdigest()
