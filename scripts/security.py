"""Asks the public databases of vulnerabilities about everything that a lock file pins.

Example: .venv/bin/python scripts/security.py

pip-audit asks OSV, or else PyPI, about each lock file of Python packages; govulncheck asks the Go vulnerability database about
each program of tests/servers that is built here; npm asks its registry about each package-lock.json. pip-audit and govulncheck
are pinned in tests/servers.

It needs a network. Exit codes: 0 nothing found, 1 findings, 3 no findings, but something could not be asked about, which one
sentence names for each lock file.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SUMMARY, _, DETAILS = (__doc__ or "").partition("\n\n")
ROOT = Path(__file__).resolve().parent.parent
SERVERS = ROOT / "tests" / "servers"
FINDINGS, MISSING = 1, 3
TIMEOUT_SECONDS = 600


class Answer(NamedTuple):
    """What a database answers about a lock file: findings, one a line, or why it could not be asked."""

    lock: Path
    findings: tuple[str, ...] = ()
    unasked: str = ""


def main() -> int:
    """Ask about every lock file and print the answers. Return the exit code."""
    parser = argparse.ArgumentParser(
        description=SUMMARY, epilog=DETAILS, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    found = unasked = 0
    for answer in (*python(), *go(), *npm()):
        lock = answer.lock.relative_to(ROOT)
        for finding in answer.findings:
            print(f"{lock}: {finding}")
        if answer.unasked:
            print(f"{lock}: not asked about: {answer.unasked}", file=sys.stderr)
        found, unasked = found + len(answer.findings), unasked + bool(answer.unasked)
    print(f"security: {found} findings; {unasked} lock files could not be asked about")
    return FINDINGS if found else MISSING if unasked else 0


def python() -> Iterator[Answer]:
    """The answers about Python's lock files, by pip-audit from its own lock file."""
    # Each lock file of the project holds all of the one before it, and this is the last.
    locks = [ROOT / "requirements-places.lock", *sorted(SERVERS.glob("*/*.lock"))]
    with tempfile.TemporaryDirectory() as home:
        program = Path(home) / "bin" / "python"
        pip = (program, "-m", "pip", "--disable-pip-version-check", "--quiet", "install")
        lock = SERVERS / "pip-audit" / "requirements.lock"
        made = run(sys.executable, "-m", "venv", home)
        if not made.returncode:
            made = run(*pip, "--require-hashes", "--no-deps", "--only-binary", ":all:", "--requirement", lock)
        for each in locks:
            yield Answer(each, unasked="pip-audit cannot be installed") if made.returncode else audited(program, each)


def audited(program: Path, lock: Path) -> Answer:
    """What OSV, or else PyPI, says about a lock file."""
    for service in ("osv", "pypi"):
        flags = (
            "--disable-pip",
            "--require-hashes",
            "--format",
            "json",
            "--progress-spinner",
            "off",
            "--timeout",
            "15",
        )
        done = run(program, "-m", "pip_audit", *flags, "--vulnerability-service", service, "--requirement", lock)
        try:
            packages = json.loads(done.stdout)["dependencies"]
        except ValueError:
            continue
        # A package that a service does not know is skipped, with exit code 0.
        if not any("skip_reason" in each for each in packages):
            rows = [(each, vulnerability) for each in packages for vulnerability in each["vulns"]]
            return Answer(lock, tuple(f"{each['name']} {each['version']}: {row['id']}" for each, row in rows))
    return Answer(lock, unasked="neither OSV nor PyPI answers about every package")


def go() -> Iterator[Answer]:
    """The answers about the programs of Go's recipes that are built here, by govulncheck: about each module that is in one."""
    servers = ROOT / "scripts" / "servers.py"
    checker = json.loads(run(sys.executable, servers, "ensure", "govulncheck").stdout)["govulncheck"].get("path")
    programs = json.loads(run(sys.executable, servers, "list").stdout)
    for recipe in sorted(SERVERS.glob("*/go.sum")):
        program = programs.get(recipe.parent.name, {}).get("path")
        if not checker or not program:
            yield Answer(recipe, unasked="its program is not built here" if checker else "govulncheck cannot be built")
            continue
        done = run(checker, "-format", "sarif", "-mode", "binary", "-scan", "module", program)
        if done.returncode:
            yield Answer(recipe, unasked="the Go vulnerability database cannot be reached")
            continue
        [result] = json.loads(done.stdout)["runs"]
        rows = {(row["ruleId"], row["message"]["text"].partition(". ")[0]) for row in result.get("results") or []}
        yield Answer(recipe, tuple(f"{id_}: {text}" for id_, text in sorted(rows)))


def npm() -> Iterator[Answer]:
    """The answers about the lock files of npm, by npm itself."""
    for lock in sorted(SERVERS.glob("*/package-lock.json")):
        if not shutil.which("npm"):
            yield Answer(lock, unasked="npm is not installed")
            continue
        done = run("npm", "audit", "--package-lock-only", "--json", "--prefix", lock.parent)
        try:
            rows = json.loads(done.stdout)["vulnerabilities"].values()
        except (ValueError, KeyError):
            yield Answer(lock, unasked="the registry of npm does not answer")
            continue
        yield Answer(lock, tuple(f"{row['name']} {row['range']}: {row['severity']}" for row in rows))


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command and return what it printed; one that takes too long has failed."""
    words = [str(word) for word in command]
    try:
        return subprocess.run(
            words, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(words, MISSING, "", "")


if __name__ == "__main__":
    sys.exit(main())
