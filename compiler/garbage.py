"""Garbage collection: MLflow's own command, on a schedule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compiler import database
from compiler.cron import findings, keys, scheduled
from compiler.diagnostic import Finding
from compiler.oidc import Oidc
from compiler.overlay import CRON_POD, GC, Change, Overlay
from compiler.part import Schema, object_of, text
from compiler.route import Named, Route

if TYPE_CHECKING:
    from compiler.environment import Environment
    from compiler.parts.auth import Auth

_SCHEDULE = "0 3 * * 0"
_OLDER_THAN = "30d"
_BECAUSE: Route = ("maintenance", "gc")
WORKSPACES = "MLFLOW_ENABLE_WORKSPACES"
"""The variable that enables workspaces. Without `--all-workspaces`, `mlflow gc` cleans the default workspace only."""

KEY: Schema = object_of(
    "Deletes for good what was deleted long ago, with its artifacts.",
    {
        **keys(_SCHEDULE),
        "olderThan": text(
            "For how long something has to be deleted before it is gone for good.",
            "[1-9][0-9]{0,3}[dhm]",
            "a number of days, hours or minutes, like 30d",
            default=_OLDER_THAN,
        ),
    },
)


@dataclass(frozen=True)
class Gc:
    """When garbage is collected, and how old it is then."""

    schedule: str
    older_than: str
    suspend: bool


def read(given: Mapping[str, Any]) -> Gc:
    """The garbage collection that was asked for."""
    return Gc(given.get("schedule", _SCHEDULE), given.get("olderThan", _OLDER_THAN), given.get("suspend", False))


def check(environment: Environment, gc: Gc) -> Iterator[Finding]:
    """A schedule that never comes; a database, and a store, that no other pod can have its hands on."""
    yield from findings(gc.schedule, _BECAUSE)
    if environment.database.engine == "sqlite":
        message = "no other pod may write to SQLite, which is a file of the server's"
        hint = "remove it, and run mlflow gc in the server's pod: docs/language.md has the command"
        yield Finding(_BECAUSE, "wrong-kind", message, hint, at_key=True)
    elif environment.mlflow.mode == "direct":
        message = "artifacts are deleted through the server, which has no part in them with mlflow.mode: direct"
        hint = "remove it, and run mlflow gc where the clients' credentials are"
        yield Finding(_BECAUSE, "conflicting-keys", message, hint, at_key=True)
    for there, key, why in (
        (isinstance(environment.auth, Oidc), "auth.mode: oidc", "the proxy wants a token, and the job has none"),
        (environment.database.engine == "mssql", "database.engine: mssql", "the job reads no password for it"),
        (
            environment.mlflow.mode == "split" and not environment.way_in,
            "mlflow.mode: split without a public host",
            "artifacts are located at the server of artifacts, which the job may not reach",
        ),
        (environment.tls, "tls", "the job does not know the authority that signed the server's certificate"),
    ):
        if there:
            message = f"maintenance.gc does not go with {key}: {why}"
            hint = "remove it, and run mlflow gc in the server's pod: docs/language.md has the command"
            yield Finding(_BECAUSE, "conflicting-keys", message, hint, at_key=True)


def plan(environment: Environment, gc: Gc) -> Overlay:
    """The job, and what it needs to reach the database and the server."""
    login = ("maintenance-gc-login",) if _login(environment) else ()
    return Overlay(components=("maintenance-gc", *login), changes=(*_asked(environment, gc), *_reached(environment)))


def _login(environment: Environment) -> Auth | None:
    """MLflow's own login, if there is one."""
    return None if isinstance(environment.auth, Oidc) else environment.auth


def _asked(environment: Environment, gc: Gc) -> Iterator[Change]:
    yield from scheduled(GC, gc.schedule, suspend=gc.suspend, because=_BECAUSE)
    container = (*CRON_POD, "containers", Named("gc"))
    older = ["--older-than", gc.older_than]
    if environment.mlflow.env.get(WORKSPACES, "").lower() in ("true", "1"):
        why = "for how long it is deleted then, in every workspace"
        yield Change(GC, (*container, "args"), [*older, "--all-workspaces"], ("mlflow", "env", WORKSPACES), why)
    else:
        yield Change(GC, (*container, "args"), older, (*_BECAUSE, "olderThan"), "for how long it is deleted then")
    server = f"http://mlflow:{environment.service.port}{environment.mlflow.static_prefix}"
    variable = (*container, "env", Named("MLFLOW_TRACKING_URI"), "value")
    yield Change(GC, variable, server, ("service", "port"), "the server, through which artifacts are deleted")


def _reached(environment: Environment) -> Iterator[Change]:
    """Names of Secrets, and when images are pulled."""
    mysql = environment.database.engine == "mysql"
    steps = [("initContainers", "wait-for-schema"), ("containers", "gc")]
    pulled = [("initContainers", "option-file"), *steps] if mysql else steps
    if environment.mlflow.pull_policy != "IfNotPresent":
        for group, name in pulled:
            route = (*CRON_POD, group, Named(name), "imagePullPolicy")
            because: Route = ("mlflow", "image", "pullPolicy")
            yield Change(GC, route, environment.mlflow.pull_policy, because, "when the image is pulled")
    readers, variable = (pulled[:1], "MYSQL_PWD") if mysql else (steps, "PGPASSWORD")
    for group, name in readers:
        yield from database.password(environment.database, GC, (*CRON_POD, group, Named(name), "env", Named(variable)))
    yield from database.authority(environment.database, GC, CRON_POD)
    if login := _login(environment):
        asked = (*CRON_POD, "containers", Named("gc"), "env", Named("MLFLOW_TRACKING_PASSWORD"))
        route = (*asked, "valueFrom", "secretKeyRef", "name")
        secret, because = login.existing_secret, ("auth", "existingSecret")
        yield Change(GC, route, secret, because, "the administrator's password")
