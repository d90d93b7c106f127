"""What follows from a change, for a table of changes: whole reports, and what they have to say."""

from __future__ import annotations

import json
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from compiler.change import BAD, Outcome
from compiler.contract import report_schema
from compiler.tell import HEADINGS
from tests.conftest import ROOT, Golden, Project, Run

PLANS = ROOT / "tests" / "plans"
CASES = sorted(path.name for path in PLANS.iterdir())
FEARED = {
    "older-mlflow": {Outcome.BROKEN},
    "larger-volume": {Outcome.REFUSED},
    "smaller-volume": {Outcome.REFUSED},
    "another-storage-class": {Outcome.REFUSED},
    "smaller-own-volume": {Outcome.REFUSED},
    "next-postgres": {Outcome.BROKEN},
    "older-mysql": {Outcome.BROKEN},
    "a-maintained-store": {Outcome.STRANDED},
    "another-bucket": {Outcome.STRANDED},
    "another-prefix": {Outcome.STRANDED},
    "another-database": {Outcome.STRANDED},
    "another-user": {Outcome.BROKEN, Outcome.STRANDED},
    "clients-reach-the-store": {Outcome.STRANDED},
    "clients-reach-the-server": {Outcome.STRANDED},
    "no-server-of-artifacts": {Outcome.STRANDED},
    "another-namespace": {Outcome.STRANDED},
    "fewer-backups": {Outcome.LOST},
    "old-versions-go": {Outcome.LOST},
    "a-registry-of-its-own": {Outcome.STRANDED},
}
"""The changes that nobody should make unaware, and why."""


def git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@acme.example", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose one commit has each environment as it was; on disk each is as it will be."""
    root = tmp_path_factory.mktemp("plans").resolve()
    shutil.copytree(ROOT / "base", root / "base")
    for name in CASES:
        write(root, name, (PLANS / name / "before.yaml").read_text(encoding="utf-8"))
    program = Path(sysconfig.get_path("scripts"), "mlflow-overlays")
    subprocess.run([str(program), "compile", f"--root={root}"], check=True, capture_output=True)
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message=before")
    for name in CASES:
        write(root, name, (PLANS / name / "after.yaml").read_text(encoding="utf-8"))
    return root


def write(root: Path, name: str, text: str) -> None:
    path = root / "overlays" / name / "environment.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def inside(repository: Path, command_line: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(repository)
    return command_line


@pytest.mark.parametrize("name", CASES)
def test_reports(name: str, inside: Run, repository: Path, golden: Golden) -> None:
    """The whole report, the headings of what is bad in it, and the exit code."""
    answer = inside("plan", name)
    id_ = git(repository, "rev-parse", "--short=8", "HEAD").strip()
    golden.check(PLANS / name / "report.txt", answer.out.replace(id_, "01234567"))
    headed = {outcome for outcome in BAD if HEADINGS[outcome] in answer.out.splitlines()}
    assert (headed, answer.code, answer.err) == (FEARED.get(name, set()), 1 if name in FEARED else 0, "")


@pytest.mark.parametrize("name", ["another-user", "no-ingress", "nothing"])
def test_reports__as_json(name: str, inside: Run) -> None:
    answer = inside("plan", name, "--output=json")
    report = json.loads(answer.out)
    assert [error.message for error in Draft7Validator(report_schema()).iter_errors(report)] == []
    found = [each["outcome"] for each in report["plan"]["consequences"]]
    assert found == sorted(found, key=list(Outcome).index)
    assert {each for each in found if each in BAD} == FEARED.get(name, set())
    assert answer.code == (1 if name in FEARED else 0)


def test_exit__what_is_accepted_is_no_finding(inside: Run) -> None:
    assert inside("plan", "another-user", "--accept=broken").code == 1
    assert inside("plan", "another-user", "--accept=broken", "--accept=stranded").code == 0
    refused = inside("plan", "another-user", "--accept=changed")
    assert (refused.code, refused.err) == (
        2,
        "mlflow-overlays: 'changed' is nothing to accept; there are refused, broken, lost, stranded\n",
    )


def test_exit__exit_code_is_for_any_change(inside: Run) -> None:
    assert [inside("plan", name, "--exit-code").code for name in ("more-replicas", "nothing")] == [1, 0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--since=HEAD", "--from=nothing"], "exclude each other"),
        (["--context=prod"], "belong to --live"),
        (["--since=v9"], "there is no commit 'v9' here"),
        (["--since=--output=/tmp/x"], "there is no commit '--output=/tmp/x' here"),
        (["--from=nobody"], "there is no overlays/nobody"),
        (["--live"], "name the cluster with --context"),
        (["--output=sarif"], "there is no output 'sarif'; there are text, json"),
    ],
)
def test_usage(inside: Run, arguments: list[str], said: str) -> None:
    answer = inside("plan", "nothing", *arguments)
    assert answer.code in (2, 3)
    assert said in answer.err
    assert answer.out == ""


def test_since__an_environment_that_was_not_there(inside: Run, repository: Path) -> None:
    write(repository, "new", "overlay: local\n")
    try:
        answer = inside("plan", "new")
    finally:
        shutil.rmtree(repository / "overlays" / "new")
    assert answer.code == 0
    assert "which does not have it: 9 added" in answer.out


def test_since__the_base_of_that_commit_counts(inside: Run, repository: Path) -> None:
    """A change of the base alone is a change, and its line is in the base."""
    file = repository / "base" / "mlflow" / "service.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("spec:\n", "spec:\n  sessionAffinity: ClientIP\n"), encoding="utf-8")
    try:
        answer = inside("plan", "nothing")
    finally:
        file.write_text(text, encoding="utf-8")
    assert (
        "  Service mlflow: 1 value\n    spec.sessionAffinity: nothing -> ClientIP (base/mlflow/service.yaml:"
        in answer.out
    )


def test_since__nothing_is_written(inside: Run, repository: Path) -> None:
    before = git(repository, "status", "--porcelain=v2", "--branch")
    inside("plan", "more-replicas")
    assert git(repository, "status", "--porcelain=v2", "--branch") == before


def test_since__outside_of_a_repository(project: Project, run: Run) -> None:
    project.add("dev", "overlay: local\n")
    answer = run("plan", "dev")
    assert (answer.code, answer.out) == (3, "")
    assert "not a git repository" in answer.err


def test_from__another_environment_as_if_it_were_this_one(inside: Run) -> None:
    """Namespaces are no difference between environments, nor are values that are made up for a build."""
    answer = inside("plan", "another-namespace", "--from=more-workers", "--output=json")
    plan = json.loads(answer.out)["plan"]
    assert plan["against"] == "overlays/more-workers"
    told = {(each["outcome"], each["object"]["kind"]) for each in plan["consequences"]}
    assert ("changed", "Deployment") in told
    assert not told & {("added", "Deployment"), ("changed", "Secret"), ("stranded", "Namespace")}
