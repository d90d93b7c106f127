"""The registry of models in a database of its own, beside that of runs: on the same server, under the same user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from compiler.database import NAME, NAME_WORDS, RESERVED
from compiler.diagnostic import Finding
from compiler.overlay import POD, Change, Overlay, Ref, setting
from compiler.part import Schema, object_of, text
from compiler.route import Named, Route

if TYPE_CHECKING:
    from compiler.environment import Environment

_DEFAULT = "mlflow_registry"
_BECAUSE: Route = ("database", "registry")

KEY: Schema = object_of(
    "Keeps registered models in a database of their own, on the same server.",
    {"name": text("That database.", NAME, NAME_WORDS, default=_DEFAULT)},
)


def read(given: Mapping[str, Any]) -> str | None:
    """The database of registered models, where it is not that of runs. In: the keys of `database`."""
    registry = given.get("registry")
    return None if registry is None else str(registry.get("name", _DEFAULT))


def check(environment: Environment) -> Iterator[Finding]:
    """One database for two, a name that is taken, and what MLflow would read from the wrong place."""
    database, name = environment.database, environment.database.registry
    if name is None:
        return
    for other, whose in ((database.name, "runs"), (environment.users_database, "users")):
        if name == other:
            message = f"{whose} and registered models would share the database {name}"
            yield Finding(_BECAUSE, "conflicting-keys", message, "name another, or leave database.registry out")
    if name in RESERVED.get(database.engine, ()):
        message = f"{database.engine} keeps the name '{name}' for itself"
        yield Finding(_BECAUSE, "reserved-name", message, f"choose another, like {_DEFAULT}")
    if database.read_host:
        message = "MLflow reads registered models from the replica of the runs' database too, which has none of them"
        yield Finding(_BECAUSE, "conflicting-keys", message, "remove registry or readHost", at_key=True)
    if database.engine == "mssql":
        message = "on SQL Server, registered models in a database of their own are not proved"
        yield Finding(_BECAUSE, "conflicting-keys", message, "use postgres or mysql, or remove it", at_key=True)


def plan(environment: Environment) -> Overlay:
    """Where registered models are, and a database in the cluster that creates it."""
    database, name = environment.database, environment.database.registry
    if name is None:
        return Overlay()
    why = "the database of registered models, without its password"
    changes = [setting("MLFLOW_REGISTRY_STORE_URI", database.uri_of(name), _BECAUSE, why)]
    if database.in_cluster:
        store = Ref("apps/v1", "StatefulSet", database.engine)
        route = (*POD, "initContainers", Named("create"), "env", Named("MLFLOW_REGISTRY_DATABASE"), "value")
        changes.append(Change(store, route, name, _BECAUSE, "the database of registered models that is created"))
    return Overlay(changes=tuple(changes))
