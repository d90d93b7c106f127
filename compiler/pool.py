"""How many connections a process of the server may hold, so that all together fit what the database has.

Each process of MLflow keeps a pool of connections for each store that it opens: runs, the registry, in whichever database of
the same server, and users where there is a login. A pool holds up to POOL_SIZE connections and opens up to MAX_OVERFLOW more;
SQLAlchemy's own 5 and 10 make 30 for a process. The parent of the processes keeps a connection of
each store, and one with which it looked at the schema.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compiler.diagnostic import Finding, Severity
from compiler.overlay import POD, Change, Ref, setting
from compiler.route import Named, Route

if TYPE_CHECKING:
    from compiler.environment import Environment

SIZE, OVERFLOW = 5, 10
"""What SQLAlchemy does by itself: more is never asked for."""
LEAST = 3
"""The fewest of a pool: a request that holds one may need another, and MLflow cannot turn the overflow off."""
JOBS = 10
"""What is left to the job runner and its seven consumers together. At rest they hold 2; each opens more while it works."""
PARENT = 1
"""What the parent of the processes holds beside one connection for each store."""
SURGE = 1
"""Pods of the new version that stand beside the old ones while a version is rolled out."""
RESERVE = 5
"""Of all, what is left to the migration and to containers that wait for it."""


_CONNECTIONS = {"postgres": 90, "mysql": 140}
"""What the databases in the cluster have, less ten for their own superuser."""
_CONNECTIONS_OUTSIDE = 95
"""What PostgreSQL has by itself, 100, less those of its superuser and some more."""
_CONNECTIONS_INSIDE = 500
"""The most that one in the cluster is given."""
_SUPERUSER = 10
_COMFORT = 6
"""What a pool in the cluster has, where nothing else is said."""
_MEMORY = {"postgres": 1024, "mysql": 1536}
"""The memory of the databases in the cluster, in MiB, and of each connection beyond those that it is for."""
_MEMORY_EACH = 8


@dataclass(frozen=True)
class Demand:
    """Who opens connections: pods, processes and jobs in each, and the stores that each process opens."""

    pods: int
    workers: int
    jobs: bool
    stores: int
    beside: tuple[int, int] = (0, 0)
    """Pods of the server of artifacts, and processes in each, where they look users up."""

    @property
    def processes(self) -> int:
        """The processes that serve, in all pods."""
        return self.pods * self.workers + math.prod(self.beside)

    def most(self, each: int) -> int:
        """The most connections that there can be at once where each pool holds so many."""
        pod = self.stores * (1 + self.workers * each) + PARENT + (JOBS if self.jobs else 0)
        pods, workers = self.beside
        beside = (pods + SURGE) * (1 + workers * each + PARENT) if pods else 0
        return RESERVE + (self.pods + SURGE) * pod + beside

    def share(self, limit: int) -> int:
        """The connections of each pool that fit a limit; below LEAST, the limit is too low."""
        fitting = (each for each in range(SIZE + OVERFLOW, 0, -1) if self.most(each) <= limit)
        return next(fitting, 0)


def split(share: int) -> tuple[int, int]:
    """POOL_SIZE and MAX_OVERFLOW for a pool: most of it is kept open. Neither is 0, which MLflow takes for "not set"."""
    size = min(SIZE, share - 1)
    return size, share - size


def _demand(environment: Environment) -> Demand:
    """Who opens connections: the stores are runs, the registry, and users where there is a login."""
    scaling, mlflow = environment.autoscaling, environment.mlflow
    pods = scaling.most if scaling else environment.replicas
    if not environment.users_database:
        return Demand(pods, mlflow.workers, mlflow.jobs, stores=2)
    artifacts = environment.artifact_server
    beside = (artifacts.most, artifacts.workers) if mlflow.mode == "split" else (0, 0)
    return Demand(pods, mlflow.workers, mlflow.jobs, stores=3, beside=beside)


def _limit(environment: Environment) -> int:
    """The connections that the database has: as it was said; in the cluster what the processes need; elsewhere a guess."""
    database = environment.database
    if database.max_connections is not None:
        return database.max_connections
    if database.host:
        return _CONNECTIONS_OUTSIDE
    least = _CONNECTIONS.get(database.engine, _CONNECTIONS_OUTSIDE)
    return max(least, min(_demand(environment).most(_COMFORT), _CONNECTIONS_INSIDE))


def findings(environment: Environment) -> Iterator[Finding]:
    """Processes that the database has too few connections for, and more connections than one in the cluster is given."""
    database, demand, limit = environment.database, _demand(environment), _limit(environment)
    given = database.max_connections is not None
    route: Route = ("database", "maxConnections") if given else ("database",)
    if not database.host and limit > _CONNECTIONS_INSIDE:
        message = f"the {database.engine} in the cluster has at most {_CONNECTIONS_INSIDE} connections for MLflow"
        yield Finding(route, "too-few-connections", message, "lower it, or use a database of yours")
    elif demand.share(limit) < LEAST:
        needed = demand.most(LEAST)
        message = (
            f"{demand.processes} processes of the server, and those of one more pod while a version is rolled out, "
            f"need {needed} connections, and the database has {limit}{'' if given or not database.host else ' perhaps'}"
        )
        hint = f"set database.maxConnections to {needed} or more where it has them, or lower pods or workers"
        severity = Severity.ERROR if given or not database.host else Severity.WARNING
        yield Finding(route, "too-few-connections", message, hint, severity)


def settings(environment: Environment) -> Iterator[Change]:
    """The pool of each process, such that all of them fit."""
    size, overflow = split(max(_demand(environment).share(_limit(environment)), LEAST))
    because: Route = ("database", "maxConnections")
    yield setting("MLFLOW_SQLALCHEMYSTORE_POOL_SIZE", str(size), because, "connections that each process keeps")
    yield setting("MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW", str(overflow), because, "and opens beyond them, under load")


def room(store: Ref, environment: Environment) -> Iterator[Change]:
    """Connections, and memory for each of them, where there are to be more than the base has."""
    database, limit = environment.database, _limit(environment)
    more = limit - _CONNECTIONS[database.engine]
    if more <= 0:
        return
    because: Route = ("database", "maxConnections")
    container = (*POD, "containers", Named(database.engine))
    most = str(limit + _SUPERUSER)
    yield Change(
        store, (*container, "env", Named("MAX_CONNECTIONS"), "value"), most, because, "ten more for its superuser"
    )
    memory = f"{_MEMORY[database.engine] + more * _MEMORY_EACH}Mi"
    yield Change(store, (*container, "resources", "limits", "memory"), memory, because, "room for each connection")
