"""The tools, as they come: each with its default checks, what it finds in a file, and what it prints."""

from __future__ import annotations

import csv
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "tests" / "servers" / "checkov" / "requirements.lock"
KUBERNETES = "v1.34"
"""Which apiVersions kube-score takes for old."""
PASSED = 10
"""kube-score's best grade."""


class Missing(Exception):
    """A tool can't be had here; the message is the reason."""


@dataclass(frozen=True, order=True)
class Finding:
    """A check that fails, by its id, and the object."""

    check: str
    object: str


@dataclass(frozen=True)
class Scan:
    """What a tool finds in each file, by the file's name, and what it prints."""

    findings: dict[str, set[Finding]]
    output: str


@dataclass(frozen=True)
class Tool:
    """A tool that is ready to run. `checks` are the ids of its default checks.

    `scan` answers what it finds in some files, which it may take for one cluster, and what it prints of them.
    """

    name: str
    version: str
    checks: frozenset[str]
    scan: Callable[[Sequence[Path]], Scan]


def _run(*command: str | Path, codes: tuple[int, ...] = (0, 1)) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode in codes, f"{command[0]} ended with {done.returncode}: {done.stderr.strip()[-800:]}"
    return done.stdout


def _built(name: str) -> dict[str, str]:
    """The path and version of a tool that is built from its pinned module. Raises `Missing`."""
    script = ROOT / "scripts" / "servers.py"
    done = subprocess.run([sys.executable, str(script), "ensure", name], stdout=subprocess.PIPE, text=True, check=False)
    answer: dict[str, str] = json.loads(done.stdout)[name]
    if "missing" in answer:
        raise Missing(answer["missing"])
    return answer


def kube_score() -> Tool:
    """kube-score, built from its pinned module. Raises `Missing`."""
    answer = _built("kube-score")
    program, score = answer["path"], ("score", "--kubernetes-version", KUBERNETES)
    rows = csv.reader(_run(program, "list").splitlines())
    return Tool(
        "kube-score",
        answer["version"],
        frozenset(row[0] for row in rows if row[-1] == "default"),
        lambda files: Scan(
            {each.name: set(_scores(json.loads(_run(program, *score, "-o", "json", each)))) for each in files},
            "".join(_run(program, *score, "-o", "ci", each) for each in files),
        ),
    )


def _scores(objects: list[dict[str, Any]]) -> Iterator[Finding]:
    for scored in objects:
        name = f"{scored['type_meta']['kind']} {scored['object_meta']['name']}"
        for check in scored["checks"] or []:
            if not check["skipped"] and check["grade"] < PASSED:
                yield Finding(check["check"]["id"], name)


def checkov() -> Tool:
    """checkov, installed from its lock file into an environment of its own in the cache. Raises `Missing`."""
    home = _installed()
    program = (home / "bin" / "python", home / "bin" / "checkov", "--framework", "kubernetes")
    scan = (*program, "--skip-download", "--quiet", "--compact")
    table = _run(*program, "--list")
    return Tool(
        "checkov",
        _run(*program[:2], "--version").strip(),
        frozenset(re.findall(r"\| (CKV2?_K8S_\d+) ", table)),
        lambda files: _scanned(scan, files),
    )


def _scanned(command: tuple[str | Path, ...], files: Sequence[Path]) -> Scan:
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "report.json"
        both = ("--output", "cli", "--output", "json", "--output-file-path", f"console,{report}")
        output = _run(*command, *both, "--file", *files)
        document = json.loads(report.read_text(encoding="utf-8"))
    findings: dict[str, set[Finding]] = {each.name: set() for each in files}
    for failed in document.get("results", {}).get("failed_checks", []):
        kind, _, name = str(failed["resource"]).partition(".")
        findings[Path(failed["file_path"]).name].add(Finding(failed["check_id"], f"{kind} {name.rpartition('.')[2]}"))
    return Scan(findings, output)


def _installed() -> Path:
    digest = hashlib.sha256(f"{platform.machine()} {sys.version} {sys.prefix}".encode() + LOCK.read_bytes())
    own = os.environ.get("MLFLOW_OVERLAYS_CACHE")
    base = Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mlflow-overlays"
    home = base.absolute() / "python" / f"checkov-{digest.hexdigest()[:12]}"
    home.parent.mkdir(parents=True, exist_ok=True)
    with (home.parent / f".{home.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "installed").exists():
            _install(home)
    return home


def _install(home: Path) -> None:
    shutil.rmtree(home, ignore_errors=True)
    pip = (home / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "--quiet", "install")
    for command in (
        (sys.executable, "-m", "venv", home),
        (*pip, "--require-hashes", "--no-deps", "--requirement", LOCK),
    ):
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Missing(f"checkov can't be installed: {done.stderr.strip()[-400:]}")
    (home / "installed").touch()


def kube_linter() -> Tool:
    """kube-linter, built from its pinned module. Raises `Missing`, as where the registry of modules does not serve it."""
    answer = _built("kube-linter")
    program, names = answer["path"], (Path(__file__).parent / "kube-linter.txt").read_text(encoding="utf-8").split()
    return Tool(
        "kube-linter",
        answer["version"],
        frozenset(names),
        lambda files: Scan(
            {each.name: set(_reports(json.loads(_run(program, "lint", "--format", "json", each)))) for each in files},
            "".join(_run(program, "lint", each) for each in files),
        ),
    )


def _reports(document: dict[str, Any]) -> Iterator[Finding]:
    for report in document["Reports"] or []:
        identity = report["Object"]["K8sObject"]
        yield Finding(report["Check"], f"{identity['GroupVersionKind']['Kind']} {identity['Name']}")


def trivy() -> Tool:
    """Trivy's checks of Kubernetes manifests, as its code runs them: `tests/servers/trivy`. Raises `Missing`."""
    answer = _built("trivy")
    program = answer["path"]

    def scan(files: Sequence[Path]) -> Scan:
        document = json.loads(_run(program, *files))
        found = {name: {Finding(each["check"], each["object"]) for each in rows} for name, rows in document.items()}
        return Scan(found, "".join(f"{name}: {len(rows)} findings\n" for name, rows in document.items()))

    checks = frozenset(each for each in _run(program).split() if each.startswith("KSV-"))
    return Tool("trivy", answer["version"], checks, scan)


TOOLS = {"kube-score": kube_score, "checkov": checkov, "kube-linter": kube_linter, "trivy": trivy}
"""Every tool, by its name."""
