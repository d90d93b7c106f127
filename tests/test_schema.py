"""The two judges of environments agree: the quick one that says whether, and the slow one that says why."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compiler.schema import _judge, as_written, environment_schema, fits, reasons
from compiler.source import read
from tests.conftest import ROOT

FILES = sorted([*(ROOT / "tests" / "cases").rglob("*.yaml"), *(ROOT / "overlays").glob("*/environment.yaml")])
PROPERTY = settings(
    max_examples=400, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)


def _data(path: Any) -> Any:
    source, _ = read(str(path), path.read_bytes())
    return as_written(source).data if source is not None else None


DATA = [data for path in FILES if isinstance(data := _data(path), dict)]
VALID = [data for data in DATA if not any(reasons(data))]


def _keys(schema: Any) -> set[str]:
    inner = schema.get("properties", {})
    return {*inner, *(key for each in inner.values() for key in _keys(each))}


def _strings(schema: Any) -> set[str]:
    """Every word that the schema names itself: the choices of its enums."""
    own = {each for each in schema.get("enum", ()) if isinstance(each, str)}
    return own.union(*map(_strings, schema.get("properties", {}).values()))


KEYS = sorted(_keys(environment_schema()))
WORDS = sorted(_strings(environment_schema()))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=-3, max_value=70000),
    st.integers(min_value=10**18, max_value=10**30),
    st.floats(),
    st.sampled_from(WORDS),
    st.text(),
    st.from_regex(r"\A[a-z0-9][-.a-z0-9]{0,70}\n?\Z"),
    st.sampled_from(
        [
            "",
            "a\n",
            "1Gi",
            "01Gi",
            "\u0663Gi",
            "\u017f",
            "\u212a",
            "é.example",
            "arn:aws:iam::123456789012:role/a",
            "a" * 300,
        ]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every mapping or list below a value, with each of its keys or indexes."""
    steps = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    return [(value, step) for step, _ in steps] + [place for _, inner in steps for place in _places(inner)]


@st.composite
def environments(draw: st.DrawFn) -> Any:
    """A valid environment in which one to three things were changed, added or removed."""
    data = copy.deepcopy(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(1, 3))):
        places = _places(data)
        if not places:
            return data
        parent, step = draw(st.sampled_from(places))
        match draw(st.sampled_from(["change", "add", "remove"])):
            case "change":
                parent[step] = draw(VALUES)
            case "add" if isinstance(parent, dict):
                parent[draw(st.sampled_from(KEYS))] = draw(VALUES)
            case "remove" if isinstance(parent, dict):
                del parent[step]
            case _:
                parent[step] = [parent[step], parent[step]]
    return data


def test_judges__agree_on_every_case() -> None:
    verdicts = [(fits(data), not any(reasons(data))) for data in DATA]
    assert len(VALID) > 20
    assert len(DATA) - len(VALID) > 20
    assert [quick for quick, _ in verdicts] == [slow for _, slow in verdicts]


@PROPERTY
@given(environments())
def test_judges__agree_on_what_is_nearly_right(data: Any) -> None:
    assert fits(data) is not any(reasons(data))


@PROPERTY
@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5))
def test_judges__agree_on_nonsense(data: Any) -> None:
    assert fits(data) is not any(reasons(data))


@pytest.mark.parametrize("number", [10**30, -(10**400), 1e308])
def test_judges__a_huge_number_is_left_to_the_slow_one(number: float) -> None:
    data = {"overlay": "minio-postgres", "replicas": number}
    assert fits(data) is not any(reasons(data))


def test_judges__the_quick_one_answers_for_every_valid_case() -> None:
    """`fits` says no where it cannot tell, which is right, and slow."""
    assert all(_judge().is_valid(data) for data in VALID)
