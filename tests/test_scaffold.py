"""What `new` writes compiles as it stands."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from compiler.diagnostic import has_errors
from compiler.errors import Usage
from compiler.kinds import KINDS, summary
from compiler.pipeline import compile_environment
from compiler.scaffold import MODELINE, NEXT, scaffold
from compiler.understand import understand
from tests.conftest import Project


@pytest.mark.parametrize("kind", KINDS)
def test_scaffold__compiles(kind: str, project: Project) -> None:
    assert project.workspace.create("fresh", scaffold(kind)) == "overlays/fresh/environment.yaml"
    assert compile_environment(project.workspace, "fresh").diagnostics == []


@pytest.mark.parametrize("kind", KINDS)
def test_scaffold__what_is_set_next_may_be(kind: str, project: Project) -> None:
    """Without the sign of a comment, each line by itself and all together."""
    text = scaffold(kind)
    following = NEXT[KINDS[kind].system]
    if kind == "kfp-irsa":
        following = following[:1]
    for lines in ([line] for line in following if not line.startswith("ingress")):
        assert not has_errors(understand("fresh", "environment.yaml", _uncommented(text, lines)).diagnostics), lines
    project.add("fresh", _uncommented(text, following))
    assert compile_environment(project.workspace, "fresh").diagnostics == []


def _uncommented(text: str, lines: Sequence[str]) -> bytes:
    for line in lines:
        assert f"\n# {line}\n" in text
        text = text.replace(f"# {line}", line)
    return text.encode()


@pytest.mark.parametrize("kind", KINDS)
def test_scaffold__says_what_the_kind_is_and_why_it_demands_what_it_does(kind: str) -> None:
    """With a comment above each key, in lines that fit a screen; and no key that the kind can do without."""
    text = scaffold(kind)
    lines = text.splitlines()
    assert lines[0] == MODELINE
    assert [f"# {line}" for line in summary(kind).splitlines()] == lines[1 : 1 + len(summary(kind).splitlines())]
    for route, why in KINDS[kind].requires.items():
        [place] = [index for index, line in enumerate(lines) if line.startswith(f"  {route[-1]}: ")]
        assert why[1:] in lines[place - 1]
        assert lines[place - 1].startswith("  # ")
    plain = [line for line in lines if not line.strip().startswith("#")]
    keys = {*KINDS[kind].requires, *KINDS[kind].examples}
    assert len(plain) == 1 + len({route[0] for route in keys}) + len(keys)
    assert max(map(len, lines)) <= 130


def test_scaffold__refuses_an_unknown_kind() -> None:
    with pytest.raises(Usage, match="did you mean 'eks-irsa'"):
        scaffold("eks-isra")


def test_create__never_overwrites(project: Project) -> None:
    project.add("there", "overlay: minio-postgres")
    with pytest.raises(Usage, match="already"):
        project.workspace.create("there", scaffold("minio-mysql"))
    assert (project.workspace.directory("there") / "environment.yaml").read_text() == "overlay: minio-postgres"
