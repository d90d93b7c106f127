"""The two judges of manifests agree: the quick one that says whether, and the slow one that says why."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compiler.catalog import DEFAULT
from compiler.conform import Judge, _explainer, _judge
from compiler.manifest import Manifest, parse
from tests.conftest import ROOT

VERSION = "1.34"
BUILT = [each for path in sorted((ROOT / "tests" / "golden").glob("*.yaml")) for each in parse(path.read_text())]
KEPT = ("apiVersion", "kind", "metadata")
"""Without them an object has no kind or name, and is no manifest."""
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 70000),
    st.integers(10**18, 10**30),
    st.floats(),
    st.text(max_size=5),
    st.lists(st.integers() | st.none(), max_size=2),
    st.dictionaries(st.sampled_from(["name", "image", "value", "x"]), st.text(max_size=3) | st.integers(), max_size=2),
)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every mapping or list below a value, with each of its keys or indexes."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(value, step) for step, _ in steps] + [place for _, inner in steps for place in _places(inner)]


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    """An object of a reference build in which one thing was changed, added or removed; its kind stays."""
    data = copy.deepcopy(draw(st.sampled_from(BUILT)))
    parent, step = draw(st.sampled_from([place for place in _places(data) if place[1] not in KEPT]))
    match draw(st.sampled_from(["change", "add", "remove"])):
        case "add" if isinstance(parent, dict):
            parent[draw(st.sampled_from(["name", "image", "extra", "spec"]))] = draw(VALUES)
        case "remove":
            del parent[step]
        case _:
            parent[step] = draw(VALUES)
    return Manifest(data)


def _of(manifest: Manifest) -> Judge:
    judge = _judge(VERSION, (DEFAULT,), manifest.ref.api_version, manifest.ref.kind)
    assert judge is not None
    return judge


def _agree(manifest: Manifest) -> bool:
    judge = _of(manifest)
    return judge.valid(manifest.data) is bool(_explainer(judge).is_valid(manifest.data))


def test_judges__agree_on_the_reference_builds() -> None:
    assert all(_of(Manifest(data)).valid(data) for data in BUILT)
    assert all(_agree(Manifest(data)) for data in BUILT)


@settings(max_examples=500, deadline=None, derandomize=True, database=None, suppress_health_check=[*HealthCheck])
@given(manifests())
def test_judges__agree_on_what_is_nearly_right(manifest: Manifest) -> None:
    assert _agree(manifest)
