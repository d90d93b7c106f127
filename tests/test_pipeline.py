"""How an environment comes to its proof: how many builds it takes, and that no guess changes what comes out."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from threading import Event

import pytest

from compiler import build, pipeline
from compiler.batch import ahead, compile_each
from compiler.emit import emit, renamed
from compiler.errors import Missing
from compiler.manifest import Manifest
from compiler.pipeline import compile_environment
from compiler.understand import Compilation
from compiler.workspace import Workspace
from tests.conftest import ROOT, Project
from tests.test_cache import CUSTOM, builds

__all__ = ["builds"]

MINIO = "overlay: minio-postgres\n"
S3 = "overlay: aws-keys\nartifacts: {bucket: acme-mlflow, region: us-east-1}\n"
ENVIRONMENTS = pytest.mark.parametrize("environment", [MINIO, S3], ids=["generated-secrets", "own-secrets"])


def _written(project: Project, name: str = "dev") -> Compilation:
    [compilation] = compile_each(project.workspace, [name])
    assert compilation.tree is not None
    project.workspace.write(name, compilation.tree)
    return compilation


def _objects(compilation: Compilation) -> list[Manifest]:
    """What was built, but for the Secrets, whose values are made up each time."""
    return [each for each in compilation.manifests if each.ref.kind != "Secret"]


@ENVIRONMENTS
def test_builds__are_two_for_what_is_new_and_one_for_what_is_there(
    project: Project, builds: list[Path], environment: str
) -> None:
    project.add("dev", environment)
    first = _written(project)
    assert len(builds) == 2
    builds.clear()
    [again] = compile_each(project.workspace, ["dev"])
    assert len(builds) == 1
    assert (again.tree, _objects(again), again.proved) == (first.tree, _objects(first), first.proved)


@ENVIRONMENTS
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", "replicas: 1\nnamespace: other\n"),
        ("", 'mlflow: {version: "3.17.1"}\n'),
        ("custom", ""),
        ("", "custom"),
    ],
    ids=["jobs-stay", "jobs-change", "custom-goes", "custom-comes"],
)
def test_guess__changes_nothing(project: Project, environment: str, old: str, new: str) -> None:
    """What comes out over an overlay on disk is what comes out over none."""
    for text in (old, new):
        directory = project.add("dev", environment + ("" if text == "custom" else text))
        shutil.rmtree(directory / "custom", ignore_errors=True)
        if text == "custom":
            (directory / "custom").mkdir()
            (directory / "custom" / "kustomization.yaml").write_text(CUSTOM)
        _written(project)
    over = compile_environment(project.workspace, "dev")
    for path in project.workspace.committed("dev"):
        (project.workspace.directory("dev") / path).unlink()
    fresh = compile_environment(project.workspace, "dev")
    assert fresh.tree == over.tree
    assert _objects(fresh) == _objects(over)


GUESSES = {
    "other-digest": (r"(mlflow-migrate-\S+-)[0-9a-f]{8}", r"\g<1>00000000"),
    "no-name": (r'(value: ")mlflow-migrate-[^"]*', r"\1"),
    "one-name": (r'(value: ")[^"]*', r"\1same"),
    "bad-name": (r'(value: ")mlflow-migrate-[^"]*', r"\1A b:c"),
    "other-object": (r'(kind: "Job"\s+name: ")[^"]*', r"\1nothing"),
    "garbage": (r"(?s).+", "{"),
}


@pytest.mark.parametrize(("pattern", "replacement"), GUESSES.values(), ids=GUESSES.keys())
def test_guess__that_is_wrong_only_costs_builds(
    project: Project, builds: list[Path], pattern: str, replacement: str
) -> None:
    directory = project.add("dev", MINIO)
    first = _written(project)
    path = directory / "kustomization.yaml"
    wrong = re.sub(pattern, replacement, path.read_text())
    assert wrong != path.read_text()
    path.write_text(wrong)
    builds.clear()
    again = compile_environment(project.workspace, "dev")
    assert (again.tree, _objects(again), again.diagnostics) == (first.tree, _objects(first), [])
    assert len(builds) > 1


def test_guess__base_that_changes_a_job_renames_it(project: Project) -> None:
    """The overlay on disk still is what the environment asks for, but for the name."""
    base = project.workspace.root / "base"
    shutil.rmtree(base)
    shutil.copytree(ROOT / "base", base)
    project.add("dev", S3)
    before = _written(project)
    job = base / "mlflow" / "job-migrate.yaml"
    changed = re.sub(r"backoffLimit: \d+", "backoffLimit: 77", job.read_text())
    assert changed != job.read_text()
    job.write_text(changed)
    after = compile_environment(project.workspace, "dev")
    assert after.overlay is not None
    assert before.overlay is not None
    assert after.overlay.names.keys() == before.overlay.names.keys()
    assert after.overlay.names != before.overlay.names
    assert after.tree is not None
    assert project.workspace.stale("dev", after.tree) == ["kustomization.yaml"]


def test_renamed__is_what_emit_wrote(project: Project) -> None:
    for environment in (MINIO, S3):
        project.add("dev", environment)
        compilation = compile_environment(project.workspace, "dev")
        assert compilation.overlay is not None
        assert compilation.overlay.names
        assert renamed(emit("dev", compilation.overlay)) == compilation.overlay.names


@pytest.fixture
def stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory that builds are staged in."""
    (tmp_path / "stages").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "stages"))
    return tmp_path / "stages"


def test_ahead__is_given_up_where_the_environment_is_wrong(project: Project, stages: Path) -> None:
    project.add("dev", S3)
    _written(project)
    project.add("dev", S3 + "replicas: many\n")
    begun = ahead(project.workspace, "dev")
    assert begun is not None
    assert list(stages.iterdir())
    compilation = compile_environment(project.workspace, "dev", ahead=begun)
    assert [each.code for each in compilation.diagnostics] == ["wrong-type"]
    assert begun.process is not None
    assert begun.process.returncode is not None
    assert not list(stages.iterdir())


def test_ahead__waits_for_the_keys_of_generated_secrets(project: Project, builds: list[Path]) -> None:
    project.add("dev", MINIO)
    assert ahead(project.workspace, "dev") is None
    _written(project)
    builds.clear()
    assert ahead(project.workspace, "dev") is None
    assert not builds


def test_ahead__without_kubectl_the_environment_is_still_read(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> build.Kubectl:
        raise Missing("no kubectl")

    project.add("dev", S3)
    _written(project)
    project.add("dev", "overlay: [")
    monkeypatch.setattr(build, "kubectl", missing)
    [compilation] = compile_each(project.workspace, ["dev"])
    assert [each.code for each in compilation.diagnostics] == ["yaml-syntax"]


def test_stages__are_gone_after_builds_that_work_and_that_fail(project: Project, stages: Path) -> None:
    for name, environment in (("a", MINIO), ("b", S3)):
        project.add(name, environment)
        _written(project, name)
    (project.workspace.root / "overlays" / "b" / "kustomization.yaml").write_text("{")
    assert [each.name for each in compile_each(project.workspace, ["a", "b"])] == ["a", "b"]
    assert not list(stages.iterdir())


def test_several__come_in_the_order_that_was_asked_for(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever is ready first: here the first can only be ready after the last."""
    names = ["c", "a", "b"]
    for name in names:
        project.add(name, S3)
    last = Event()

    def fake(workspace: Workspace, name: str, *_: object) -> Compilation:
        if name == "c":
            assert last.wait(30)
        if name == "b":
            last.set()
        return Compilation(name, [])

    monkeypatch.setattr(pipeline, "compile_environment", fake)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert [each.name for each in compile_each(project.workspace, names)] == names


def test_several__one_that_is_missing_stops_after_those_before_it(project: Project) -> None:
    project.add("a", "overlay: [")
    compilations = compile_each(project.workspace, ["a", "gone"])
    assert next(compilations).name == "a"
    with pytest.raises(Missing, match="gone"):
        next(compilations)
