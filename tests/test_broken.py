"""`check` on a broken copy of each reference environment, for every code: it is reported, at a line."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from compiler.codes import CODES
from compiler.diagnostic import Diagnostic, Severity
from compiler.pipeline import compile_environment, stale
from tests.breakages import ALL, BREAKAGES, OF_PIPELINES, PIPELINES, Break
from tests.conftest import ROOT, Project
from tests.sample import sampled
from tests.test_cases import DAY
from tests.test_codes import codes

WARNINGS = ("host-unserved", "idle-waiver", "plain-http")
"""What the environment alone is warned of, so that it is built all the same."""
WAYS = {
    (code, name): way[name] if isinstance(way, dict) else way
    for code, way in BREAKAGES.items()
    for name in ALL
    if not isinstance(way, dict) or name in way
} | {
    (code, name): way[name] if isinstance(way, dict) else way
    for code, way in OF_PIPELINES.items()
    for name in PIPELINES
    if not isinstance(way, dict) or name in way
}
ELSEWHERE = {
    "overlapping-prefixes": "it takes another environment",
    "region-mismatch": "it takes an older release and a key of the cloud",
    "unreachable-server": "it takes another environment",
}
"""Codes of the language of Pipelines that examples in tests/cases alone come to, and why."""


def test_breakages__are_there_for_every_code_and_environment() -> None:
    assert set(BREAKAGES) - set(CODES) == set(), "there are no such codes"
    missing = {f"{code} of {name}" for code in CODES for name in ALL} - {f"{code} of {name}" for code, name in WAYS}
    assert missing == set(), "say in tests/breakages.py how an environment comes to this code, or why it cannot"


def test_breakages__are_there_for_every_code_of_pipelines() -> None:
    files = [*(ROOT / "compiler" / "kubeflow").rglob("*.py"), ROOT / "compiler" / "rules" / "pipelines.py"]
    made = {code for file in files for code in codes(ast.parse(file.read_text(encoding="utf-8")))}
    assert made
    assert made - OF_PIPELINES.keys() - ELSEWHERE.keys() - {"no-image"} == set()


def _cases() -> Iterator[Any]:
    """Each code in each environment, or in a share of them: with every code others, so that all have their turn."""
    names: dict[str, list[str]] = {}
    for (code, name), way in WAYS.items():
        if isinstance(way, Break):
            names.setdefault(code, []).append(name)
    for turn, (code, known) in enumerate(names.items()):
        for number, name in enumerate(sampled(known, turn)):
            way = WAYS[(code, name)]
            assert isinstance(way, Break)
            # One environment is enough for the default run, and nothing that has to be built.
            heavy = bool(number or way.custom or way.base or way.before or code in WARNINGS)
            yield pytest.param(code, name, id=f"{code}-{name}", marks=[pytest.mark.broken] if heavy else [])


@pytest.mark.parametrize(("code", "name"), list(_cases()))
def test_check__finds_it_at_a_line(code: str, name: str, project: Project) -> None:
    way = WAYS[(code, name)]
    assert isinstance(way, Break)
    if way.before is not None:
        _break(project, name, way.before)
        tree = compile_environment(project.workspace, name, today=DAY).tree
        assert tree is not None
        project.workspace.write(name, tree)
    _break(project, name, way)
    found = [each for each in _reported(project, name, way) if each.code == code]
    assert found, f"check does not say {code}"
    for each in found:
        assert each.place.line > 0, each
        assert each.place.column > 0, each
        text = (project.workspace.root / each.place.path).read_bytes().decode("utf-8", "replace")
        assert each.place.line <= max(len(text.splitlines()), 1)
    changed = {f"overlays/{name}/custom/{file}" for file in way.custom} | set(way.base)
    if changed and found[0].severity is Severity.ERROR:
        # What was changed outside of environment.yaml is what is blamed, or named beside the line that it contradicts.
        blamed = f"{found[0].place} {found[0].hint}"
        assert any(path in blamed for path in changed) or code == "image-misses", blamed


def _reported(project: Project, name: str, way: Break) -> list[Diagnostic]:
    compilation = compile_environment(project.workspace, name, today=DAY)
    return compilation.diagnostics + (stale(project.workspace, compilation) if way.stale else [])


def _break(project: Project, name: str, way: Break) -> None:
    text = (ROOT / "overlays" / name / "environment.yaml").read_text(encoding="utf-8")
    if way.set:
        data = yaml.safe_load(text)
        for route, value in way.set.items():
            _set(data, route.split("."), value)
        text = yaml.safe_dump(data, sort_keys=False)
    content = way.whole(text) if way.whole else (text + way.append).encode()
    directory = project.add(name, content)
    for file, written in way.custom.items():
        (directory / "custom").mkdir(exist_ok=True)
        (directory / "custom" / file).write_text(written, encoding="utf-8")
    for file, (old, new) in way.base.items():
        project.rewrite_base(file, old, new)


def _set(data: dict[str, Any], steps: list[str], value: Any) -> None:
    for step in steps[:-1]:
        data = data.setdefault(step, {})
    if value is None:
        data.pop(steps[-1], None)
    else:
        data[steps[-1]] = value
