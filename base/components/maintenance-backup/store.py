"""Keep dumps of databases in an object store, as backups, and fetch them again.

    store.py put    store the files of BACKUP_FOLDER as a new backup, then remove all but the newest BACKUP_KEEP
    store.py get    fetch the backup BACKUP into BACKUP_FOLDER, and hold every file against its digest

A backup is a folder below BACKUP_PLACE, a URI that MLflow could keep artifacts under. Its name is the time in UTC. It is
complete when it has a manifest, which is stored last and names every file with its size and SHA-256. MLflow's own client of
the store is used, so that it logs in as the server does.

Exit codes: 0 done · 1 a backup is not what its manifest says, or none has that name · 2 a setting is wrong
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.version import VERSION

MANIFEST = "manifest.json"
NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z")
SHOWN = 20


class RefusedError(Exception):
    """Why nothing, or no more, is done. The number is the exit code."""

    def __init__(self, reason: str, code: int) -> None:
        super().__init__(reason)
        self.code = code


def say(text: str) -> None:
    """Tell the log something, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def setting(name: str) -> str:
    """Read a setting that has to be there."""
    value = os.environ.get(name)
    if not value:
        raise RefusedError(f"{name} is not set", 2)
    return value


def digest(path: Path) -> dict[str, Any]:
    """What a manifest says of a file."""
    with path.open("rb") as file:
        return {"size": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def names(store: Any) -> list[str]:
    """Every backup by its name, the oldest first, complete or not."""
    listed = (entry.path.rstrip("/").rpartition("/")[2] for entry in store.list_artifacts() if entry.is_dir)
    return sorted(name for name in listed if NAME.fullmatch(name))


def sizes(store: Any, name: str) -> dict[str, int]:
    """The files of a backup, as the store lists them."""
    return {entry.path.rpartition("/")[2]: entry.file_size for entry in store.list_artifacts(name)}


def put(store: Any, folder: Path) -> None:
    """Store a backup, and look whether the store has all of it before the manifest says so."""
    files = {path.name: digest(path) for path in sorted(folder.iterdir()) if path.is_file()}
    if not files:
        raise RefusedError(f"{folder} holds no dump", 1)
    name = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    for file in files:
        store.log_artifact(str(folder / file), name)
    wanted = {file: known["size"] for file, known in files.items()}
    if sizes(store, name) != wanted:
        raise RefusedError(f"{name}: the store lists other files than were sent", 1)
    manifest = {"mlflow": VERSION, "files": files}
    file = Path(tempfile.gettempdir()) / MANIFEST
    file.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    store.log_artifact(str(file), name)
    say(f"{name}: stored {', '.join(f'{file} ({size} bytes)' for file, size in wanted.items())}")
    say(f"{name}: manifest {json.dumps(manifest)}")


def remove_old(store: Any, keep: int) -> None:
    """Remove the backups that are older than the newest complete ones."""
    known = names(store)
    complete = [name for name in known if MANIFEST in sizes(store, name)]
    for name in known:
        if name < complete[-keep:][0]:
            store.delete_artifacts(name)
            say(f"{name}: removed")


def get(store: Any, name: str, folder: Path) -> None:
    """Fetch a backup. Where none is named, or none has the name, the message has those that are there."""
    known = names(store)
    if name not in known:
        there = ", ".join(known[-SHOWN:]) or "none"
        raise RefusedError(f"name one of the backups in BACKUP; the newest are: {there}", 1)
    if MANIFEST not in sizes(store, name):
        raise RefusedError(f"{name} has no manifest: it was never complete", 1)
    source = Path(store.download_artifacts(f"{name}/{MANIFEST}", str(folder)))
    manifest = json.loads(source.read_text(encoding="utf-8"))
    for file, wanted in manifest["files"].items():
        fetched = Path(store.download_artifacts(f"{name}/{file}", str(folder)))
        if digest(fetched) != wanted:
            raise RefusedError(f"{name}: {file} is not what was stored", 1)
        fetched.replace(folder / file)
    say(f"{name}: fetched {', '.join(manifest['files'])}, of MLflow {manifest['mlflow']}")


def main() -> int:
    """Run the command of the command line and return its exit code."""
    description, _, rest = (__doc__ or "").partition("\n")
    commands = argparse.ArgumentParser(
        description=description, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands.add_argument("command", choices=("put", "get"))
    command = commands.parse_args().command
    try:
        store, folder = get_artifact_repository(setting("BACKUP_PLACE")), Path(setting("BACKUP_FOLDER"))
        if command == "get":
            get(store, os.environ.get("BACKUP", ""), folder)
        else:
            put(store, folder)
            remove_old(store, int(setting("BACKUP_KEEP")))
    except RefusedError as reason:
        say(str(reason))
        return reason.code
    return 0


if __name__ == "__main__":
    sys.exit(main())
