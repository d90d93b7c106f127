"""Random environments of all kinds, drawn from the JSON Schema of the language, the same ones for the same seed.

hypothesis draws values for each key, from the patterns too; environments are then put together from those. hypothesis-jsonschema
would draw whole environments, but it has had no release since 2024, and it multiplies out the conditions of all kinds.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from jsonschema_rs import Draft7Validator

from compiler.diagnostic import Severity
from compiler.kinds import KINDS
from compiler.part import Schema
from compiler.route import ABSENT, Route, follow
from compiler.schema import environment_schema, fits
from compiler.system import SYSTEMS, foreign

Values = dict[str, Any]
CONDITIONS = {"allOf", "minProperties", "maxProperties"}
LONGEST = 3
"""The most items of a list, and the most entries of a mapping with names of its own."""
TRIES = 60
"""After so many keys that were taken out, there is hardly anything left."""


def values_of(schema: Schema) -> st.SearchStrategy[Any]:
    """Draws what a fragment of the schema admits."""
    drawn = _values_of(schema)
    known = [*schema.get("examples", ()), *([schema["default"]] if "default" in schema else ())]
    if known and schema.get("type") != "object":
        drawn = st.one_of(drawn, drawn, st.sampled_from(known))
    return drawn.filter(Draft7Validator(schema).is_valid) if CONDITIONS & schema.keys() else drawn


def _values_of(schema: Schema) -> st.SearchStrategy[Any]:
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema["type"]:
        case "boolean":
            return st.booleans()
        case "integer":
            least, most = schema["minimum"], schema["maximum"]
            return st.one_of(st.integers(least, most), st.integers(least, min(least + 3, most)), st.just(most))
        case "string":
            return st.from_regex(schema["pattern"]).filter(Draft7Validator(schema).is_valid)
        case "array":
            most = min(schema.get("maxItems", LONGEST), LONGEST)
            unique = repr if schema.get("uniqueItems") else None
            return st.lists(
                values_of(schema["items"]), min_size=schema.get("minItems", 0), max_size=most, unique_by=unique
            )
        case _:
            return _mappings(schema)


def _mappings(schema: Schema) -> st.SearchStrategy[Any]:
    fields, required = schema.get("properties"), schema.get("required", ())
    if fields is None:
        names = schema.get("propertyNames", {"pattern": "^[a-z]{1,9}$"})
        keys = values_of({"type": "string", **names})
        return st.dictionaries(keys, values_of(schema["additionalProperties"]), max_size=LONGEST)
    drawn = {key: values_of(inner) for key, inner in fields.items()}
    return st.fixed_dictionaries(
        {key: drawn[key] for key in required}, optional={key: drawn[key] for key in drawn if key not in required}
    )


def pool(schema: Schema, count: int, start: int) -> list[Any]:
    """So many values that a fragment of the schema admits, the same ones for the same start."""
    found: list[Any] = []

    @seed(start)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(values_of(schema))
    def collect(value: Any) -> None:
        found.append(value)

    collect()
    return found


class Drawer:
    """Puts environments together from pools of values for each key. In: how many of each, and a number to start from."""

    def __init__(self, count: int, start: int) -> None:
        self.random = random.Random(start)
        self.schema = environment_schema()
        fields = self.schema["properties"]
        self.pools = {key: pool(schema, count, start) for key, schema in fields.items() if key != "overlay"}
        routes = {route for kind in KINDS.values() for route in kind.requires}
        self.demanded = {route: pool(self._at(route), count, start) for route in sorted(routes)}

    def _at(self, route: Route) -> Schema:
        here = self.schema
        for step in route:
            here = here["properties"][str(step)]
        return here

    def environments(self) -> Iterator[tuple[Values, Values]]:
        """Environments without end, each as it was drawn, and with what contradicts the rest of it taken out."""
        while True:
            for kind in KINDS:
                drawn = self._one(kind)
                assert fits(drawn), drawn
                clean = self._agreeing(copy.deepcopy(drawn))
                if clean is not None:
                    yield drawn, clean

    def _one(self, kind: str) -> Values:
        share = self.random.uniform(0.1, 0.8)
        own = SYSTEMS[KINDS[kind].system].keys - {"overlay"}
        values: Values = {"overlay": kind}
        for key in sorted(own):
            if self.random.random() < share:
                values[key] = copy.deepcopy(self.random.choice(self.pools[key]))
        # A directory, and another environment, that are not there.
        for key in ("base", "mlflow"):
            values.get("pipelines", {}).pop(key, None)
        if values.get("pipelines") == {}:
            del values["pipelines"]
        for route in KINDS[kind].requires:
            here: Any = values
            for step in route[:-1]:
                here = here.setdefault(step, {})
            here.setdefault(route[-1], self.random.choice(self.demanded[route]))
        return values

    def _agreeing(self, values: Values) -> Values | None:
        """Values of which every finding is a warning; None where what is demanded contradicts itself."""
        kind = KINDS[values["overlay"]]
        system = SYSTEMS[kind.system]
        for _ in range(TRIES):
            asked = system.read("drawn", values, False)
            found = [*foreign(kind, values), *system.check(asked, "")]
            routes = sorted({each.route for each in found if each.severity is Severity.ERROR}, key=repr)
            if not routes:
                return values
            shorter = _without(values, self.random.choice(routes))
            if shorter is None:
                return None
            values = shorter
        return None


def _without(values: Values, route: Route) -> Values | None:
    """Values without what is at a route, or as much more as the schema asks for; None where nothing is left to take out."""
    while route:
        holder = follow(values, route[:-1])
        if holder is not ABSENT and follow(values, route) is not ABSENT:
            less = copy.deepcopy(values)
            del follow(less, route[:-1])[route[-1]]
            if fits(less):
                return less
        route = route[:-1]
    return None
