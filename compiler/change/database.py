"""Runs and users that stay in a database while MLflow opens another, and databases that do not start.

PostgreSQL does not open a data directory of another major version (https://www.postgresql.org/docs/current/upgrading.html).
MySQL opens one of the series before, and never one of a later version
(https://dev.mysql.com/doc/refman/8.4/en/upgrade-paths.html, https://dev.mysql.com/doc/refman/8.4/en/downgrading.html).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from compiler.change.consequence import Consequence, Difference, Outcome
from compiler.change.pair import Pair
from compiler.change.settings import Side, causes
from compiler.database import IMAGES
from compiler.overlay import POD, SETTINGS
from compiler.route import Named, Route
from compiler.workload import image_name

_RUNS, _REGISTRY = "MLFLOW_BACKEND_STORE_URI", "MLFLOW_REGISTRY_STORE_URI"
_STORES = {
    _RUNS: "runs, parameters, metrics and models stay",
    _REGISTRY: "registered models stay",
    "MLFLOW_AUTH_DATABASE_URI": "users and their permissions stay",
}
_CREATED: Route = (*POD, "initContainers", Named("create"), "env")
_ONCE = {"MLFLOW_USER": "role", "MLFLOW_DATABASE": "database"}
_SERIES = ((5, 7), (8, 0), (8, 4), (9, 7))
"""MySQL's series of long support: a data directory goes up one step at a time."""


def stranded(pairs: Sequence[Pair], before: Side, after: Side) -> Iterator[Consequence]:
    """What stays in a database that is no longer opened."""
    for name, what in _STORES.items():
        old, new = _opened(before.settings, name), _opened(after.settings, name)
        if not (before.settings.get(name) or after.settings.get(name)):
            continue
        if old and new and _place(old) != _place(new):
            message = f"{what} in {_shown(old)}, and the server opens {_shown(new)}"
            hint = "unless that is the same database under another name: back it up, and load the backup there before it is used"
            yield Consequence(Outcome.STRANDED, SETTINGS, message, hint, causes(pairs, name))
    if before.settings.get("MLFLOW_AUTH_DATABASE_URI") and not after.settings.get("MLFLOW_AUTH_DATABASE_URI"):
        message = (
            "there is no login any more: whoever reaches the server may do everything; its users stay in their database"
        )
        found = causes(pairs, "MLFLOW_AUTH_DATABASE_URI")
        yield Consequence(Outcome.CHANGED, SETTINGS, message, "", found)


def _opened(settings: Mapping[str, str], name: str) -> str:
    """The database that a setting names; registered models are with the runs where nothing else is said."""
    return settings.get(name) or (settings.get(_RUNS, "") if name == _REGISTRY else "")


def broken(pairs: Sequence[Pair], before: Side, after: Side) -> Iterator[Consequence]:
    """Databases in the cluster that do not start, or do not have what the server asks for."""
    for pair in pairs:
        if pair.ref.kind != "StatefulSet" or pair.before is None or pair.after is None:
            continue
        for each in pair.differences:
            yield from _created(pair, each)
            yield from _image(pair, each)


def _created(pair: Pair, difference: Difference) -> Iterator[Consequence]:
    """The first start alone makes a role and a database."""
    for variable, what in _ONCE.items():
        if difference.route[:-1] == (*_CREATED, Named(variable)) and difference.old and difference.new:
            message = (
                f"the {what} {difference.new} is created on an empty volume alone, and the volume has {difference.old}"
            )
            way = f"ALTER {what.upper()} ... RENAME TO" if pair.ref.name == "postgres" else "CREATE and GRANT"
            yield Consequence(
                Outcome.BROKEN, pair.ref, message, f"keep it, or make it by hand first: {way}", (difference,)
            )


def _image(pair: Pair, difference: Difference) -> Iterator[Consequence]:
    if difference.route[-1:] != ("image",) or "containers" not in difference.route:
        return
    engine = next((name for name in IMAGES if pair.ref.name == name), None)
    old, new = _version(difference.old), _version(difference.new)
    if engine is None or not old or not new:
        return
    why = _postgres(old, new) if engine == "postgres" else _mysql(old, new)
    if why:
        hint = "back the database up, start the new one on an empty volume, and load the backup"
        yield Consequence(Outcome.BROKEN, pair.ref, f"{why}: the database does not start", hint, (difference,))


def _postgres(old: tuple[int, ...], new: tuple[int, ...]) -> str:
    return f"PostgreSQL {new[0]} does not open a data directory of {old[0]}" if old[0] != new[0] else ""


def _mysql(old: tuple[int, ...], new: tuple[int, ...]) -> str:
    was, is_ = (".".join(map(str, each)) for each in (old, new))
    if new < old:
        return f"MySQL {is_} does not open a data directory of {was}"
    steps = [series for series in _SERIES if old[:2] < series < new[:2]]
    return (
        f"MySQL {is_} does not open a data directory of {was} before {'.'.join(map(str, steps[0]))} has"
        if steps
        else ""
    )


def _version(image: object) -> tuple[int, ...]:
    tag = str(image).partition("@")[0].removeprefix(image_name(str(image)))
    found = re.match(r":(\d+(?:\.\d+)*)", tag)
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def _place(uri: str) -> tuple[str, str | None, int | None, str]:
    found = urlsplit(uri)
    return found.scheme.partition("+")[0], found.hostname, found.port, found.path


def _shown(uri: str) -> str:
    scheme, host, port, path = _place(uri)
    if host is None:
        return f"the file {path.removeprefix('/')}"
    at = f"{host}:{port}" if port else host
    return f"{scheme} {path.removeprefix('/')} at {at}"
