"""Where a value stands inside a document, and how to walk there.

A route is a tuple of steps from the root: mapping keys, list indexes, and `Named` steps, which pick the item of a list
by its `name` as Kubernetes does for containers, volumes and environment variables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Named:
    """The item of a list whose `name` is this."""

    name: str


Step = str | int | Named
Route = tuple[Step, ...]

ABSENT: Any = object()
"""What `follow` returns where a route leads nowhere; compare with `is`."""


def show(route: Route) -> str:
    """A route as a person writes it: `spec.containers[name=mlflow].args[0]`; the root is `(the whole)`."""
    text = ""
    for step in route:
        match step:
            case Named(name):
                text += f"[name={name}]"
            case int():
                text += f"[{step}]"
            case str():
                text += f".{step}" if text else step
    return text or "(the whole)"


def follow(document: Any, route: Route) -> Any:
    """The value at a route, or `ABSENT`."""
    here = document
    for step in route:
        here = _next(here, step)
        if here is ABSENT:
            return ABSENT
    return here


def _next(here: Any, step: Step) -> Any:
    if isinstance(step, Named):
        if isinstance(here, list):
            for item in here:
                if isinstance(item, dict) and item.get("name") == step.name:
                    return item
        return ABSENT
    if isinstance(step, int):
        return here[step] if isinstance(here, list) and -len(here) <= step < len(here) else ABSENT
    return here.get(step, ABSENT) if isinstance(here, dict) else ABSENT


def indexed(document: Any, route: Route) -> Route:
    """A route with its `Named` steps turned into the indexes that they have in a document."""
    steps: Route = ()
    for step in route:
        items = follow(document, steps)
        if isinstance(step, Named) and isinstance(items, list):
            index = next((index for index, item in enumerate(items) if item.get("name") == step.name), 0)
            steps = (*steps, index)
        else:
            steps = (*steps, step)
    return steps
