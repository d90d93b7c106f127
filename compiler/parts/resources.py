"""What a pod of the server may use.

Memory is worked out from measurements of the MLflow version, by workers and job execution, so it is seldom written by hand. A
limit that the measured server does not fit into is refused: it would be killed under load. Uploads pass through /tmp on their
way to the store, so it has room for two of the largest (`ingress.maxUploadSize`), and for 10 GiB at least.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compiler import footprint
from compiler.diagnostic import Finding
from compiler.kind import Kind
from compiler.overlay import POD, SERVER, Change, Overlay
from compiler.part import Schema, kibibytes, object_of, quantity, text
from compiler.route import Named, Route

if TYPE_CHECKING:
    from compiler.environment import Environment


def _amounts(description: str) -> Schema:
    return object_of(
        description,
        {
            "cpu": text(
                "Processor time.",
                r"[1-9][0-9]*m|[0-9]*[1-9][0-9]*(?:\.[0-9]+)?|0\.[0-9]*[1-9][0-9]*",
                "an amount like 500m, 2 or 0.5",
                maxLength=16,
            ),
            "memory": quantity("Memory."),
            "ephemeral-storage": quantity("Disk of the node, which uploads pass through."),
        },
    )


KEYS: dict[str, Schema] = {
    "resources": object_of(
        "What a pod of the server may use. Memory is worked out unless it is set.",
        {"requests": _amounts("What the pod is given."), "limits": _amounts("What it may use at most.")},
    )
}


@dataclass(frozen=True)
class Resources:
    """What was set by hand: amounts by name."""

    requests: dict[str, str]
    limits: dict[str, str]


def read(values: Mapping[str, Any], kind: Kind) -> Resources:
    """The amounts that were set."""
    given = values.get("resources", {})
    return Resources(dict(sorted(given.get("requests", {}).items())), dict(sorted(given.get("limits", {}).items())))


def check(environment: Environment) -> Iterable[Finding]:
    """A limit that kills the server, and a request above its limit."""
    resources, mlflow = environment.resources, environment.mlflow
    needed = footprint.peak(mlflow.version, mlflow.workers, jobs=mlflow.jobs)
    limit = resources.limits.get("memory")
    if limit and kibibytes(limit) < needed * 1024:
        yield Finding(
            ("resources", "limits", "memory"),
            "memory-too-small",
            f"MLflow {footprint.measured(mlflow.version)} with {mlflow.workers} workers{' and jobs' if mlflow.jobs else ''} "
            f"was measured at {needed}Mi under load; a limit of {limit} kills it",
            "remove the limit, which is then worked out, or lower mlflow.workers",
        )
    amounts = _worked_out(environment)
    for name in sorted(resources.requests):
        if _size(name, amounts["requests"][name]) > _size(name, amounts["limits"][name]):
            request, most = amounts["requests"][name], amounts["limits"][name]
            message = f"the request of {request} {name} is above the limit of {most}"
            yield Finding(("resources", "requests", name), "request-above-limit", message, "raise the limit too")


def _size(name: str, amount: str) -> float:
    if name == "cpu":
        return float(amount[:-1]) / 1000 if amount.endswith("m") else float(amount)
    return kibibytes(amount)


def _tmp_gib(environment: Environment) -> int:
    return footprint.room(environment.way_in.max_upload_size if environment.way_in else None)


def _worked_out(environment: Environment) -> dict[str, dict[str, str]]:
    mlflow = environment.mlflow
    request, limit = footprint.memory(mlflow.version, mlflow.workers, jobs=mlflow.jobs)
    disk = _tmp_gib(environment)
    requests = {"cpu": "250m", "memory": f"{request}Mi", "ephemeral-storage": "1Gi"} | environment.resources.requests
    limits = {"cpu": str(max(2, mlflow.workers)), "memory": f"{limit}Mi", "ephemeral-storage": f"{disk + 2}Gi"}
    given = environment.resources
    limits |= given.limits
    for name in given.limits.keys() - given.requests.keys():
        # A low limit pulls a request down that nobody set.
        if _size(name, limits[name]) < _size(name, requests[name]):
            requests[name] = limits[name]
    return {"requests": requests, "limits": limits}


def plan(environment: Environment) -> Overlay:
    """Requests, limits and the room in /tmp."""
    return Overlay(changes=tuple(_changes(environment)))


def _changes(environment: Environment) -> Iterator[Change]:
    server = (*POD, "containers", Named("mlflow"), "resources")
    mlflow, given = environment.mlflow, environment.resources
    for group, amounts in _worked_out(environment).items():
        for name, amount in amounts.items():
            by_hand = name in (given.requests if group == "requests" else given.limits)
            because: Route = ("resources", group, name) if by_hand else ("mlflow", "workers")
            why = "set by hand"
            if not by_hand:
                jobs = "with" if mlflow.jobs else "without"
                why = f"measured with {mlflow.workers} workers {jobs} jobs" if name == "memory" else "the default"
            yield Change(SERVER, (*server, group, name), amount, because, why)
    size = f"{_tmp_gib(environment)}Gi"
    room = (*POD, "volumes", Named("tmp"), "emptyDir", "sizeLimit")
    yield Change(SERVER, room, size, ("ingress", "maxUploadSize"), "room for two of the largest uploads")
