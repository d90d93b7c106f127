"""Environments that compile, and environments whose whole report is known: the first line of each says why it is here."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler.codes import CODES
from compiler.pipeline import compile_environment
from compiler.report import text
from tests.conftest import Golden, Project

DAY = "2026-12-01"
"""The day that waivers are held against."""
CASES = Path(__file__).parent / "cases"
VALID = sorted((CASES / "valid").glob("*.yaml"))
INVALID = sorted((CASES / "invalid").glob("*/*.yaml"))
WITHOUT_CASE = {
    "immutable-field": "about the overlay that is on disk before; the pipeline's own test has one",
    "image-misses": "the compiler emits no image that the base lacks; the rule's own test breaks the base",
    "job-name": "the compiler names Jobs itself; the rule's own test renames one",
    "left-behind": "about the overlay that is on disk before; the pipeline's own test has one",
    "not-a-manifest": "kubectl itself refuses such an object; the check's own test has one",
    "placeholder": "the compiler sets every placeholder; the rule's own test leaves one",
    "stale": "about a file on disk, not an environment; the command line's own test has one",
}


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_valid__compiles_and_is_proved(path: Path, project: Project) -> None:
    project.add("example", path.read_bytes(), _custom(path))
    compilation = compile_environment(project.workspace, "example", ("1.30", "1.37"), DAY)
    assert text(compilation.diagnostics) == ""
    assert compilation.tree
    assert compilation.manifests


@pytest.mark.parametrize("path", INVALID, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_invalid__gets_the_whole_report(path: Path, project: Project, golden: Golden) -> None:
    directory = project.add("example", path.read_bytes(), _custom(path))
    compilation = compile_environment(project.workspace, "example", today=DAY)
    codes = {diagnostic.code for diagnostic in compilation.diagnostics}
    assert path.parent.name in codes
    golden.check(path.with_suffix(".txt"), text(compilation.diagnostics).replace("overlays/example/", ""))
    assert {each.name for each in directory.iterdir()} <= {"environment.yaml", "custom"}


def _custom(path: Path) -> Path | None:
    custom = path.with_suffix(".custom")
    return custom if custom.is_dir() else None


def test_codes__each_has_a_failing_example() -> None:
    shown = {path.parent.name for path in INVALID}
    assert shown <= set(CODES)
    assert set(CODES) - shown == set(WITHOUT_CASE)
