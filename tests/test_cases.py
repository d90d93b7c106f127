"""Environments that compile, and environments whose whole report is known: the first line of each says why it is here."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from compiler.codes import CODES
from compiler.diagnostic import Diagnostic
from compiler.pipeline import blocked, compile_environment, stale
from compiler.report import text
from compiler.tree import DOCUMENTS, KUSTOMIZATION
from tests.conftest import Golden, Project

DAY = "2026-12-01"
"""The day that waivers are held against."""
CASES = Path(__file__).parent / "cases"
VALID = sorted((CASES / "valid").glob("*.yaml"))
INVALID = sorted(path for path in (CASES / "invalid").glob("*/*.yaml") if path.name.count(".") == 1)
"""`<case>.yaml` is an environment. Beside it may stand `<case>.custom/`, its own component; `<case>.before.yaml`, the environment
whose overlay is on disk; `<case>.base.yaml`, what is written in files of the base in place of what; and `<case>.others/`, the
other environments of the project.
`<case>.own/` has files of a person's own, which stand in the directory of the overlay. `<case>.manifest.yaml` is for validate.
"""


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_valid__compiles_and_is_proved(path: Path, project: Project) -> None:
    _surround(path, project)
    project.add("example", path.read_bytes(), _custom(path))
    compilation = compile_environment(project.workspace, "example", ("1.30", "1.37"), DAY)
    assert text(compilation.diagnostics) == ""
    assert compilation.tree
    assert compilation.manifests


@pytest.mark.parametrize("path", INVALID, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_invalid__gets_the_whole_report(path: Path, project: Project, golden: Golden) -> None:
    found = reported(path, project)
    assert path.parent.name in {diagnostic.code for diagnostic in found}
    golden.check(path.with_suffix(".txt"), text(found).replace("overlays/example/", ""))
    before = (KUSTOMIZATION, "SECRETS.md", *DOCUMENTS) if path.with_suffix(".before.yaml").is_file() else ()
    own = {"environment.yaml", "custom", *before, *(each.name for each in path.with_suffix(".own").glob("*"))}
    assert {each.name for each in project.workspace.directory("example").iterdir()} <= own


def reported(path: Path, project: Project) -> list[Diagnostic]:
    """Everything that `compile --check` says of a case."""
    _surround(path, project)
    before, base = path.with_suffix(".before.yaml"), path.with_suffix(".base.yaml")
    if before.is_file():
        project.add("example", before.read_bytes(), _custom(before))
        project.workspace.write("example", compile_environment(project.workspace, "example", today=DAY).tree or {})
    if base.is_file():
        for name, changes in yaml.safe_load(base.read_text(encoding="utf-8")).items():
            for old, new in changes.items():
                project.rewrite_base(name, old, new)
    project.add("example", path.read_bytes(), _custom(path))
    if path.with_suffix(".own").is_dir():
        shutil.copytree(path.with_suffix(".own"), project.workspace.directory("example"), dirs_exist_ok=True)
    compilation = compile_environment(project.workspace, "example", today=DAY)
    if wrong := blocked(project.workspace, compilation):
        return compilation.diagnostics + wrong
    return compilation.diagnostics + (stale(project.workspace, compilation) if before.is_file() else [])


def _surround(path: Path, project: Project) -> None:
    """Adds the other environments of a case's project."""
    for other in sorted(path.with_suffix(".others").glob("*.yaml")):
        project.add(other.stem, other.read_bytes())


def _custom(path: Path) -> Path | None:
    custom = path.with_suffix(".custom")
    return custom if custom.is_dir() else None


@pytest.mark.parametrize("code", CODES)
def test_codes__each_has_a_failing_example(code: str) -> None:
    folder = CASES / "invalid" / code
    assert any(path.parent == folder for path in [*INVALID, *folder.glob("*.manifest.yaml")]), (
        f"{code}: write {folder.relative_to(CASES.parent)}/<case>.yaml"
    )


def test_codes__every_folder_is_one() -> None:
    assert {path.name for path in (CASES / "invalid").iterdir()} == set(CODES)
