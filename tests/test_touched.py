"""Which environments a change touches."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler.touched import touched
from tests.conftest import Project

EKS = 'overlay: eks-irsa\nartifacts: {bucket: acme, region: us-east-1, roleArn: "arn:aws:iam::123456789012:role/m"}\n'
EVERY = ["broken", "cloud", "dev"]


@pytest.fixture
def three(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with three environments, one of them broken, and the current directory in it."""
    project.add("dev", "overlay: minio-postgres\n")
    project.add("cloud", EKS)
    project.add("broken", "overlay: none\n")
    monkeypatch.chdir(project.workspace.root)
    return project


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["overlays/dev/environment.yaml"], ["dev"]),
        (["overlays/dev/custom/deep/kustomization.yaml", "overlays/cloud/SECRETS.md"], ["cloud", "dev"]),
        (["overlays/gone/environment.yaml"], []),
        (["overlays/README.md"], []),
        (["base/components/artifacts-minio/setup.sh"], ["broken", "dev"]),
        (["base/components/identity-irsa/kustomization.yaml"], ["broken", "cloud"]),
        (["base/components/nobody-uses-it/x.yaml"], ["broken"]),
        (["base/mlflow/deployment.yaml"], EVERY),
        (["base/components/README.md", ".pre-commit-config.yaml"], EVERY),
        (["../elsewhere/versions.txt"], EVERY),
        (["./overlays/../overlays/dev/x"], ["dev"]),
        ([], []),
    ],
)
def test_touched__names_those_that_could_come_out_differently(
    three: Project, files: list[str], names: list[str]
) -> None:
    assert touched(three.workspace, map(Path, files)) == names


def test_touched__paths_are_those_of_the_current_directory(three: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(three.workspace.root / "overlays" / "dev")
    assert touched(three.workspace, [Path("environment.yaml")]) == ["dev"]
    assert touched(three.workspace, [three.workspace.root / "overlays" / "cloud" / "x"]) == ["cloud"]


def test_touched__a_symbolic_link_is_itself_what_changed(three: Project) -> None:
    """Wherever it points."""
    link = three.workspace.root / "overlays" / "dev" / "link"
    link.symlink_to(three.workspace.root / "overlays" / "cloud" / "environment.yaml")
    assert touched(three.workspace, [link]) == ["dev"]


def test_touched__pipelines_are_held_against_the_other_environments(three: Project) -> None:
    """Their prefixes, and the address of the MLflow that runs are recorded in, follow from those."""
    three.add("kfp", "overlay: kfp-keys\nartifacts: {bucket: acme-kfp, region: us-east-1}\n")
    assert touched(three.workspace, [Path("overlays/dev/environment.yaml")]) == ["dev", "kfp"]
    assert touched(three.workspace, [Path("overlays/dev/SECRETS.md")]) == ["dev"]
    assert touched(three.workspace, [Path("overlays/kfp/environment.yaml")]) == ["kfp"]
