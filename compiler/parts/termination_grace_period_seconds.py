"""How long a pod of the server that has to go may finish what it is doing.

A drain, a roll-out or a scale-down ends pods. Uploads and downloads under way are finished, new requests go elsewhere, and what
is still under way at the end is cut off. So it should be as long as the largest artifact takes to upload. It costs nothing where
nothing is under way: the pod ends at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from compiler.diagnostic import Finding
from compiler.kind import Kind
from compiler.overlay import POD, SERVER, Change, Overlay, setting
from compiler.part import Schema, integer
from compiler.route import Route

if TYPE_CHECKING:
    from compiler.environment import Environment

_DEFAULT = 60
_MARGIN = 15
"""Of the grace period, what is not the server's own: 5 seconds in which endpoints are withdrawn, and 10 to end processes."""
_KEEP_ALIVE = 620
"""Seconds that idle connections are kept, as in the base."""
_KEY = "terminationGracePeriodSeconds"
_OPTIONS = "MLFLOW_UVICORN_OPTS"

KEYS: dict[str, Schema] = {
    _KEY: integer("Seconds that uploads under way are waited for when a pod has to go.", 30, 86400, default=_DEFAULT)
}


def read(values: Mapping[str, Any], kind: Kind) -> int:
    """The grace period in seconds."""
    return int(values.get(_KEY, _DEFAULT))


def _by_hand(environment: Environment) -> bool:
    mlflow = environment.mlflow
    return _OPTIONS in mlflow.env or any(argument.startswith("--uvicorn-opts") for argument in mlflow.args)


def check(environment: Environment) -> Iterable[Finding]:
    """Options of the web server that are set by hand replace those that wait for uploads."""
    if _by_hand(environment) and environment.termination_grace_period_seconds != _DEFAULT:
        message = f"{_KEY} is told to the web server in its options, and those are set by hand"
        hint = f"remove one of the two; by hand it is --timeout-graceful-shutdown, {_MARGIN} seconds shorter"
        yield Finding((_KEY,), "conflicting-keys", message, hint, at_key=True)


def plan(environment: Environment) -> Overlay:
    """The pod's grace period, and the web server's options: its own period, which is shorter, and how much it logs."""
    seconds, level = environment.termination_grace_period_seconds, environment.mlflow.log_level
    changes = []
    because: Route = ("mlflow", "logLevel")
    why = "its lines are those of the web server too"
    if seconds != _DEFAULT:
        changes.append(Change(SERVER, (*POD, _KEY), seconds, (_KEY,), "time to finish uploads"))
        because, why = (_KEY,), "uploads are waited for, but not past the pod's grace period"
    if changes or (level != "INFO" and not _by_hand(environment)):
        changes.append(setting(_OPTIONS, _options(seconds, level), because, why))
    return Overlay(changes=tuple(changes))


def _options(seconds: int, level: str) -> str:
    """Options replace those of the base, so all of them are here."""
    options = f"--timeout-graceful-shutdown {seconds - _MARGIN} --timeout-keep-alive {_KEEP_ALIVE}"
    return options if level == "INFO" else f"{options} --log-level {level.lower()}"
