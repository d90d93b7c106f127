"""What holds of every part, whatever a person writes: drawn from the schema itself."""

from __future__ import annotations

import inspect
from dataclasses import FrozenInstanceError, fields
from types import ModuleType
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from compiler.codes import CODES
from compiler.diagnostic import Severity
from compiler.emit import emit
from compiler.environment import Environment
from compiler.kinds import KINDS
from compiler.overlay import Change, PodChange
from compiler.parts import PARTS
from compiler.route import ABSENT, follow
from compiler.schema import environment_schema
from compiler.system import SYSTEMS, foreign
from tests.conftest import ROOT
from tests.parts import KEYS, MINIO, ROLE, Values, merged, understood
from tests.schema_values import values_of

KEYS_OF_ALL = {key for part in PARTS.values() for key in part.KEYS}
PROPERTY = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


# The shape of a part


@pytest.mark.parametrize("name", PARTS)
def test_part__owns_its_keys_and_describes_them(name: str) -> None:
    part = PARTS[name]
    assert isinstance(part, ModuleType)
    assert name in part.KEYS
    assert len((inspect.getdoc(part) or "").split()) > 10
    for fragment in part.KEYS.values():
        for inner in _fragments(fragment):
            assert inner.get("description"), inner
            if "pattern" in inner:
                assert inner["pattern"].startswith("^")
                assert inner["patternErrorMessage"]
            if inner.get("type") == "object":
                assert "additionalProperties" in inner


def _fragments(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """A fragment and all below it that a person writes a key for."""
    inner = [each for name in schema.get("properties", {}) for each in _fragments(schema["properties"][name])]
    return [schema, *inner]


def test_parts__share_no_key() -> None:
    assert len(KEYS_OF_ALL) == sum(len(part.KEYS) for part in PARTS.values())
    assert set(environment_schema()["properties"]) == KEYS_OF_ALL | SYSTEMS["pipelines"].keys


def test_parts__are_the_modules_of_their_package() -> None:
    modules = {path.stem for path in (ROOT / "compiler" / "parts").glob("[a-z]*.py")}
    assert {part.__name__.rpartition(".")[2] for part in PARTS.values() if isinstance(part, ModuleType)} == modules


def test_parts__have_tests_of_their_own() -> None:
    for path in (ROOT / "compiler" / "parts").glob("[a-z]*.py"):
        assert (ROOT / "tests" / "parts" / f"test_{path.stem}.py").is_file(), path.stem


def test_environment__is_a_frozen_value() -> None:
    found = understood(MINIO).environment
    assert found is not None
    for field in fields(Environment):
        with pytest.raises(FrozenInstanceError):
            setattr(found, field.name, None)


def test_schema__its_defaults_are_the_compilers() -> None:
    """What the manual calls the default changes nothing when it is written out."""
    for key, part in PARTS.items():
        for name, fragment in part.KEYS.items():
            for route, default in _defaults((name,), fragment):
                values: Any = default
                for step in reversed(route):
                    values = {step: values}
                for base in (MINIO, KEYS, ROLE):
                    plain, written = understood(base, **_beside(key)), understood(merged(base, _beside(key)), **values)
                    if written.overlay is not None and plain.overlay is not None and "existingSecret" not in route:
                        assert _effect(written.overlay) == _effect(plain.overlay), (route, base["overlay"])


def _beside(key: str) -> Values:
    """What a part's keys mean something beside: an ingress of its own for the keys of an ingress."""
    beside: dict[str, Values] = {
        "ingress": {"host": "a.example", "ingress": {"tlsSecret": "cert"}},
        "gateway": {"host": "a.example", "gateway": {"parentRef": {"name": "public"}}},
        "autoscaling": {"autoscaling": {"max": 5}},
        "database": {"database": {"registry": {}}},
        "auth": {"auth": {}},
        "metrics": {"metrics": {}},
        "maintenance": {"maintenance": {"gc": {}, "backup": {}}},
    }
    return beside.get(key, {})


def _effect(overlay: Any) -> Any:
    images = {
        (each.name, each.repository, each.tag, each.digest) for each in overlay.images if each.tag != "17.11-bookworm"
    }
    values = {(each.target, each.route): each.value for each in overlay.changes}
    sizes = [route for route in values if "volumeClaimTemplates" in route[1]]
    images = {each for each in images if each[0] != each[1]}
    return (
        overlay.namespace,
        overlay.components,
        overlay.secrets,
        images,
        {k: v for k, v in values.items() if k not in sizes},
        overlay.pods,
        overlay.names,
    )


def _defaults(route: tuple[str, ...], fragment: dict[str, Any]) -> list[tuple[tuple[str, ...], Any]]:
    own = [(route, fragment["default"])] if "default" in fragment else []
    return own + [
        each for name, inner in fragment.get("properties", {}).items() for each in _defaults((*route, name), inner)
    ]


# Any environment that the schema accepts


SCHEMA = environment_schema()["properties"]
DRAWN = {key: values_of(fragment) for key, fragment in SCHEMA.items()}
DEMANDED = {
    name: {(str(key), str(inner)): values_of(SCHEMA[key]["properties"][inner]) for key, inner in kind.requires}
    for name, kind in KINDS.items()
}


@st.composite
def environments(draw: st.DrawFn) -> Values:
    """Environments of every kind, with what the kind demands, and a few of the other keys."""
    values: Values = {"overlay": draw(st.sampled_from(list(KINDS)))}
    own = SYSTEMS[KINDS[values["overlay"]].system].keys - {"overlay"}
    for key in draw(st.lists(st.sampled_from(sorted(own)), unique=True, max_size=5)):
        values[key] = draw(DRAWN[key])
    for (key, inner), demanded in DEMANDED[values["overlay"]].items():
        holder = values.setdefault(key, {})
        if inner not in holder:
            holder[inner] = draw(demanded)
    return values


@PROPERTY
@given(environments(), st.booleans())
def test_any__environment_is_understood_and_planned(values: Values, custom: bool) -> None:
    """What the schema accepts never raises: it becomes an environment, findings with places, and an overlay with reasons."""
    from jsonschema import Draft7Validator

    assume(Draft7Validator(environment_schema()).is_valid(values))
    kind = KINDS[values["overlay"]]
    system = SYSTEMS[kind.system]
    known = system.read("example", values, custom)
    found = [*foreign(kind, values), *system.check(known, "")]
    for finding in found:
        assert finding.code in CODES
        assert finding.message
        assert "\n" not in finding.message
        there = follow(values, finding.route) is not ABSENT
        assert there or follow(values, finding.route[:-1]) is not ABSENT, finding
    overlay = system.plan(known)
    names = [(secret.namespace, secret.name) for secret in overlay.secrets]
    assert len(set(names)) == len(names)
    because: list[Change | PodChange] = [*overlay.changes, *overlay.pods]
    for change in because:
        assert change.because[0] in {"overlay", *KEYS_OF_ALL, *SYSTEMS["pipelines"].keys}, change
        assert change.why
    for component in overlay.components:
        assert (ROOT / "base" / "components" / component / "kustomization.yaml").is_file()
    assert len(set(overlay.components)) == len(overlay.components)
    for path, text in emit("example", overlay).items():
        if path.endswith(".yaml"):
            for document in yaml.safe_load_all(text):
                for patch in document.get("patches", ()):
                    assert yaml.safe_load(patch["patch"])


@PROPERTY
@given(environments())
def test_any__environment_as_text_is_the_same_and_never_a_bug(values: Values) -> None:
    """Through the reader and the schema too: a report or an overlay, and no third."""
    compilation = understood(values)
    errors = [each for each in compilation.diagnostics if each.severity is Severity.ERROR]
    assert (compilation.overlay is None) is bool(errors)
    for each in compilation.diagnostics:
        assert each.code in CODES
        assert each.place.line == 1
        assert each.place.column >= 1
    if compilation.overlay is not None:
        system = SYSTEMS[KINDS[values["overlay"]].system]
        assert compilation.overlay == system.plan(system.read("example", values, False))


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@PROPERTY
@given(environments(), st.data())
def test_any__broken_environment_is_reported(values: Values, data: st.DataObject) -> None:
    """With junk anywhere in it, an environment is still reported on: at a place of its file, with a code that is known."""
    places = list(_places(values))
    holder, key = data.draw(st.sampled_from(places))
    holder[key] = data.draw(JUNK)
    for each in understood(values).diagnostics:
        assert each.code in CODES
        assert each.place.column >= 1


def _places(value: Any) -> Any:
    items = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    for key, inner in items:
        yield value, key
        yield from _places(inner)
