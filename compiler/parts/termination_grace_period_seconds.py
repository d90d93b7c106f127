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

if TYPE_CHECKING:
    from compiler.environment import Environment

_DEFAULT = 60
_MARGIN = 15
"""Of the grace period, what is not the server's own: 5 seconds in which endpoints are withdrawn, and 10 to end processes."""
_KEY = "terminationGracePeriodSeconds"
_OPTIONS = "MLFLOW_UVICORN_OPTS"

KEYS: dict[str, Schema] = {
    _KEY: integer("Seconds that uploads under way are waited for when a pod has to go.", 30, 86400, default=_DEFAULT)
}


def read(values: Mapping[str, Any], kind: Kind) -> int:
    """The grace period in seconds."""
    return int(values.get(_KEY, _DEFAULT))


def check(environment: Environment) -> Iterable[Finding]:
    """Options of the web server that are set by hand replace those that wait for uploads."""
    mlflow = environment.mlflow
    by_hand = _OPTIONS in mlflow.env or any(argument.startswith("--uvicorn-opts") for argument in mlflow.args)
    if by_hand and environment.termination_grace_period_seconds != _DEFAULT:
        message = f"{_KEY} is told to the web server in its options, and those are set by hand"
        hint = f"remove one of the two; by hand it is --timeout-graceful-shutdown, {_MARGIN} seconds shorter"
        yield Finding((_KEY,), "conflicting-keys", message, hint, at_key=True)


def plan(environment: Environment) -> Overlay:
    """The pod's grace period, and the web server's own, which is shorter."""
    seconds = environment.termination_grace_period_seconds
    if seconds == _DEFAULT:
        return Overlay()
    options = f"--timeout-graceful-shutdown {seconds - _MARGIN}"
    return Overlay(
        changes=(
            Change(SERVER, (*POD, _KEY), seconds, (_KEY,), "time to finish uploads"),
            setting(_OPTIONS, options, (_KEY,), "uploads are waited for, but not past the pod's grace period"),
        )
    )
