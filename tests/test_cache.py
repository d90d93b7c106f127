"""What `compile` takes as proved before: nothing that could come out differently, and never more than it says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compiler import build, cache
from compiler.cache import HOME
from compiler.cli import check as checking
from compiler.cli import compile as compiling
from compiler.workspace import Workspace
from tests.conftest import ROOT, Project

GOOD = "overlay: minio-postgres\n"
UNCHANGED = "overlays/dev: unchanged since it was proved\n"
CUSTOM = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nlabels: [{pairs: {team: acme}}]\n"


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every directory that kubectl is asked to build, as it happens."""
    asked: list[Path] = []
    real = build._kustomize

    def counted(directory: Path, *, remote: bool = False) -> Any:
        asked.append(directory)
        return real(directory, remote=remote)

    monkeypatch.setattr(build, "_kustomize", counted)
    return asked


@pytest.fixture
def dev(project: Project) -> Path:
    """A project with a base of its own, and an environment that was compiled."""
    base = project.workspace.root / "base"
    shutil.rmtree(base)
    shutil.copytree(ROOT / "base", base)
    directory = project.add("dev", GOOD)
    (directory / "custom").mkdir()
    (directory / "custom" / "kustomization.yaml").write_text(CUSTOM)
    _compile(project)
    return directory


def _compile(project: Project, *names: str) -> None:
    compiling.run(list(names), root=project.workspace.root, output="text")


def _record(project: Project, name: str = "dev") -> Path:
    return project.workspace.root / HOME / "proved" / f"{name}.json"


def _snapshot(directory: Path) -> dict[str, tuple[bytes, int]]:
    files = (path for path in directory.rglob("*") if path.is_file())
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_unchanged__is_neither_built_nor_written(
    project: Project, dev: Path, builds: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    before = _snapshot(project.workspace.root)
    capsys.readouterr()
    _compile(project)
    assert capsys.readouterr().out == UNCHANGED
    assert builds == []
    assert _snapshot(project.workspace.root) == before


def test_unchanged__says_what_was_proved_in_json(
    project: Project, dev: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    compiling.run(["dev"], root=project.workspace.root, output="json")
    [row] = json.loads(capsys.readouterr().out)["environments"]
    assert (row["unchanged"], row["changed"], row["secrets"]) == (True, [], [])
    assert row["proved"][0] == "every object fits the schema of Kubernetes 1.35"


def _append(path: str) -> Callable[[Path], Any]:
    return lambda root: (root / path).write_text((root / path).read_text() + "# changed\n")


CHANGES: dict[str, Callable[[Path], Any]] = {
    "environment": _append("overlays/dev/environment.yaml"),
    "base": _append("base/mlflow/deployment.yaml"),
    "base-script": _append("base/mlflow/schema.py"),
    "base-more": lambda root: (root / "base" / "mlflow" / "more.yaml").write_text(""),
    "custom": _append("overlays/dev/custom/kustomization.yaml"),
    "custom-more": lambda root: (root / "overlays" / "dev" / "custom" / "more.yaml").write_text(""),
    "custom-less": lambda root: shutil.rmtree(root / "overlays" / "dev" / "custom"),
    "overlay": _append("overlays/dev/kustomization.yaml"),
    "overlay-less": lambda root: (root / "overlays" / "dev" / "SECRETS.md").unlink(),
    "overlay-more": lambda root: shutil.copytree(
        next((root / "overlays" / "dev").glob("compiled-*")), root / "overlays" / "dev" / "compiled-0a1b2c3d"
    ),
    "secret": lambda root: (root / "overlays" / "dev" / "secrets" / "minio-root.env").unlink(),
    "secrets": lambda root: shutil.rmtree(root / "overlays" / "dev" / "secrets"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_changed__is_proved_anew_and_put_right(
    project: Project, dev: Path, builds: list[Path], change: Callable[[Path], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    change(project.workspace.root)
    capsys.readouterr()
    _compile(project)
    assert builds
    assert "and proved:" in capsys.readouterr().out
    assert (dev / "SECRETS.md").is_file()
    assert (dev / "secrets" / "minio-root.env").is_file()
    assert not (dev / "compiled-0a1b2c3d").exists()
    assert "# changed" not in (dev / "kustomization.yaml").read_text()
    _compile(project)
    assert capsys.readouterr().out == UNCHANGED


def test_changed__another_environment_is_of_no_concern_but_for_pipelines(
    project: Project, dev: Path, builds: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Pipelines are held against the MLflow environments of the project; nothing else looks around."""
    project.add("kfp", "overlay: kfp-keys\nartifacts: {bucket: mlflow, region: us-east-1}\n")
    _compile(project, "kfp")
    _compile(project, "kfp")
    assert "overlays/kfp: unchanged since it was proved\n" in capsys.readouterr().out
    project.add("other", "overlay: aws-keys\nartifacts: {bucket: other, region: us-east-1}\n")
    builds.clear()
    _compile(project, "dev")
    assert builds == []
    _compile(project, "kfp")
    assert builds
    project.add("other", "overlay: aws-keys\nartifacts: {bucket: mlflow, region: us-east-1}\n")
    with pytest.raises(SystemExit):
        _compile(project, "kfp")
    assert "[overlapping-prefixes]" in capsys.readouterr().out


@pytest.mark.parametrize("what", ["python", "package", "kubectl", "compiler"])
def test_other_machine__is_proved_anew(
    project: Project, dev: Path, builds: list[Path], what: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Another Python, another version of any package, another kubectl, another compiler."""
    if what == "python":
        monkeypatch.setattr("sys.version", "3.99")
    elif what == "package":
        (tmp_path / "site" / "pyyaml-99.dist-info").mkdir(parents=True)
        monkeypatch.syspath_prepend(str(tmp_path / "site"))
    elif what == "kubectl":
        (tmp_path / "kubectl").write_text("")
        monkeypatch.setattr(cache, "kubectl", lambda: build.Kubectl(str(tmp_path / "kubectl"), "PATH"))
    else:
        shutil.copytree(Path(cache.__file__).parent, tmp_path / "compiler")
        (tmp_path / "compiler" / "part.py").write_text("")
        monkeypatch.setattr(cache, "__file__", str(tmp_path / "compiler" / "cache.py"))
    _compile(project)
    assert builds


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"digest": 1, "proved": 2, "secrets": 3}', b'{"digest": "0"}'],
)
def test_record__that_is_corrupt_is_none(project: Project, dev: Path, builds: list[Path], content: bytes) -> None:
    _record(project).write_bytes(content)
    _compile(project)
    assert builds
    assert json.loads(_record(project).read_bytes())["digest"]


def test_record__of_another_environment_is_none(project: Project, dev: Path, builds: list[Path]) -> None:
    shutil.copytree(dev, dev.parent / "two")
    shutil.copy(_record(project), _record(project, "two"))
    _compile(project, "two")
    assert builds
    assert "ENV=two" in (dev.parent / "two" / "kustomization.yaml").read_text()


def test_record__where_none_can_be_kept_nothing_fails(project: Project, builds: list[Path]) -> None:
    project.add("dev", GOOD)
    (project.workspace.root / ".cache").write_text("")
    _compile(project)
    _compile(project)
    assert len(builds) == 3


def test_record__holds_no_value_of_a_secret_and_is_hidden_from_git(project: Project, dev: Path) -> None:
    home = project.workspace.root / HOME
    assert (home / ".gitignore").read_text() == "*\n"
    values = [line.partition("=")[2] for path in (dev / "secrets").glob("*.env") for line in path.read_text().split()]
    kept = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file()).decode()
    assert "minio-root.env" in kept
    assert not [value for value in values if len(value) > 16 and value in kept]


def test_remembered__is_nothing_that_warns_or_fails(
    project: Project, builds: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """So a warning is shown every time."""
    project.add("dev", GOOD + "host: mlflow.acme.example\n")
    for _ in range(2):
        _compile(project)
        assert "[host-unserved]" in capsys.readouterr().out
    project.add("dev", GOOD + "replicas: many\n")
    with pytest.raises(SystemExit):
        _compile(project)
    assert not _record(project).exists()


def test_remembered__is_nothing_that_was_not_written(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    project.add("dev", GOOD)
    monkeypatch.setattr(Workspace, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        _compile(project)
    assert not _record(project).exists()


def test_remembered__is_what_was_there_when_the_run_began(
    project: Project, builds: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An environment that is changed while it is compiled is not taken as proved."""
    directory = project.add("dev", GOOD)
    real = Workspace.write

    def changing(workspace: Workspace, name: str, tree: dict[str, str]) -> list[str]:
        (directory / "environment.yaml").write_text(GOOD + "replicas: 0\n")
        return real(workspace, name, tree)

    monkeypatch.setattr(Workspace, "write", changing)
    _compile(project)
    with pytest.raises(SystemExit):
        _compile(project)


@pytest.mark.parametrize("how", ["check", "compile --check"])
def test_check__asks_no_cache_and_keeps_none(project: Project, dev: Path, builds: list[Path], how: str) -> None:
    before = _snapshot(project.workspace.root)
    if how == "check":
        checking.run(["dev"], root=project.workspace.root)
    else:
        compiling.run(["dev"], check=True, root=project.workspace.root)
    assert builds
    assert _snapshot(project.workspace.root) == before
