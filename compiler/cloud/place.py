"""Where the server may write in the store of an environment, and what the store keeps there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from compiler import backup

if TYPE_CHECKING:
    from compiler.environment import Environment

_NONCURRENT_DAYS = 30
_INCOMPLETE_DAYS = 7


@dataclass(frozen=True)
class Place:
    """A path of a bucket or container that the server reads and writes. `what` lies there: artifacts or backups."""

    what: str
    bucket: str
    prefix: str

    @property
    def start(self) -> str:
        """What every name of an object there starts with: `team-1/`, which is no beginning of `team-10/`."""
        return f"{self.prefix}/" if self.prefix else ""

    @property
    def rule(self) -> str:
        """The name of its rule in the lifecycle of a bucket; environments that share a bucket have different ones."""
        return f"mlflow-{self.what}" + (f":{self.prefix}" if self.prefix else "")


@dataclass(frozen=True)
class Kept:
    """What a store keeps that nobody reads any more, and how long; `noncurrent_days` is None where there are no versions."""

    versioning: bool
    noncurrent_days: int | None
    incomplete_days: int


def places(environment: Environment) -> tuple[Place, ...]:
    """The places of an environment: that of artifacts, and that of backups where there are any."""
    found = [_place("artifacts", environment.artifacts.uri)]
    if environment.maintenance.backup:
        found.append(_place("backups", backup.place(environment, environment.maintenance.backup)))
    return tuple(found)


def _place(what: str, uri: str) -> Place:
    url = urlsplit(uri)
    return Place(what, url.username or url.netloc, url.path.strip("/"))


def buckets(environment: Environment) -> dict[str, tuple[Place, ...]]:
    """The places in each bucket, the bucket of artifacts first."""
    every = places(environment)
    names = dict.fromkeys(place.bucket for place in every)
    return {name: tuple(place for place in every if place.bucket == name) for name in names}


def kept(environment: Environment) -> Kept:
    """What the store keeps: `artifacts.versioning` and `artifacts.lifecycle`, or else the defaults."""
    asked = environment.artifacts.settings.lifecycle
    versioning = asked.versioning is not False
    noncurrent = asked.noncurrent_days or _NONCURRENT_DAYS
    return Kept(versioning, noncurrent if versioning else None, asked.incomplete_days or _INCOMPLETE_DAYS)


def account(environment: Environment) -> str:
    """The name of the ServiceAccount of the server's pods."""
    return str(environment.service_account.name)
