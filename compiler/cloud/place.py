"""Where in its store an environment reads and writes, and what the store keeps there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from compiler import backup

if TYPE_CHECKING:
    from compiler.environment import Environment
    from compiler.lifecycle import Lifecycle

_NONCURRENT_DAYS = 30
_INCOMPLETE_DAYS = 7
_FIRST = "artifacts"


@dataclass(frozen=True)
class Place:
    """A path of a bucket or container that is read and written. `what` lies there, as artifacts or backups of `system`."""

    what: str
    bucket: str
    prefix: str
    system: str = "mlflow"

    @property
    def start(self) -> str:
        """What every name of an object there starts with: `team-1/`, which is no beginning of `team-10/`."""
        return f"{self.prefix}/" if self.prefix else ""

    @property
    def rule(self) -> str:
        """The name of its rule in the lifecycle of a bucket; environments that share a bucket have different ones."""
        return f"{self.system}-{self.what}" + (f":{self.prefix}" if self.prefix else "")


@dataclass(frozen=True)
class Bucket:
    """A bucket or container with its places. `what` lies in the first of them, and no other bucket has that as its first."""

    name: str
    what: str
    places: tuple[Place, ...]

    def file(self, about: str, kind: str = "json") -> str:
        """The name of a file about it, as `lifecycle.json` and `lifecycle-backups.json`."""
        return f"{about}.{kind}" if self.what == _FIRST else f"{about}-{self.what}.{kind}"


@dataclass(frozen=True)
class Kept:
    """What a store keeps that nobody reads any more, and how long; `noncurrent_days` is None where there are no versions."""

    versioning: bool
    noncurrent_days: int | None
    incomplete_days: int


def places(environment: Environment) -> tuple[Place, ...]:
    """The places of an environment of MLflow: that of artifacts, and that of backups where there are any."""
    found = [_place(_FIRST, environment.artifacts.uri)]
    if environment.maintenance.backup:
        found.append(_place("backups", backup.place(environment, environment.maintenance.backup)))
    return tuple(found)


def _place(what: str, uri: str) -> Place:
    url = urlsplit(uri)
    return Place(what, url.username or url.netloc, url.path.strip("/"))


def buckets(environment: Environment) -> tuple[Bucket, ...]:
    """The buckets of an environment of MLflow, that of artifacts first."""
    return grouped(places(environment))


def grouped(places: Sequence[Place]) -> tuple[Bucket, ...]:
    """The buckets that places are in, that of the first place first."""
    found = {name: [place for place in places if place.bucket == name] for name in (each.bucket for each in places)}
    return tuple(Bucket(name, inside[0].what, tuple(inside)) for name, inside in found.items())


def kept(environment: Environment) -> Kept:
    """What the store of an environment of MLflow keeps."""
    return keeps(environment.artifacts.settings.lifecycle)


def keeps(asked: Lifecycle) -> Kept:
    """What a store keeps: `artifacts.versioning` and `artifacts.lifecycle`, or else the defaults."""
    versioning = asked.versioning is not False
    noncurrent = asked.noncurrent_days or _NONCURRENT_DAYS
    return Kept(versioning, noncurrent if versioning else None, asked.incomplete_days or _INCOMPLETE_DAYS)


def account(environment: Environment) -> str:
    """The name of the ServiceAccount of the server's pods."""
    return str(environment.service_account.name)
