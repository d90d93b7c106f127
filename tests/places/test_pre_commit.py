"""pre-commit itself installs the hooks into somebody's repository, and runs them there."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import yaml

from compiler.hooks import HOOKS

from .conftest import release_tag, snippet
from .repository import CHANGED, Repository, consumer

PRE_COMMIT = (sys.executable, "-m", "pre_commit")
CONFIG = ".pre-commit-config.yaml"
LINT, COMPILE, VALIDATE = "mlflow-overlays-lint", "mlflow-overlays-compile", "mlflow-overlays-validate"
SHOWN = snippet("pre-commit.md", f"# {CONFIG}")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pre-commit keeps what it installs: nothing of an earlier run."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def repository(tmp_path: Path, home: Path, release: Repository) -> Repository:
    """A consumer with the configuration that the manual shows, after `pre-commit install`."""
    made = consumer(tmp_path, {"PRE_COMMIT_HOME": str(home)}, "minio-postgres", "aws-keys")
    config = yaml.safe_load(SHOWN)
    [source] = config["repos"]
    assert source["rev"] == release_tag()
    source["repo"] = str(release.root)
    made.write(CONFIG, yaml.safe_dump(config))
    made.run(*PRE_COMMIT, "install")
    made.commit("--no-verify")
    return made


def _outcomes(output: str) -> dict[str, str]:
    """Each hook that pre-commit tells of, and its word for how it ended."""
    ended = dict(re.findall(r"^([^\[\n]+?)\.{3,}(?:\(.*\))?(Passed|Failed|Skipped)$", output, re.MULTILINE))
    return {hook.id: ended[hook.name] for hook in HOOKS if hook.name in ended}


def _hook(repository: Repository, hook: str, *files: str) -> tuple[int, str]:
    done = repository.run(*PRE_COMMIT, "run", hook, "--files", *files, check=False)
    return done.returncode, done.stdout


def test_hooks__all_pass_where_all_is_well(repository: Repository) -> None:
    done = repository.run(*PRE_COMMIT, "run", "--all-files", check=False)
    assert done.returncode == 0, done.stdout
    assert _outcomes(done.stdout) == {hook.id: "Passed" for hook in HOOKS if f"id: {hook.id}\n" in SHOWN}


def test_lint__stops_a_commit_and_says_where(repository: Repository) -> None:
    before = repository.head()
    repository.write("overlays/minio-postgres/environment.yaml", "overlay: minio-postgres\nreplicsa: 2\n")
    done = repository.commit(check=False)
    assert done.returncode == 1
    assert "overlays/minio-postgres/environment.yaml:2:1: error:" in done.stdout
    assert "did you mean 'replicas'" in done.stdout
    assert "Traceback" not in done.stdout
    assert repository.head() == before


def test_compile__stops_a_commit_of_a_stale_overlay_alone(repository: Repository) -> None:
    """The environment is right, and its overlay is still the one from before; afterwards, with the overlay, it is let through."""
    before = repository.head()
    repository.write("overlays/minio-postgres/environment.yaml", "overlay: minio-postgres\nreplicas: 2\n")
    done = repository.commit(check=False)
    assert done.returncode == 1
    outcomes = _outcomes(done.stdout)
    assert (outcomes[LINT], outcomes[COMPILE]) == ("Passed", "Failed"), done.stdout
    assert re.search(r"overlays/minio-postgres/kustomization\.yaml:\d+:\d+: error: .* \[stale\]", done.stdout), (
        done.stdout
    )
    assert "aws-keys" not in done.stdout
    assert repository.head() == before
    repository.run(Path(sys.executable).parent / "mlflow-overlays", "compile", "minio-postgres")
    repository.run("git", "add", "--all")
    assert repository.commit(check=False).returncode == 0
    assert repository.head() != before


def test_compile__of_a_change_of_the_base_takes_the_environments_that_use_it(repository: Repository) -> None:
    component = "base/components/artifacts-minio/networkpolicy.yaml"
    for name in ("minio-postgres", "aws-keys"):
        repository.write(f"overlays/{name}/SECRETS.md", CHANGED)
    code, output = _hook(repository, COMPILE, component)
    assert (code, "overlays/minio-postgres/SECRETS.md" in output, "aws-keys" in output) == (1, True, False), output
    code, output = _hook(repository, COMPILE, "base/mlflow/service.yaml")
    assert (code, "overlays/aws-keys/SECRETS.md" in output) == (1, True), output
    code, output = _hook(repository, COMPILE, CONFIG)
    assert (code, "overlays/aws-keys/SECRETS.md" in output) == (1, True), output


@pytest.mark.skipif(VALIDATE not in SHOWN, reason="the command is not there yet")
def test_validate__stops_a_manifest_that_no_schema_allows(repository: Repository) -> None:
    code, output = _hook(repository, VALIDATE, "base/mlflow/service.yaml", "base/mlflow/kustomization.yaml")
    assert code == 0, output
    service = (repository.root / "base/mlflow/service.yaml").read_text()
    repository.write("base/mlflow/service.yaml", service.replace("spec:\n", "spec:\n  porst: []\n", 1))
    code, output = _hook(repository, VALIDATE, "base/mlflow/service.yaml")
    assert (code, "base/mlflow/service.yaml:" in output, "porst" in output) == (1, True, True), output


def test_hooks__leave_other_files_alone(repository: Repository) -> None:
    repository.write("README.md", "# Ours\n")
    repository.write("deploy/environment.yaml", "overlay: none\n")
    done = repository.commit()
    assert _outcomes(done.stdout) == {hook.id: "Skipped" for hook in HOOKS if f"id: {hook.id}\n" in SHOWN}


def test_compile__in_a_directory_of_the_repository(repository: Repository) -> None:
    """As the manual says for it."""
    repository.run("git", "rm", "-r", "--quiet", "--cached", "base", "overlays")
    (repository.root / "deploy" / "mlflow").mkdir(parents=True)
    for name in ("base", "overlays"):
        (repository.root / name).rename(repository.root / "deploy" / "mlflow" / name)
    config = yaml.safe_load((repository.root / CONFIG).read_text())
    [config["repos"][0]["hooks"][1]] = yaml.safe_load(snippet("pre-commit.md", f"      - id: {COMPILE}"))
    repository.write(CONFIG, yaml.safe_dump(config))
    repository.run("git", "add", "--all")
    done = repository.commit()
    outcomes = _outcomes(done.stdout)
    assert (outcomes[LINT], outcomes[COMPILE]) == ("Passed", "Passed"), done.stdout
    repository.write("deploy/mlflow/overlays/aws-keys/SECRETS.md", CHANGED)
    done = repository.commit(check=False)
    assert (done.returncode, "overlays/aws-keys/SECRETS.md:1:1: error:" in done.stdout) == (1, True), done.stdout
