"""The database from the side of the pods that speak with it: images of its programs, its authority, its password's Secret."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from compiler.overlay import Change, Ref
from compiler.route import Named, Route

if TYPE_CHECKING:
    from compiler.parts.database import Database

IMAGES = {"postgres": "docker.io/library/postgres", "mysql": "docker.io/library/mysql"}
SECRET = "mlflow-database"  # noqa: S105 - a name
NAME = r"[A-Za-z_][A-Za-z0-9_$-]{0,62}"
NAME_WORDS = "letters, digits, '_', '-' and '$', starting with a letter or '_', at most 63"
RESERVED = {
    "postgres": ("postgres", "template0", "template1", "public", "none"),
    "mysql": ("mysql", "information_schema", "performance_schema", "sys", "root", "mysql.sys", "mysql.session"),
}
"""Names of databases and users that an engine keeps for itself."""
CA_FILE = "/etc/mlflow/database-ca/ca.crt"


def password(database: Database, target: Ref, variable: Route) -> Iterator[Change]:
    """Name and key of the password's Secret, at a variable that is read from it, where they are not the default."""
    reference = (*variable, "valueFrom", "secretKeyRef")
    if database.existing_secret != SECRET:
        because: Route = ("database", "existingSecret")
        yield Change(target, (*reference, "name"), database.existing_secret, because, "the Secret with the password")
    if database.password_key != "password":  # noqa: S105 - a name
        because = ("database", "passwordKey")
        yield Change(target, (*reference, "key"), database.password_key, because, "the password's key")


def authority(database: Database, target: Ref, pod: Route) -> Iterator[Change]:
    """The Secret of the database's authority, in the volume of a pod that has one."""
    if database.ca_secret:
        route = (*pod, "volumes", Named("database-ca"), "secret", "secretName")
        yield Change(target, route, database.ca_secret, ("database", "tls", "caSecret"), "the database's authority")
