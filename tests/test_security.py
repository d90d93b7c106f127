"""`make security`: what databases answer, and what is said where they do not."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import ROOT

GOOD = {"name": "pyyaml", "version": "6.0.3", "vulns": []}
BAD = {"name": "jinja2", "version": "3.1.0", "vulns": [{"id": "CVE-1"}]}
UNKNOWN = {"name": "attrs", "skip_reason": "not found"}
SARIF = {"runs": [{"results": [{"ruleId": "GO-1", "message": {"text": "Your code depends on x. Run more"}}]}]}


@pytest.fixture
def security() -> ModuleType:
    spec = importlib.util.spec_from_file_location("security", ROOT / "scripts" / "security.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _answers(monkeypatch: pytest.MonkeyPatch, security: ModuleType, **outputs: tuple[int, str]) -> list[list[str]]:
    """Let each command that has a word answer a code and a text, and everything else answer nothing with code 0."""
    asked: list[list[str]] = []

    def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
        words = [str(word) for word in command]
        asked.append(words)
        code, out = next((outputs[key] for key in outputs if key in words), (0, ""))
        return subprocess.CompletedProcess(words, code, out, "")

    monkeypatch.setattr(security, "run", run)
    return asked


def test_python__a_database_that_skips_a_package_has_not_answered(
    security: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = json.dumps({"dependencies": [GOOD, BAD]})
    _answers(monkeypatch, security, osv=(1, "no route to host"), pypi=(1, both))
    lock = ROOT / "requirements.lock"
    assert security.audited(Path("python"), lock).findings == ("jinja2 3.1.0: CVE-1",)
    _answers(monkeypatch, security, osv=(1, ""), pypi=(0, json.dumps({"dependencies": [GOOD, UNKNOWN]})))
    assert security.audited(Path("python"), lock) == (lock, (), "neither OSV nor PyPI answers about every package")


def test_go__each_program_that_is_built_is_asked_about(security: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = json.dumps({"govulncheck": {"path": "/g"}, "etcd": {"path": "/etcd"}, "mc": {"missing": "not built"}})
    asked = _answers(
        monkeypatch,
        security,
        ensure=(0, programs),
        list=(0, programs),
        **{"/etcd": (0, json.dumps(SARIF)), "/g": (0, '{"runs": [{}]}')},
    )
    answers = {answer.lock.parent.name: answer for answer in security.go() if answer.lock.parent.name in ("etcd", "mc")}
    assert answers["etcd"].findings == ("GO-1: Your code depends on x",)
    assert answers["mc"].unasked == "its program is not built here"
    assert [words for words in asked if "/etcd" in words and "/g" in words]
    _answers(
        monkeypatch,
        security,
        ensure=(0, programs),
        list=(0, programs),
        **{"/etcd": (1, ""), "/g": (0, '{"runs": [{}]}')},
    )
    answers = {answer.lock.parent.name: answer for answer in security.go()}
    assert answers["etcd"].unasked == "the Go vulnerability database cannot be reached"


def test_npm__a_registry_that_answers_with_an_error_has_not_answered(
    security: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(security.shutil, "which", lambda _: "npm")
    row = {"vulnerabilities": {"a": {"name": "a", "range": "<2", "severity": "high"}}}
    _answers(monkeypatch, security, audit=(1, json.dumps(row)))
    assert [answer.findings for answer in security.npm()] == [("a <2: high",)]
    _answers(monkeypatch, security, audit=(1, json.dumps({"message": "405"})))
    assert [answer.unasked for answer in security.npm()] == ["the registry of npm does not answer"]


@pytest.mark.parametrize(
    ("findings", "unasked", "code"), [((), "", 0), (("x: CVE-1",), "", 1), ((), "away", 3), (("x: CVE-1",), "away", 1)]
)
def test_codes__nothing_asked_is_not_green_and_findings_come_first(
    findings: tuple[str, ...],
    unasked: str,
    code: int,
    security: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lock = ROOT / "requirements.lock"
    answers = [security.Answer(lock, findings), security.Answer(lock, (), unasked)]
    monkeypatch.setattr(security, "python", lambda: answers)
    monkeypatch.setattr(security, "go", list)
    monkeypatch.setattr(security, "npm", list)
    monkeypatch.setattr("sys.argv", ["security.py"])
    assert security.main() == code
    shown = capsys.readouterr()
    assert ("requirements.lock: not asked about: away" in shown.err) is bool(unasked)
    assert [line for line in shown.out.splitlines() if "CVE" in line] == [f"requirements.lock: {x}" for x in findings]
