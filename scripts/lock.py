"""Resolves the dependencies of the project anew, into its lock files: names, versions and hashes, for every platform.

Example: python3 scripts/lock.py
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

SUMMARY, _, EXAMPLE = (__doc__ or "").partition("\n\n")
ROOT = Path(__file__).resolve().parent.parent
GROUPS = {
    "requirements.lock": ["build"],
    "requirements-test.lock": ["build", "test"],
    "requirements-dev.lock": ["build", "test", "dev"],
    "requirements-places.lock": ["build", "test", "dev", "places"],
}
FIXED = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-header", "--no-annotate", "--quiet"]


def main() -> int:
    """Writes each lock file; a later one keeps the versions of an earlier one. Returns the exit code."""
    parser = argparse.ArgumentParser(description=SUMMARY, epilog=EXAMPLE)
    parser.add_argument("--upgrade", action="store_true", help="take newer versions than those that are locked")
    upgrade = ["--upgrade"] if parser.parse_args().upgrade else []
    before: list[str] = []
    for lock, groups in GROUPS.items():
        chosen = [word for group in groups for word in ("--group", group)]
        command = ["uv", "pip", "compile", "pyproject.toml", *chosen, *FIXED, *upgrade, *before, "--output-file", lock]
        if subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.DEVNULL).returncode:
            return 1
        before = ["--constraint", lock]
    return 0


if __name__ == "__main__":
    sys.exit(main())
