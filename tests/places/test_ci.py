"""The action for GitHub and the job for GitLab: valid by the published schemas, and their steps run as those run them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from tests.conftest import ROOT

from .conftest import release_tag, snippet
from .repository import CHANGED, Repository, consumer

ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
WORKFLOW = snippet("ci.md", "# .github/workflows/overlays.yaml")
JOB = snippet("ci.md", "# .gitlab-ci.yml")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
"""The commit of this project that the page names as an example."""
BASH = ("bash", "--noprofile", "--norc", "-e", "-o", "pipefail")
"""How GitHub runs a step whose shell is bash."""


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return consumer(tmp_path / "ours", {}, "minio-postgres", "aws-keys")


# The schemas


def _check(builtin: str, file: Path, *flags: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", builtin, *flags, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_action__is_one() -> None:
    _check("vendor.github-actions", ROOT / "action.yml")


@pytest.mark.parametrize(
    ("text", "builtin", "flags"),
    [(WORKFLOW, "vendor.github-workflows", ()), (JOB, "vendor.gitlab-ci", ("--data-transform", "gitlab-ci"))],
    ids=["github", "gitlab"],
)
def test_snippet__is_valid_and_names_this_release(
    text: str, builtin: str, flags: tuple[str, ...], tmp_path: Path
) -> None:
    file = tmp_path / "snippet.yaml"
    file.write_text(text)
    _check(builtin, file, *flags)
    assert re.findall(rf"\b{COMMIT} # (\S+)$", text, re.MULTILINE) == [release_tag()]


def test_action__pins_what_it_uses_and_takes_no_input_into_a_script() -> None:
    for step in [*ACTION["runs"]["steps"], *yaml.safe_load(WORKFLOW)["jobs"]["overlays"]["steps"]]:
        if not step.get("uses", "acme/").startswith("acme/"):
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"])
        assert "${{" not in step.get("run", "")


# The action


Action = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def installed(release: Repository) -> Repository:
    """The action after its steps before the last: Python is there, so the one that provides it has nothing to do."""
    provide, install, _ = ACTION["runs"]["steps"]
    assert provide["uses"].startswith("actions/setup-python@")
    variables = _filled(install["env"], {"steps.python.outputs.python-path": sys.executable})
    made = Repository(release.root, {**variables, "GITHUB_ACTION_PATH": str(release.root)})
    made.run(*BASH, "-c", install["run"])
    return made


@pytest.fixture
def action(installed: Repository, repository: Repository) -> Action:
    """Runs the last step in somebody's repository with some inputs."""

    def run(**inputs: str) -> tuple[int, str]:
        step = ACTION["runs"]["steps"][-1]
        given = {name: str(row["default"]) for name, row in ACTION["inputs"].items()} | inputs
        values = {f"inputs.{name}": value for name, value in given.items()}
        variables = {
            **_filled(step["env"], values),
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(installed.root),
        }
        directory = repository.root / _filled({"at": step["working-directory"]}, values)["at"]
        done = Repository(directory, variables).run(*BASH, "-c", step["run"], check=False)
        return done.returncode, done.stdout

    return run


def _filled(rows: dict[str, str], values: dict[str, str]) -> dict[str, str]:
    """Rows of a step with their expressions filled in; an expression that there is no value for is a mistake."""
    return {name: re.sub(r"\$\{\{ (\S+) \}\}", lambda found: values[found[1]], row) for name, row in rows.items()}


def test_action__passes_where_all_is_well(action: Action) -> None:
    assert action() == (0, "")


def test_action__fails_and_shows_findings_beside_their_lines(action: Action, repository: Repository) -> None:
    repository.write("overlays/aws-keys/SECRETS.md", CHANGED)
    repository.write("overlays/minio-postgres/environment.yaml", "overlay: minio-postgres\nreplicas: many\n")
    code, shown = action()
    assert code == 1
    assert "::error file=overlays/aws-keys/SECRETS.md," in shown
    assert "::error file=overlays/minio-postgres/environment.yaml,line=2,col=11::replicas has to be" in shown


def test_action__takes_environments_and_another_command(action: Action, repository: Repository) -> None:
    repository.write("overlays/aws-keys/SECRETS.md", CHANGED)
    assert action(environments="minio-postgres")[0] == 0
    assert action(environments="minio-postgres  aws-keys")[0] == 1
    assert action(command="check --kubernetes-version 1.37")[0] == 0
    assert action(command="lint")[0] == 0
    assert action(command="lint", environments="overlays/aws-keys/environment.yaml")[0] == 0


def test_action__leaves_a_report(action: Action, repository: Repository) -> None:
    repository.write("overlays/aws-keys/SECRETS.md", CHANGED)
    code, shown = action(output="sarif", report="overlays report.sarif")
    assert code == 1
    report = (repository.root / "overlays report.sarif").read_text()
    assert report == shown
    [result] = json.loads(report)["runs"][0]["results"]
    assert result["ruleId"] == "stale"


def test_action__reads_no_input_as_a_script(action: Action, repository: Repository) -> None:
    code, shown = action(environments="$(touch made) `touch made` ; touch made", command="check")
    assert code == 2
    assert "is not the name of an environment" in shown
    assert not list(repository.root.rglob("made"))


def test_action__in_a_directory_of_the_repository(action: Action, repository: Repository) -> None:
    (repository.root / "deploy").mkdir()
    for name in ("base", "overlays"):
        (repository.root / name).rename(repository.root / "deploy" / name)
    assert action()[0] == 3
    assert action(root="deploy") == (0, "")


# The job


def _job(release: Repository, repository: Repository, place: Path) -> subprocess.CompletedProcess[str]:
    """Runs the lines of the job in one shell, as a runner does, with this release in the place of the address."""
    job: dict[str, Any] = yaml.safe_load(JOB)["overlays"]
    lines = "\n".join([*job["before_script"], *job["script"]])
    lines = lines.replace("https://git.acme.example/mlflow-overlays", f"file://{release.root}")
    lines = lines.replace("/opt/mlflow-overlays", str(place)).replace(COMMIT, release.head())
    return repository.run(*BASH, "-c", lines, check=False)


def test_job__reports_what_is_wrong(release: Repository, repository: Repository, tmp_path: Path) -> None:
    done = _job(release, repository, tmp_path / "installed")
    assert done.returncode == 0, done.stdout
    repository.write("overlays/aws-keys/SECRETS.md", CHANGED)
    program = tmp_path / "installed" / ".venv" / "bin"
    script = "\n".join(yaml.safe_load(JOB)["overlays"]["script"])
    done = Repository(repository.root, {"PATH": f"{program}:/usr/bin:/bin"}).run(*BASH, "-c", script, check=False)
    assert done.returncode == 1
    [report] = yaml.safe_load(JOB)["overlays"]["artifacts"]["reports"].values()
    failures = ET.parse(repository.root / report).getroot().findall(".//failure")
    assert len(failures) == 1
