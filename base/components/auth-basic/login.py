"""Write the configuration of MLflow's basic auth, wait for the databases, and see to the administrator.

Runs before each start of the server, in place of `schema.py wait`. The administrator is created, or given the password of
the Secret, so that a changed Secret and a restart change the password. Other users are left alone.

The file holds no password: MLflow asks for the administrator's only to create an account that is there by now.

Reads MLFLOW_AUTH_CONFIG_PATH, LOGIN_DEFAULT_PERMISSION, LOGIN_ADMIN_USER and LOGIN_ADMIN_PASSWORD from the environment,
and what schema.py reads. Nothing printed holds a password. Exit codes are those of schema.py.
"""

from __future__ import annotations

import os
import secrets
import sys
from configparser import ConfigParser
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

import schema
from schema import Exit, SettingError, say

SHORTEST = 12
PUBLISHED = "password1234"
"""The administrator's password that older versions of MLflow came with, which newer ones refuse."""


def setting(name: str) -> str:
    """Read a setting that has to be there."""
    value = os.environ.get(name)
    if not value:
        raise SettingError(f"{name} is not set")
    return value


def password_of(name: str, password: str) -> str:
    """A password that MLflow takes, on all its routes, from every client."""
    found = None
    if len(password) < SHORTEST:
        found = f"is {len(password)} characters long, and MLflow wants {SHORTEST} at least"
    elif not (password.isascii() and password.isprintable()):
        # The routes of artifacts and traces read the header as ASCII, and refuse what the others take.
        found = "has characters beyond printable ASCII, which MLflow refuses where artifacts are uploaded"
    elif password == PUBLISHED:
        found = "is the one that older versions of MLflow came with, which everybody knows"
    if found:
        raise SettingError(f"the password of the user {name} {found}: change it in its Secret")
    return password


def configuration() -> ConfigParser:
    """What MLflow reads at its start; it takes `%` for the beginning of a reference, so each is doubled."""
    values = {
        "default_permission": setting("LOGIN_DEFAULT_PERMISSION"),
        "database_uri": setting(schema.USERS),
        "admin_username": setting("LOGIN_ADMIN_USER"),
        # Versions before 3.17 want one to be there. It is nobody's.
        "admin_password": secrets.token_urlsafe(32),
    }
    parser = ConfigParser()
    parser["mlflow"] = {key: value.replace("%", "%%") for key, value in values.items()}
    return parser


def write(path: Path, parser: ConfigParser) -> None:
    """Write the file, for this user's eyes only."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        parser.write(file)
    say(f"{path}: written")


def settle(store: Any, name: str, password: str) -> None:
    """Create the administrator, or bring it to what the Secret says."""
    from mlflow.exceptions import MlflowException

    if not store.has_user(name):
        try:
            store.create_user(name, password, is_admin=True)
        except MlflowException:
            # Another pod may have been faster.
            if not store.has_user(name):
                raise
        else:
            say(f"{name}: created")
            return
    if store.get_user(name).is_admin and store.authenticate_user(name, password):
        say(f"{name}: as it should be")
        return
    store.update_user(name, password=password, is_admin=True)
    say(f"{name}: given the password of its Secret")


def see_to(name: str, password: str) -> Exit:
    """Open the database of users, and see to the administrator."""
    # Reads the file that was just written.
    from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore

    try:
        store = SqlAlchemyStore()
        store.init_db(setting(schema.USERS))
        settle(store, name, password)
    except SQLAlchemyError as error:
        # Only its kind: a message repeats the values of a statement.
        say(f"the database of users failed: {type(error).__name__}")
        return Exit.FAILED
    return Exit.DONE


def run(timeout: float) -> Exit:
    """Do all of it: the settings are looked at before anything is waited for."""
    name, parser = setting("LOGIN_ADMIN_USER"), configuration()
    password = password_of(name, setting("LOGIN_ADMIN_PASSWORD"))
    # MLflow's migrations of users read it, too.
    write(Path(setting("MLFLOW_AUTH_CONFIG_PATH")), parser)
    # SQLite is written by this pod alone, so this is where it is migrated.
    ready = schema.run("migrate" if schema.url_of(schema.BACKEND).get_backend_name() == "sqlite" else "wait", timeout)
    if ready is not Exit.DONE:
        return ready
    return see_to(name, password)


if __name__ == "__main__":
    sys.exit(schema.guarded(run, schema.parser().parse_args(["wait"]).timeout))
