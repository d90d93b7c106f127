"""The environments that are applied leave no key of the language out. Needs no server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from compiler.schema import environment_schema

from .cases import ENVIRONMENTS, PIPELINES

OF_THE_STAGE = {("namespace",)}
OF_DEPLOYKF = {("profiles", "members")}
"""Values that deployKF applies, not kubectl, beside those of `pipelines.deployKF`."""


def keys(fragment: dict[str, Any], route: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every key that holds a value, by its route; items of a list share their list's route.

    An affinity counts as one: it is Kubernetes' own structure, and `test_drawn` sends every key of it to the API server.
    """
    if "items" in fragment:
        fragment = fragment["items"]
    if not fragment.get("properties") or route[-1:] == ("affinity",):
        yield route
        return
    for key, inner in fragment.get("properties", {}).items():
        yield from keys(inner, (*route, key))


def used(value: Any, route: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The route of every value, and of every mapping."""
    yield route
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield from used(inner, (*route, key))
    for inner in value if isinstance(value, list) else ():
        yield from used(inner, route)


def test_every_key_is_turned_on_by_some_environment() -> None:
    originals = [case.original for case in (*ENVIRONMENTS, *PIPELINES)]
    files = [original / "environment.yaml" if original.is_dir() else original for original in originals]
    there = {route for file in files for route in used(yaml.safe_load(file.read_text(encoding="utf-8")))}
    # An MLflow beside is another environment of the project: tests/stack runs the two.
    wanted = {route for route in keys(environment_schema()) if not {"deployKF", "mlflow"} & set(route[:2][1:])}
    assert wanted - there - OF_THE_STAGE - OF_DEPLOYKF == set(), "add an environment to tests/cluster"
