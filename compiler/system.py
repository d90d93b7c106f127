"""What an overlay can install, MLflow or Kubeflow Pipelines: each with parts of the language of its own.

environment -> check -> plan
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from compiler import environment, plan
from compiler.diagnostic import Finding
from compiler.environment import Environment
from compiler.kind import Kind
from compiler.kind import System as Name
from compiler.kubeflow.installation import Installation
from compiler.kubeflow.parts import PARTS as PIPELINES
from compiler.kubeflow.parts import installation
from compiler.overlay import Overlay
from compiler.part import Part, Schema
from compiler.parts import PARTS as MLFLOW
from compiler.waive import expired

Asked = TypeVar("Asked")


@dataclass(frozen=True)
class System(Generic[Asked]):
    """What an overlay can install. `check` takes the day as YYYY-MM-DD, or nothing where no waiver has expired."""

    words: str
    parts: Mapping[str, Part[Asked]]
    read: Callable[[str, Mapping[str, Any], bool], Asked]
    check: Callable[[Asked, str], Iterable[Finding]]
    plan: Callable[[Asked], Overlay]

    @property
    def keys(self) -> set[str]:
        """The keys of the top that its parts own."""
        return {"overlay", *(key for part in self.parts.values() for key in part.KEYS)}


def _mlflow(asked: Environment, today: str) -> Iterable[Finding]:
    return [*plan.check(asked), *expired(asked.waivers, today)]


def _pipelines(asked: Installation, _: str) -> Iterable[Finding]:
    return [finding for part in PIPELINES.values() for finding in part.check(asked)]


def _installed(asked: Installation) -> Overlay:
    return sum((part.plan(asked) for part in PIPELINES.values()), Overlay(custom=asked.custom))


SYSTEMS: dict[Name, System[Any]] = {
    "mlflow": System("MLflow", MLFLOW, environment.environment, _mlflow, plan.plan),
    "pipelines": System("Kubeflow Pipelines", PIPELINES, installation, _pipelines, _installed),
}
"""Every system, by the word that kinds have for it."""


def keys() -> dict[str, Schema]:
    """The keys of all systems. One that several have takes what any of them takes in it."""
    found: dict[str, Schema] = {}
    for system in SYSTEMS.values():
        for key, schema in ((key, schema) for part in system.parts.values() for key, schema in part.KEYS.items()):
            inner = found.get(key, schema).get("properties")
            found[key] = (
                schema if inner is None else {**found.get(key, schema), "properties": inner | schema["properties"]}
            )
    return found


def foreign(kind: Kind, values: Mapping[str, Any]) -> Iterator[Finding]:
    """Finds keys that belong to another system than the kind's."""
    own = SYSTEMS[kind.system]
    for key in values:
        if key not in own.keys:
            owners = " and ".join(each.words for each in SYSTEMS.values() if key in each.keys)
            message = f"{key} is a key of {owners}, and '{kind.name}' installs {own.words}"
            yield Finding((key,), "wrong-kind", message, "remove it, or use another overlay", at_key=True)
    for key, part in own.parts.items():
        inside = part.KEYS.get(key, {}).get("properties", {})
        # The stores of MLflow say this of their keys themselves.
        for name in values.get(key, {}) if inside and kind.system == "pipelines" else ():
            if name not in inside:
                message = f"{key}.{name} means nothing to '{kind.name}'"
                yield Finding((key, name), "wrong-kind", message, "remove it, or use another overlay", at_key=True)
