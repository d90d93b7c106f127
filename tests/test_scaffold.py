"""What `new` writes compiles as it stands."""

from __future__ import annotations

import pytest

from compiler.errors import Usage
from compiler.kinds import KINDS
from compiler.pipeline import compile_environment
from compiler.scaffold import scaffold
from tests.conftest import Project


@pytest.mark.parametrize("kind", KINDS)
def test_scaffold__compiles(kind: str, project: Project) -> None:
    assert project.workspace.create("fresh", scaffold(kind)) == "overlays/fresh/environment.yaml"
    assert compile_environment(project.workspace, "fresh").diagnostics == []


def test_scaffold__refuses_an_unknown_kind() -> None:
    with pytest.raises(Usage, match="did you mean 'eks-irsa'"):
        scaffold("eks-isra")


def test_create__never_overwrites(project: Project) -> None:
    project.add("there", "overlay: minio-postgres")
    with pytest.raises(Usage, match="already"):
        project.workspace.create("there", scaffold("minio-mysql"))
    assert (project.workspace.directory("there") / "environment.yaml").read_text() == "overlay: minio-postgres"
