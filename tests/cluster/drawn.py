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

from compiler.diagnostic import Severity
from compiler.kinds import KINDS
from compiler.part import Schema
from compiler.route import ABSENT, Route, follow
from compiler.schema import environment_schema, fits
from compiler.system import SYSTEMS, foreign
from tests.schema_values import values_of

Values = dict[str, Any]
TRIES = 60
"""After so many keys were removed, there is hardly anything left."""


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
        """Environments without end, each as it was drawn, and without what contradicts the rest of it."""
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
