"""The databases, as the server's pod finds them: login, privileges, schema, connections, and where experiments keep artifacts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from compiler.environment import Environment
from compiler.operate.patient import Patient
from compiler.operate.verdict import Result, failed, passed, skipped

_NEARLY = 0.9
_STATES = {
    "UNRESOLVED": "look at database.host, and at the cluster's DNS",
    "REFUSED": "look at database.port and whether the database runs: kubectl get pods, or the console of its owner",
    "SILENT": "a firewall, security group or NetworkPolicy drops the connection: let the cluster's nodes and pods in",
    "NO_LOGIN": "compare the password in the Secret of the database with the database's own; docs/secrets.md has how it is"
    " changed; a database in the cluster keeps the password that its volume was made with",
    "NO_DATABASE": "create the database, or set database.name and database.user to one that is there",
    "ERROR": "its words say why",
    "SETTING": "deploy the environment: a setting of the server is wrong",
    "EMPTY": "the migration has not run: see the check 'migration'",
    "OLDER": "the migration has not run: see the check 'migration'",
    "NEWER": "the database was migrated by a newer MLflow: set mlflow.version to that, or bring a backup back",
}
"""What to do about what `schema.py` sees."""
_WORDS = {
    "UNRESOLVED": "its name does not resolve",
    "REFUSED": "the connection is refused",
    "SILENT": "it does not answer",
    "NO_LOGIN": "the login is refused",
    "NO_DATABASE": "there is no such database, or the user may not use it",
    "ERROR": "it answers with an error",
    "SETTING": "a setting is wrong",
    "EMPTY": "it holds no schema",
    "OLDER": "the schema is older than this MLflow",
    "NEWER": "the schema is newer than this MLflow",
}
_SCHEMA = ("EMPTY", "OLDER", "NEWER")
OLD_LOCATIONS = (
    "clients with credentials go on as before; for others, make a new experiment, whose location is mlflow-artifacts:/,"
    " or copy the artifacts and change artifact_location and the runs' artifact_uri in the database, after a backup"
)


def database(patient: Patient) -> Iterator[Result]:
    """The database lets the server in, may be written to, and has the schema of this MLflow."""
    for result in judged(patient.databases):
        yield result._replace(words=tuple(patient.target.masked(result.words)))


def judged(databases: Sequence[dict[str, Any]]) -> Iterator[Result]:
    """What `programs/database.py` saw means."""
    for found in databases:
        name, state = str(found["name"]), str(found["state"])
        if state not in ("HEAD", *_SCHEMA):
            yield failed("database: login", f"{name}: {_WORDS[state]}", _STATES[state], [str(found["detail"])])
            continue
        yield passed("database: login", f"{name} lets the server in")
        yield _privileges(name, found.get("lacks") or [])
        if state == "HEAD":
            yield passed("database: schema", f"{name} has the schema of this MLflow")
        else:
            yield failed("database: schema", f"{name}: {_WORDS[state]}", _STATES[state], [str(found["detail"])])
        yield from _connections(name, found.get("connections") or [])


def _privileges(name: str, lacks: Sequence[str]) -> Result:
    if not lacks:
        return passed("database: privileges", f"{name}: the user may do what MLflow does")
    mend = "let the user own the database, or grant it what is missing"
    return failed("database: privileges", f"{name}: the user may not {'; '.join(lacks)}", mend)


def _connections(name: str, numbers: Sequence[int]) -> Iterator[Result]:
    if not numbers:
        return
    used, most = numbers
    if used > _NEARLY * most:
        mend = "raise the database's limit and database.maxConnections, or lower replicas and mlflow.workers"
        yield failed("database: connections", f"{name}: {used} of {most} are in use", mend)
    else:
        yield passed("database: connections", f"{name}: {used} of {most} are in use")


def experiments(patient: Patient) -> Iterator[Result]:
    """No experiment keeps its artifacts past the server, where clients are to need no credentials."""
    yield bypassing(patient.target.environment, patient.databases)


def bypassing(environment: Environment, databases: Sequence[dict[str, Any]]) -> Result:
    """What the locations of experiments mean. An experiment keeps the location that it was made with."""
    check = "experiments"
    if environment.mlflow.mode == "direct":
        return skipped(check, "clients go to the store themselves: mlflow.mode is direct")
    known = [found for found in databases if "bypassing" in found]
    if not known:
        return skipped(check, "the database of runs cannot be asked")
    count = sum(int(found["bypassing_count"]) for found in known)
    if not count:
        return passed(check, "all keep their artifacts behind the server")
    rows = [f"{number} ({name}): {place}" for found in known for number, name, place in found["bypassing"]]
    more = [f"and {count - len(rows)} more"] if count > len(rows) else []
    return failed(
        check, f"{count} keep their artifacts where the server does not serve them", OLD_LOCATIONS, [*rows, *more]
    )
