"""The scripts: each says what it does, and what they generate is up to date."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.conftest import ROOT

SCRIPTS = sorted((ROOT / "scripts").glob("*.py"))
THIN = sorted((ROOT / "scripts").glob("*.sh"))


def _run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / script), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def _targets(makefile: str) -> list[str]:
    """The targets of a Makefile that a person asks for: no files, no variables."""
    return re.findall(r"^([a-z0-9-]+):(?!=)", makefile, re.MULTILINE)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_help__says_what_the_script_does_with_an_example(path: Path) -> None:
    answer = _run(path.name, "--help")
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    _, _, example = answer.stdout.partition("Example")
    assert f"scripts/{path.name}" in example
    assert len(answer.stdout.split()) > 20


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_arguments__unknown_ones_are_refused(path: Path) -> None:
    answer = _run(path.name, "--nonsense")
    assert answer.returncode == 2
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("path", THIN, ids=lambda path: path.stem)
def test_thin__is_its_command_from_anywhere(path: Path, tmp_path: Path) -> None:
    answer = subprocess.run([path, "--help"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")
    command = {"verify-secret": "doctor"}.get(path.stem, path.stem)
    assert f"Usage: mlflow-overlays {command} " in answer.stdout
    text = path.read_text(encoding="utf-8")
    assert f"# Example: scripts/{path.name} " in text
    assert len(text.splitlines()) < 12


@pytest.mark.parametrize("path", [each for each in THIN if each.stem != "test-connection"], ids=lambda path: path.stem)
def test_thin__works_on_its_own_project_and_asks_for_a_cluster(path: Path, tmp_path: Path) -> None:
    more = ["--list"] if path.stem == "restore" else []
    environment = {**os.environ, "KUBECONFIG": os.devnull}
    answer = subprocess.run(
        [path, "prod", *more],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 2, answer
    assert "name the cluster with --context" in answer.stderr


def test_generate__everything_is_up_to_date() -> None:
    answer = _run("generate.py", "--check", "schema", "docs", "hooks")
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")


def test_generate__finds_what_is_not(tmp_path: Path) -> None:
    """In a copy of the project: a changed and a missing file are named, and nothing is written."""
    for name in ("compiler", "scripts"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema" / "environment.schema.json").write_text("{}")
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, 'scripts'); import generate;"
        "generate.ROOT = Path.cwd(); sys.argv = ['generate.py', '--check', 'schema', 'docs']; sys.exit(generate.main())"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert answer.returncode == 1, answer.stderr
    named = [line.split()[0] for line in answer.stdout.splitlines()]
    assert named == [
        "schema/environment.schema.json",
        "schema/report.schema.json",
        "schema/results.schema.json",
        "docs/language.md",
        "docs/diagnostics.md",
        "docs/policy.md",
        "docs/audit.md",
        "docs/pipelines.md",
    ]
    assert (tmp_path / "schema" / "environment.schema.json").read_text() == "{}"
    assert not (tmp_path / "docs").exists()


def test_fuzz__a_short_run_finds_nothing() -> None:
    answer = _run("fuzz.py", "--seed", "7", "--count", "210", "--compile-every", "10")
    assert (answer.returncode, answer.stderr) == (0, ""), answer.stdout
    assert "**210 inputs, 0 failures**" in answer.stdout


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("raise ValueError('made up')", "ended with 70"),
        ("while True: pass", "took more than 0.2 s"),
        ("open('stray', 'w').close(); return real(*rest, **more)", "wrote a file"),
    ],
)
def test_fuzz__finds_what_is_planted(broken: str, words: str) -> None:
    code = (
        "import sys; sys.path.insert(0, 'scripts'); import fuzz; from compiler.cli import lint; real = lint.understand\n"
        f"def broken(*rest, **more):\n    {broken}\n"
        "lint.understand = broken; fuzz.MAX_SECONDS = fuzz.Run.__call__.__kwdefaults__['limit'] = 0.2\n"
        "sys.argv = ['fuzz.py', '--count', '3']; sys.exit(fuzz.main())"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 1, answer.stderr
    assert answer.stdout.count(words) == 3


def test_fuzz__the_same_seed_makes_the_same_input() -> None:
    for sort in ("trees", "fitting", "patterns"):
        one, again, other = (_run("inputs.py", "--sort", sort, "--seed", seed) for seed in ("1:1", "1:1", "1:2"))
        assert one.stdout == again.stdout != other.stdout


def test_targets__lists_every_target_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    answer = _run("targets.py", "Makefile")
    listed = [line.split()[1] for line in answer.stdout.splitlines()]
    assert listed == _targets(makefile)
    assert all(len(line.split()) > 3 for line in answer.stdout.splitlines())
    [phony] = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert sorted(phony.split()) == sorted(listed)


def test_targets__each_is_one_line_and_runs_what_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for name in _targets(makefile):
        rule = makefile.partition(f"\n{name}:")[2].partition("\n")[2]
        recipe = re.match(r"(?:\t.*\n?)*", rule)
        assert recipe is not None
        assert recipe[0].count("\t") == 1, name
    for script in re.findall(r"scripts/([a-z_]+\.py)", makefile):
        assert (ROOT / "scripts" / script).is_file()


@pytest.mark.parametrize(
    "lock", ["requirements.lock", "requirements-test.lock", "requirements-dev.lock", "requirements-places.lock"]
)
def test_locks__every_package_is_pinned_with_its_hashes(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            assert re.match(r"[a-z0-9-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line), line


def test_locks__hold_each_what_the_one_before_holds() -> None:
    def pins(lock: str) -> set[str]:
        return set(re.findall(r"^([a-z0-9-]+==[^ ;\\]+)", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE))

    locks = ("requirements.lock", "requirements-test.lock", "requirements-dev.lock", "requirements-places.lock")
    assert all(pins(lock) < pins(after) for lock, after in pairwise(locks))
