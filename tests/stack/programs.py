"""The real programs: servers that `scripts/servers.py` provides, and the two Python environments of `tests/servers/mlflow`."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ROOT / "tests" / "servers" / "mlflow"
PYTHON = (3, 11)


class Missing(Exception):
    """A real part can't be had here; the message is the reason."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment, and the installation of Python that it borrows from."""

    home: Path
    base: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.home / "bin" / "python"


@cache
def server(name: str) -> dict[str, Any]:
    """What `scripts/servers.py` says of a program."""
    script = ROOT / "scripts" / "servers.py"
    done = subprocess.run([sys.executable, str(script), "ensure", name], stdout=subprocess.PIPE, text=True, check=False)
    try:
        answer = json.loads(done.stdout)[name]
    except (ValueError, KeyError):
        raise Missing(f"scripts/servers.py says nothing of {name}") from None
    if "missing" in answer:
        raise Missing(f"{name}: {answer['missing']}")
    return dict(answer)


def tool(name: str, package: str) -> str:
    """The path of a program of the machine."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if not found:
        raise Missing(f"{name} is not installed (Debian's package {package})")
    return found


@cache
def environment(lock: str) -> Environment:
    """The Python environment of a lock file, installed into the cache on first use."""
    interpreter = _interpreter()
    base = Path(_output(interpreter, "-c", "import sys; print(sys.base_prefix)"))
    text = (LOCKS / lock).read_bytes()
    digest = hashlib.sha256(f"{platform.machine()} {interpreter}".encode() + text).hexdigest()[:12]
    home = _cache() / f"{lock.partition('.')[0]}-{digest}"
    home.parent.mkdir(parents=True, exist_ok=True)
    with (home.parent / f".{home.name}.lock").open("w") as lockfile:
        fcntl.flock(lockfile, fcntl.LOCK_EX)
        if not (home / "installed").exists():
            _install(interpreter, home, LOCKS / lock)
    return Environment(home, base)


def _install(interpreter: str, home: Path, lock: Path) -> None:
    shutil.rmtree(home, ignore_errors=True)
    _output(interpreter, "-m", "venv", str(home))
    pip = (str(home / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet", "install")
    _output(*pip, "--require-hashes", "--no-deps", "--requirement", str(lock))
    (home / "installed").touch()


def _interpreter() -> str:
    """The version of Python that the image has: the machine's own, so that all copies of the project share what it installs."""
    if sys.version_info[:2] == PYTHON:
        return str(Path(sys.executable).resolve())
    name = ".".join(map(str, PYTHON))
    found = shutil.which(f"python{name}")
    if not found:
        raise Missing(f"Python {name}, which MLflow's image has, is not installed")
    return found


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"{' '.join(command[:4])}: {done.stderr.strip()[-400:]}")
    return done.stdout.strip()


def _cache() -> Path:
    own = os.environ.get("MLFLOW_OVERLAYS_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return (Path(own) if own else Path(base) / "mlflow-overlays").absolute() / "python"
