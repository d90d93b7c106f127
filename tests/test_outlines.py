"""The outlines of Kubeflow Pipelines build, fit Kubernetes, and break where what the components need is called something else."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import yaml

from compiler.build import kustomize
from compiler.catalog import DEFAULT
from compiler.conform import conform, known
from compiler.manifest import Manifest
from compiler.outline import COMMITS, local
from compiler.workload import containers, workloads
from tests.conftest import ROOT
from tests.upstream.store import built, mentions, missed, over, words

KUBERNETES = "1.35"
OUTLINES = sorted(path.parent for path in (ROOT / "base" / "pipelines").glob("[0-9]*/*-user/kustomization.yaml"))
STORED = ("pipelines-no-embedded-store", "pipelines-external-store")
LOGINS = ("pipelines-keys", "pipelines-role")
CONTROLLER = "pipelines-no-profile-controller"


def _id(outline: Path) -> str:
    return f"{outline.parent.name}-{outline.name}"


def _components(outline: Path, login: str) -> tuple[str, ...]:
    return (*STORED, login, *((CONTROLLER,) if outline.name == "multi-user" else ()))


def test_outlines__there_are_two_of_each_release() -> None:
    urls = "https://github.com/kubeflow/pipelines/manifests/kustomize/env/platform-agnostic{}?ref={}"
    wanted = {local(urls.format(many, commit)) for commit in COMMITS.values() for many in ("", "-multi-user")}
    assert {str(outline.relative_to(ROOT)) for outline in OUTLINES} == wanted


def test_kustomizations__say_what_they_are_and_use_every_file() -> None:
    for path in (ROOT / "base" / "pipelines").rglob("kustomization.yaml"):
        text = path.read_text(encoding="utf-8")
        assert text.startswith("# "), path
        data = yaml.safe_load(text)
        used = {*data.get("resources", []), *(each["path"] for each in data.get("patches", []))}
        there = {each.name for each in path.parent.iterdir() if each.is_file()} - {"kustomization.yaml"}
        assert {each for each in used if not (path.parent / each).is_dir()} == there, path


@pytest.mark.parametrize("outline", OUTLINES, ids=_id)
def test_outline__fits_kubernetes_and_stands_in_one_namespace(outline: Path) -> None:
    objects = built(outline)
    manifests = [Manifest(data) for data in objects.values()]
    native = [each for each in manifests if known(KUBERNETES, (DEFAULT,), each.ref.api_version, each.ref.kind)]
    assert [str(fault) for fault in conform(native, KUBERNETES)] == []
    kinds = {each.ref.kind for each in manifests} - {each.ref.kind for each in native}
    assert kinds <= {"AuthorizationPolicy", "DestinationRule", "DecoratorController"}
    assert {data["metadata"].get("namespace") for data in objects.values()} == {"kubeflow"}


@pytest.mark.parametrize("login", LOGINS)
@pytest.mark.parametrize("outline", OUTLINES, ids=_id)
def test_components__leave_nothing_of_the_store(outline: Path, login: str, tmp_path: Path) -> None:
    assert len(mentions(built(outline))) > 15
    moved = over(outline, _components(outline, login), tmp_path / "moved")
    assert mentions(moved, comments=True) == {}
    assert {kind for kind, _ in moved} == {"ConfigMap", "Deployment", "Secret", "ServiceAccount"}
    for workload in workloads([Manifest(data) for data in moved.values()]):
        for _, container in containers(workload):
            variables = container["env"]
            assert len({each["name"] for each in variables}) == len(variables)
            assert [each for each in variables if ("value" in each) == ("valueFrom" in each)] == []


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("server/deployment-ml-pipeline.yaml", "ml-pipeline"),
        ("server/deployment-ml-pipeline-ui.yaml", "ml-pipeline-ui"),
        ("server/configmap-kfp-launcher.yaml", "kfp-launcher"),
        ("server/configmap-pipeline-install-config.yaml", "pipeline-install-config"),
        ("store-minio/configmap.yaml", "workflow-controller-configmap"),
    ],
)
def test_renamed_object__does_not_build(file: str, name: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "base" / "components", tmp_path / "base" / "components")
    assert _error(tmp_path, ROOT / "base/pipelines/2.14/single-user") == ""
    _changed(tmp_path, file, f"  name: {name}\n  namespace", f"  name: {name}-new\n  namespace")
    error = _error(tmp_path, tmp_path / "base/pipelines/2.14/single-user")
    assert f"/{name}.kubeflow" in error
    assert "no matches for Id" in error


@pytest.mark.parametrize("name", ["ml-pipeline-api-server", "ml-pipeline-ui"])
def test_renamed_container__is_one_more_without_an_image(name: str, tmp_path: Path) -> None:
    file = "server/deployment-ml-pipeline.yaml" if name.endswith("server") else "server/deployment-ml-pipeline-ui.yaml"
    _changed(tmp_path, file, f"containers:\n        - name: {name}\n", "containers:\n        - name: new\n")
    outline = tmp_path / "base/pipelines/2.17/multi-user"
    moved = over(outline, _components(outline, "pipelines-keys"), tmp_path / "moved", tmp_path)
    manifests = [Manifest(data) for data in moved.values()]
    bare = [
        each["name"] for workload in workloads(manifests) for _, each in containers(workload) if "image" not in each
    ]
    assert bare == [name]


def test_missed__sees_what_upstream_has_no_more() -> None:
    outline = {
        "kind": "A",
        "spec": {"items": [{"name": "a", "value": "1"}], "image": "x:2.16.1", "run": "once\nseaweedfs"},
    }
    same = {
        "kind": "A",
        "spec": {"items": [{"name": "b"}, {"name": "a", "value": "1"}], "image": "x:2.16.0", "run": "SeaweedFS\n"},
    }
    versions = ("2.16.1", "2.16.0")
    assert list(missed({("A", "a"): outline}, {("A", "a"): same}, versions)) == []
    for route, value in ((("items",), [{"name": "a", "value": "2"}]), (("image",), "x:2.16.2"), (("run",), "minio\n")):
        other = {**same, "spec": {**same["spec"], route[0]: value}}  # type: ignore[dict-item]
        assert len(list(missed({("A", "a"): outline}, {("A", "a"): other}, versions))) == 1
    assert list(missed({("A", "a"): outline}, {}, versions)) == ["A a is not there"]


def test_words__are_what_names_the_store() -> None:
    assert words("http://minio-service.kubeflow:9000 # with mlpipeline-minio-artifact") == {
        "minio-service",
        "mlpipeline-minio-artifact",
    }
    assert words("# minio") == frozenset()
    assert words("# minio", comments=True) == {"minio"}
    assert words("ml-pipeline") == frozenset()


def _changed(project: Path, file: str, old: str, new: str) -> None:
    """A project with a copy of the base, in which a text of what outlines share is another one."""
    shutil.copytree(ROOT / "base", project / "base", dirs_exist_ok=True)
    path = project / "base" / "pipelines" / "shared" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def _error(project: Path, outline: Path) -> str:
    """What kubectl says of the components of a project over an outline."""
    stage = project / "moved"
    stage.mkdir(exist_ok=True)
    components = "".join(f"  - ../base/components/{each}\n" for each in STORED)
    base = os.path.relpath(outline, stage.resolve())
    (stage / "kustomization.yaml").write_text(f"resources: [{base}]\ncomponents:\n{components}", encoding="utf-8")
    return kustomize(stage)[1]
