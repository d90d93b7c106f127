"""What bash offers while a command line is typed: the real shell, with the function that the program gives it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

from compiler.kinds import KINDS
from compiler.report import FORMATS
from tests.conftest import ROOT, Project

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
SCRIPTS = sysconfig.get_path("scripts")


def _bash(script: str, directory: Path, *flags: str, **variables: str) -> str:
    environment = {**os.environ, "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}", **variables}
    command = ["bash", *flags, "-c", script]
    done = subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, stdin=subprocess.DEVNULL, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    # A shell without a terminal has something to say about that; otherwise a word would land in the line that is typed.
    assert "-i" in flags or done.stderr == ""
    return done.stdout


def _offered(line: str, directory: Path) -> list[str]:
    """What the shell would offer for the last word of a line, which is empty after a space."""
    words = [*shlex.split(line), *([""] if line.endswith(" ") else [])]
    script = f"""
        source <(_MLFLOW_OVERLAYS_COMPLETE=source_bash mlflow-overlays)
        COMP_WORDS=({" ".join(map(shlex.quote, words))})
        COMP_CWORD={len(words) - 1}
        _mlflow_overlays_completion mlflow-overlays
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    return _bash(script, directory).split()


@pytest.fixture
def directory(project: Project) -> Path:
    project.add("dev", "overlay: minio-postgres\n")
    project.add("prod", "overlay: minio-mysql\n")
    project.add("broken", "overlay: none\n")
    return project.workspace.root


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("mlflow-overlays comp", ["compile"]),
        ("mlflow-overlays compile --ch", ["--check", "--changed"]),
        ("mlflow-overlays compile ", ["broken", "dev", "prod"]),
        ("mlflow-overlays check d", ["dev"]),
        ("mlflow-overlays check dev ", ["broken", "prod"]),
        ("mlflow-overlays explain p", ["prod"]),
        ("mlflow-overlays new staging --overlay ", list(KINDS)),
        ("mlflow-overlays new staging --overlay eks", ["eks-irsa", "eks-pod-identity"]),
        ("mlflow-overlays check --output ", list(FORMATS)),
        ("mlflow-overlays check --kubernetes-version a", ["all"]),
    ],
)
def test_offers__what_fits(directory: Path, line: str, words: list[str]) -> None:
    assert _offered(line, directory) == words


def test_offers__the_objects_of_an_environment() -> None:
    offered = _offered("mlflow-overlays explain prod ", ROOT)
    assert {"deployment/mlflow", "service/mlflow", "namespace/mlflow-prod", "ingress/mlflow"} <= set(offered)
    assert _offered("mlflow-overlays explain prod service/", ROOT) == ["service/mlflow"]


def test_offers__the_environments_of_the_project_that_is_named(
    directory: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    assert _offered(f"mlflow-overlays compile --root {directory} d", elsewhere) == ["dev"]


@pytest.mark.parametrize(
    "line",
    [
        "mlflow-overlays explain broken ",
        "mlflow-overlays explain gone ",
        "mlflow-overlays compile --root /nonexistent ",
    ],
)
def test_offers__nothing_where_something_is_wrong(directory: Path, line: str) -> None:
    assert _offered(line, directory) == []


def test_offers__nothing_outside_of_a_project(tmp_path: Path) -> None:
    assert _offered("mlflow-overlays compile ", tmp_path) == []


def test_install__leaves_a_shell_that_completes(tmp_path: Path) -> None:
    """For a person whose home directory is empty."""
    _bash("mlflow-overlays --install-completion; exit $?", tmp_path, HOME=str(tmp_path))
    shown = _bash(
        "complete -p mlflow-overlays", tmp_path, "--rcfile", str(tmp_path / ".bashrc"), "-i", HOME=str(tmp_path)
    )
    assert shown.split()[-3:] == ["-F", "_mlflow_overlays_completion", "mlflow-overlays"]
