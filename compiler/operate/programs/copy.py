# mypy: disable-error-code="import-not-found,import-untyped"
"""Copies what is kept at a URI out of the store or into it, as a tar: sent into the server's pod, never imported.

    copy send URI    writes a tar of all files to standard output; its last member is a manifest with sizes and SHA-256
    copy take URI    stores the files of such a tar from standard input, and reads each back

MLflow's own client of the store is used, one file at a time, so that a pod needs room for the largest file alone.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

MANIFEST = "mlflow-overlays.json"
LAST = "manifest.json"
"""A backup is complete when it has this, so it is stored after all others."""


def files(store: Any, folder: str | None = None) -> Iterator[str]:
    """The path of every file below a folder, in order."""
    for entry in sorted(store.list_artifacts(folder), key=lambda each: str(each.path)):
        if not entry.is_dir:
            yield str(entry.path)
        elif entry.path.rstrip("/") != (folder or "").rstrip("/"):
            yield from files(store, entry.path)


def digest(path: Path) -> dict[str, Any]:
    """What the manifest says of a file."""
    with path.open("rb") as file:
        return {"size": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def fetched(store: Any, path: str, folder: str) -> Path:
    """A file of the store, in a folder that holds nothing else."""
    return Path(store.download_artifacts(path, folder))


def send(store: Any, sink: BinaryIO) -> None:
    """Writes the tar."""
    known: dict[str, dict[str, Any]] = {}
    with tarfile.open(fileobj=sink, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(files(store), key=lambda each: (each == LAST, each)):
            with tempfile.TemporaryDirectory() as folder:
                file = fetched(store, path, folder)
                known[path] = digest(file)
                archive.add(file, arcname=path, recursive=False)
        content = json.dumps(known, indent=2).encode()
        member = tarfile.TarInfo(MANIFEST)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))


def take(store: Any, source: BinaryIO) -> int:
    """Stores the files of a tar, and reads each back; returns how many there were."""
    count = 0
    with tarfile.open(fileobj=source, mode="r|") as archive:
        for member in archive:
            content = archive.extractfile(member)
            if member.name == MANIFEST or content is None:
                continue
            with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as other:
                head, _, name = member.name.rpartition("/")
                file = Path(folder) / name
                with file.open("wb") as opened:
                    while block := content.read(1 << 20):
                        opened.write(block)
                store.log_artifact(str(file), head or None)
                if digest(fetched(store, member.name, other)) != digest(file):
                    raise ValueError(f"{member.name}: other bytes come back than were stored")
            count += 1
    return count


def main() -> None:
    """Runs the command. Standard output is the tar's alone: what else is printed goes to standard error."""
    command, uri = sys.argv[1:3]
    own = os.dup(1)
    os.dup2(2, 1)
    store = get_artifact_repository(uri)
    if command == "send":
        with os.fdopen(own, "wb") as sink:
            send(store, sink)
    else:
        count = take(store, sys.stdin.buffer)
        os.write(own, f"\n{json.dumps({'stored': count})}\n".encode())


if __name__ == "__main__":
    main()
