"""Copies of an environment's data on this machine: tar files, each with a manifest as its last member.

A tar that was cut off on its way has no manifest, and so is no copy.
"""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from compiler.errors import Missing, Usage

MANIFEST = "mlflow-overlays.json"
WHOLE = "manifest.json"
BLOCK = 1 << 20
SHOWN = 5

Files = dict[str, dict[str, Any]]
"""The size and the SHA-256 of each file, by its path."""


class Damaged(Exception):
    """A tar is not what its manifest says; the message says how."""


class Copy(NamedTuple):
    """A directory with a copy."""

    directory: Path

    def made(self) -> Copy:
        """Makes the directory, for its owner's eyes alone, whatever the umask. Raises `Usage` where it holds something."""
        there = self.directory
        if there.exists() and (not there.is_dir() or any(there.iterdir())):
            raise Usage(f"{there} is there already: name a new directory, or an empty one")
        there.mkdir(parents=True, exist_ok=True, mode=0o700)
        there.chmod(0o700)
        return self

    @contextmanager
    def writing(self, name: str) -> Iterator[IO[bytes]]:
        """A file for its owner's eyes alone that has its name only once it is whole. Raises `Usage` where it is there already."""
        partial, whole = self.directory / f".{name}.part", self.directory / name
        if whole.exists() or whole.is_symlink():
            raise Usage(f"{whole} is there already: name a new directory, or an empty one")
        partial.unlink(missing_ok=True)
        try:
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                os.fchmod(file.fileno(), 0o600)
                yield file
            partial.replace(whole)
        finally:
            partial.unlink(missing_ok=True)

    @contextmanager
    def reading(self, name: str) -> Iterator[IO[bytes]]:
        """A file that is there."""
        with (self.directory / name).open("rb") as file:
            yield file

    def verified(self, name: str) -> Files:
        """What a tar holds, every file held against the manifest. Raises `Damaged`, and `Missing` without the file."""
        path = self.directory / name
        if not path.is_file():
            raise Missing(f"there is no file {path}")
        try:
            seen, manifest = _read(path)
        except (tarfile.TarError, ValueError, OSError) as error:
            raise Damaged(f"{path} cannot be read: {error}") from None
        if manifest is None:
            raise Damaged(f"{path} ends too early: it has no manifest")
        wrong = sorted(each for each in {*seen, *manifest} if seen.get(each) != manifest.get(each) or _leads_out(each))
        if wrong:
            raise Damaged(
                f"{path}: not what was copied: {', '.join(wrong[:SHOWN])}{' and others' if wrong[SHOWN:] else ''}"
            )
        return seen

    def note(self, content: Mapping[str, Any]) -> str:
        """Writes the manifest of the whole, and returns its path."""
        with self.writing(WHOLE) as file:
            file.write((json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())
        return str(self.directory / WHOLE)

    def noted(self) -> dict[str, Any]:
        """The manifest of the whole. Raises `Missing` where it is not there, and `Damaged` where it is none."""
        path = self.directory / WHOLE
        if not path.is_file():
            raise Missing(f"{self.directory} holds no copy: there is no {WHOLE}")
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            raise Damaged(f"{path} is no JSON") from None
        if not isinstance(found, dict) or not isinstance(found.get("backup"), str):
            raise Damaged(f"{path} names no backup")
        return found


def _read(path: Path) -> tuple[Files, Files | None]:
    seen: Files = {}
    manifest: Files | None = None
    with tarfile.open(path, "r:") as archive:
        for member in archive:
            content = archive.extractfile(member)
            if content is None:
                continue
            if member.name == MANIFEST:
                manifest = json.loads(content.read())
            else:
                seen[member.name] = _digest(content)
    return seen, manifest


def _leads_out(name: str) -> bool:
    """Whether a path would lead out of where it is stored."""
    return name.startswith("/") or ".." in name.split("/")


def _digest(content: IO[bytes]) -> dict[str, Any]:
    size, digest = 0, hashlib.sha256()
    while block := content.read(BLOCK):
        size += len(block)
        digest.update(block)
    return {"size": size, "sha256": digest.hexdigest()}
