"""Bring MLflow's databases to the schemas that the installed MLflow expects, or wait until they are there.

    schema.py migrate        create or upgrade the schema; a schema at the head is left as it is
    schema.py wait           wait, without writing, until the schema is at the head
    schema.py option-file    write the file that gives PyMySQL its password

The database is the one of MLFLOW_BACKEND_STORE_URI. MLFLOW_REGISTRY_STORE_URI may name a second one, of registered models, and
with a login MLFLOW_AUTH_DATABASE_URI names that of users. Passwords need not be in there: PostgreSQL's client reads
PGPASSWORD, PyMySQL the file named by `?read_default_file=` in the URI, which `option-file` writes from MYSQL_PWD, and
`?plugin=mlflow_mssql` gives pymssql MSSQL_PASSWORD. Nothing printed holds a password.

A schema that another MLflow may be using is not migrated: one that this environment did not start, such as a release of Helm on
the same database. Servers of this environment give their sessions a name, with PGAPPNAME or `?program_name=`, and so do the tools
of databases; an MLflow that nobody told to gives none. SCHEMA_OTHER_SESSIONS=ignore migrates all the same.

Exit codes: 0 done · 1 the time is up · 2 a setting is wrong · 3 the schema is newer than this MLflow
· 4 the migration failed or would fail
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, IntEnum
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import NullPool

BACKEND = "MLFLOW_BACKEND_STORE_URI"
REGISTRY = "MLFLOW_REGISTRY_STORE_URI"
USERS = "MLFLOW_AUTH_DATABASE_URI"
BACKENDS = ("postgresql", "mysql", "mssql", "sqlite")
POLL_SECONDS = 2.0
ANSWER_SECONDS = 5
LOCK = "mlflow-schema"
TIMEOUTS = {
    "postgresql": ("connect_timeout",),
    "mysql": ("connect_timeout", "read_timeout", "write_timeout"),
    "mssql": ("login_timeout", "timeout"),
    "sqlite": ("timeout",),
}
"""What the drivers call the seconds that they wait."""
XACT_LOCK = """
SELECT pg_try_advisory_xact_lock(:key) FROM set_config('idle_in_transaction_session_timeout', '0', true)
"""
"""Held while its transaction is open, for as long as that takes."""
APPLOCK = """
SET NOCOUNT ON; DECLARE @got int;
EXEC @got = sp_getapplock @Resource = :key, @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 0;
SELECT CASE WHEN @got >= 0 THEN 1 ELSE 0 END
"""


NAMELESS = """
SELECT coalesce(host(client_addr), 'a socket'), count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND application_name = ''
AND has_table_privilege(usesysid, :table, 'INSERT') AND current_setting('application_name') <> ''
GROUP BY 1 ORDER BY 1
"""
"""Sessions without a name that may write MLflow's tables: from where, and how many. None where this one has no name either."""
NAMED = """
SELECT PROCESSLIST_ID FROM performance_schema.session_account_connect_attrs WHERE ATTR_NAME = 'program_name'
"""


class Exit(IntEnum):
    """What the exit code says."""

    DONE = 0
    LATE = 1
    USAGE = 2
    NEWER = 3
    FAILED = 4


class State(Enum):
    """What a look at the database finds."""

    UNRESOLVED = "the host name does not resolve"
    REFUSED = "the connection is refused"
    SILENT = "the host does not answer"
    NO_LOGIN = "the login is refused"
    NO_DATABASE = "the database does not exist, or the user may not use it"
    ERROR = "the database answers with an error"
    EMPTY = "the database holds no schema"
    OLDER = "the schema is older than this MLflow"
    NEWER = "the schema is newer than this MLflow, or of another program"
    HEAD = "the schema is the one this MLflow expects"


SYMPTOMS = (
    (
        State.UNRESOLVED,
        (
            r"could not translate host name|name or service not known|name resolution|no address associated"
            r"|tds server is unavailable(?!.*net-lib)"
        ),
    ),
    (State.REFUSED, r"connection refused"),
    (State.SILENT, r"timeout expired|timed out|no route to host|network is unreachable"),
    (
        State.NO_LOGIN,
        (
            r"password authentication failed|no password supplied|no pg_hba\.conf entry"
            r'|role ".*" (does not exist|is not permitted to log in)|\((1045|1130|1698|18452|18456),'
        ),
    ),
    (State.NO_DATABASE, r'database ".*" does not exist|permission denied for database|\((1044|1049|4060),'),
)
"""How the drivers word a refusal. MySQL's have numbers; PostgreSQL's carry no code while connecting."""


BEHIND = {State.EMPTY, State.OLDER}
"""The states that a migration changes."""

SETTLED = {State.HEAD: Exit.DONE, State.NEWER: Exit.NEWER}
"""The states that no waiting changes."""


class SettingError(Exception):
    """A setting that no waiting makes right."""


class TimeLimitError(Exception):
    """The time is up."""


class Finding(NamedTuple):
    """The state of the database, and what it was seen by."""

    state: State
    detail: str
    revisions: tuple[str, ...] = ()


def mysql_tls() -> dict[str, str]:
    """The files of TLS that MLflow hands to MySQL's driver."""
    settings = {name: os.environ.get(f"MLFLOW_MYSQL_{name.upper()}") for name in ("ssl_ca", "ssl_cert", "ssl_key")}
    return {name: path for name, path in settings.items() if path}


@dataclass(frozen=True)
class Database:
    """A database to look at, the migrations that the installed MLflow has for it, and the table that notes the last."""

    url: URL
    migrations: ScriptDirectory
    revisions: str
    upgrade: Callable[[URL], None]

    @property
    def name(self) -> str:
        """Where the database is, without its password and options."""
        if self.is_sqlite:
            return str(self.url.database)
        port = f":{self.url.port}" if self.url.port else ""
        return f"{self.url.username}@{self.url.host or 'localhost'}{port}/{self.url.database}"

    @property
    def is_mysql(self) -> bool:
        """Whether the database is MySQL or MariaDB."""
        return self.url.get_backend_name() == "mysql"

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is a file."""
        return self.url.get_backend_name() == "sqlite"

    @contextmanager
    def connection(self, isolation: str = "AUTOCOMMIT") -> Iterator[Connection]:
        """Open a connection of its own that gives up soon; each statement is a transaction, unless another isolation is given."""
        arguments: dict[str, str | int] = dict.fromkeys(TIMEOUTS[self.url.get_backend_name()], ANSWER_SECONDS)
        if self.is_mysql:
            arguments |= mysql_tls()
        engine = create_engine(self.url, poolclass=NullPool, connect_args=arguments, isolation_level=isolation)
        with engine.connect() as connection:
            yield connection


def say(message: str) -> None:
    """Print one line at once."""
    print(message, flush=True)


def url_of(setting: str) -> URL:
    """Read the URI of a database and prove that it can be used."""
    uri = os.environ.get(setting)
    if not uri:
        raise SettingError(f"{setting} is not set")
    try:
        url = make_url(uri)
        url.get_dialect()
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise SettingError(f"{setting} is not the URI of a database") from None
    if url.get_backend_name() not in BACKENDS:
        raise SettingError(f"{setting} names {url.get_backend_name()}, not {', '.join(BACKENDS)}")
    return url


def option_file(url: URL) -> Path | None:
    """The file that the URI takes the password from, if it names one."""
    path = url.query.get("read_default_file")
    return Path(path) if isinstance(path, str) else None


def database(setting: str, migrations: str, revisions: str, upgrade: Callable[[URL], None]) -> Database:
    """Read a setting, and the migrations in a folder of the installed MLflow."""
    url = url_of(setting)
    options = option_file(url)
    if options and not os.access(options, os.R_OK):
        # PyMySQL would go on without it, and report a refused login.
        raise SettingError(f"{options}, which {setting} names, can't be read")
    package = find_spec("mlflow")
    if package is None or package.origin is None:
        raise SettingError("MLflow is not installed")
    return Database(url, ScriptDirectory(str(Path(package.origin).parent / migrations)), revisions, upgrade)


def databases() -> list[Database]:
    """The database of runs, that of registered models where they have one, and that of users where there is a login.

    MLflow has one schema for runs and models: both databases have all tables, and use some.
    """
    settings = [name for name in (BACKEND, REGISTRY) if name == BACKEND or name in os.environ]
    found = [database(name, "store/db_migrations", "alembic_version", upgrade_runs) for name in settings]
    if USERS in os.environ:
        found.append(database(USERS, "server/auth/db/migrations", "alembic_version_auth", upgrade_users))
    return found


def refusal(error: DBAPIError) -> Finding:
    """Say what an error of the driver means."""
    message = str(error.orig)
    state = next((state for state, words in SYMPTOMS if re.search(words, message, re.IGNORECASE)), State.ERROR)
    return Finding(state, message.strip().partition("\n")[0])


def compared(revisions: tuple[str, ...], migrations: ScriptDirectory) -> Finding:
    """Compare the revisions of a database with those that the installed MLflow knows."""
    heads = set(migrations.get_heads())
    known = {script.revision for script in migrations.walk_revisions()}
    if not revisions:
        state = State.EMPTY
    elif set(revisions) == heads:
        state = State.HEAD
    elif set(revisions) <= known:
        state = State.OLDER
    else:
        state = State.NEWER
    detail = f"found {', '.join(revisions) or 'none'}; MLflow {version('mlflow')} has {', '.join(sorted(heads))}"
    return Finding(state, detail, revisions)


def look(target: Database) -> Finding:
    """Look at the database once, without writing."""
    try:
        with target.connection() as connection:
            context = MigrationContext.configure(connection, opts={"version_table": target.revisions})
            revisions = context.get_current_heads()
    except DBAPIError as error:
        return refusal(error)
    return compared(tuple(sorted(revisions)), target.migrations)


def pause(deadline: float) -> None:
    """Wait a little, but not past the deadline."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeLimitError
    time.sleep(min(POLL_SECONDS, left))


def await_state(target: Database, goals: AbstractSet[State], deadline: float) -> Finding:
    """Look until the database is in one of the states, and print every change."""
    last: Finding | None = None
    while True:
        finding = look(target)
        if finding != last:
            say(f"{target.name}: {finding.state.value} ({finding.detail})")
        if finding.state in goals:
            return finding
        last = finding
        pause(deadline)


@contextmanager
def alone(target: Database, deadline: float) -> Iterator[None]:
    """Hold the lock that lets one migration run at a time; it ends with its connection. A file has one user alone.

    PostgreSQL's is of a transaction, since a pooler such as PgBouncer may keep a session, with its locks, for the next client.
    """
    if target.is_sqlite:
        yield
        return
    isolation = "AUTOCOMMIT"
    if target.is_mysql:
        attempt = text("SELECT GET_LOCK(:key, 0)").bindparams(key=f"{LOCK}/{target.url.database}"[:64])
    elif target.url.get_backend_name() == "mssql":
        attempt = text(APPLOCK).bindparams(key=LOCK)
    else:
        attempt = text(XACT_LOCK).bindparams(key=int.from_bytes(b"mlflow", "big"))
        isolation = "READ COMMITTED"
    with target.connection(isolation) as connection:
        waited = False
        while not connection.scalar(attempt):
            if not waited:
                say(f"{target.name}: another migration is running")
            waited = True
            connection.rollback()
            pause(deadline)
        yield


def pending(target: Database, revisions: tuple[str, ...]) -> str:
    """The source of the migrations that the database still lacks."""
    scripts = target.migrations.iterate_revisions("heads", revisions or "base")
    return "\n".join(Path(script.module.__file__ or "").read_text(encoding="utf-8") for script in scripts)


def mysql_settings(connection: Connection) -> dict[str, str]:
    """The settings of a MySQL or MariaDB server that a migration depends on; none is known to all versions."""
    names = (
        "character_set_database",
        "innodb_force_primary_key",
        "log_bin",
        "log_bin_trust_function_creators",
        "sql_require_primary_key",
    )
    listed = ", ".join(f"'{name}'" for name in names)
    rows = connection.execute(text(f"SHOW VARIABLES WHERE Variable_name IN ({listed})"))
    return {name.lower(): value for name, value in rows}


def may_create_triggers(connection: Connection, settings: dict[str, str]) -> bool:
    """Whether the server lets this user create a trigger despite the binary log."""
    if settings.get("log_bin") != "ON" or settings.get("log_bin_trust_function_creators") == "ON":
        return True
    grants = connection.scalars(text("SHOW GRANTS"))
    return any(re.search(r"\b(SUPER|ALL PRIVILEGES)\b.* ON \*\.\*", grant) for grant in grants)


def obstacles(target: Database, finding: Finding) -> list[str]:
    """What would stop a migration half-way. MySQL can't take back the steps before it."""
    if not target.is_mysql:
        return []
    found = []
    with target.connection() as connection:
        settings = mysql_settings(connection)
        if "CREATE TRIGGER" in pending(target, finding.revisions) and not may_create_triggers(connection, settings):
            found.append("the binary log is on: set log_bin_trust_function_creators=1 on the server")
    if finding.state is not State.EMPTY:
        return found
    if (charset := settings.get("character_set_database", "utf8mb4")) != "utf8mb4":
        found.append(f"text would be lost in {charset}: ALTER DATABASE ... CHARACTER SET utf8mb4")
    forced = [name for name in ("innodb_force_primary_key", "sql_require_primary_key") if settings.get(name) == "ON"]
    return found + [f"a step takes a primary key away: turn {name} off until the schema is there" for name in forced]


def upgrade_runs(url: URL) -> None:
    """Run `mlflow db upgrade` in this process, where the URI is no argument that others can see."""
    from mlflow.cli import cli

    uri = url.render_as_string(hide_password=False)
    cli.main(["db", "upgrade", uri], prog_name="mlflow", standalone_mode=False)


def without_key_names(*call: Any) -> tuple[str, Any]:
    """A statement that leaves the names of foreign keys to the database, and its parameters."""
    _, _, statement, parameters, *_ = call
    return re.sub(r"CONSTRAINT \S+ (FOREIGN KEY)", r"\1", statement), parameters


def upgrade_users(url: URL) -> None:
    """Do what `python -m mlflow.server.auth db upgrade` does, in this process."""
    from mlflow.server.auth.db.utils import migrate

    engine = create_engine(url, poolclass=NullPool, connect_args=dict(mysql_tls()))
    if url.get_backend_name() == "mysql":
        # MLflow gives several foreign keys one name, which MySQL takes once in a database.
        event.listen(Engine, "before_cursor_execute", without_key_names, retval=True)
    migrate(engine, "head")


def hidden(message: str, url: URL) -> str:
    """A message without the password of the URI."""
    secrets = {str(url.password), url.render_as_string(hide_password=False)} if url.password else set()
    for secret in secrets:
        message = message.replace(secret, "***")
    return message


def strangers(target: Database) -> list[str]:
    """Sessions that another MLflow may have in this database, by address; none where the server does not tell them apart."""
    with target.connection() as connection:
        if target.url.get_backend_name() == "postgresql":
            rows = connection.execute(text(NAMELESS).bindparams(table=target.revisions)).tuples()
            return [f"{count} from {address}" for address, count in rows]
        if not target.is_mysql or "program_name" not in target.url.query:
            return []
        if not connection.scalar(text("SELECT @@performance_schema")):
            say(
                f"{target.name}: performance_schema is off, so that sessions of other servers are not seen: stop them first"
            )
            return []
        named = set(connection.scalars(text(NAMED)))
        rows = connection.execute(text("SHOW PROCESSLIST")).mappings()
        hosts = [
            str(row["Host"]).rpartition(":")[0]
            for row in rows
            if row["db"] == target.url.database and row["User"] == target.url.username and row["Id"] not in named
        ]
        return [f"{hosts.count(host)} from {host}" for host in sorted(set(hosts))]


def disturbs(target: Database, finding: Finding) -> bool:
    """Whether another MLflow may be using the schema, and nobody said to go on; says so."""
    if finding.state is not State.OLDER or os.environ.get("SCHEMA_OTHER_SESSIONS") == "ignore":
        return False
    if found := strangers(target):
        say(
            f"{target.name}: not migrated: sessions without a name are connected ({', '.join(found)}), as of an MLflow server "
            "that this environment did not start: stop it and back up the database first; "
            "where they are harmless, set SCHEMA_OTHER_SESSIONS=ignore in mlflow.env"
        )
    return bool(found)


def upgraded(target: Database, finding: Finding) -> Exit:
    """Upgrade the schema after seeing that nothing stands in the way."""
    if reasons := obstacles(target, finding):
        for reason in reasons:
            say(f"{target.name}: not migrated: {reason}")
        return Exit.FAILED
    try:
        target.upgrade(target.url)
    except Exception:
        sys.stderr.write(hidden(traceback.format_exc(), target.url))
        say(f"{target.name}: the migration failed")
        if target.is_mysql:
            say("MySQL keeps the steps that were done: restore the database, or empty it, before the next try")
        return Exit.FAILED
    finding = look(target)
    say(f"{target.name}: {finding.state.value} ({finding.detail})")
    return Exit.DONE if finding.state is State.HEAD else Exit.FAILED


def migrate(target: Database, deadline: float) -> Exit:
    """Bring the schema to the head, once the database answers."""
    while True:
        finding = await_state(target, BEHIND | SETTLED.keys(), deadline)
        if finding.state in SETTLED:
            return SETTLED[finding.state]
        with alone(target, deadline):
            finding = look(target)
            if finding.state in BEHIND:
                return Exit.FAILED if disturbs(target, finding) else upgraded(target, finding)


def wait(target: Database, deadline: float) -> Exit:
    """Wait until the schema is at the head."""
    return SETTLED[await_state(target, set(SETTLED), deadline).state]


def option_text(password: bytes) -> bytes:
    """The option file for a password.

    PyMySQL takes what is between the outer quotes as it stands, and turns each character into one byte (Latin-1).
    So each byte of the password is written as the character of its number.
    """
    if re.search(rb"[\r\n]", password):
        raise SettingError("the password in MYSQL_PWD has a line break, which an option file can't hold")
    return b'[client]\npassword="' + password.decode("latin-1").encode() + b'"\n'


def write_option_file() -> Exit:
    """Write the password to the file that the URI names, for this user's eyes only."""
    path = option_file(url_of(BACKEND))
    if path is None:
        raise SettingError(f"{BACKEND} has no read_default_file")
    password = os.environb.get(b"MYSQL_PWD")
    if not password:
        raise SettingError("MYSQL_PWD is not set")
    content = option_text(password)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    say(f"{path}: written")
    return Exit.DONE


def seconds(value: str) -> float:
    """Read a limit of time."""
    limit = float(value)
    if not 0 < limit < float("inf"):
        raise ValueError(value)
    return limit


def parser() -> argparse.ArgumentParser:
    """The command line."""
    description, _, rest = (__doc__ or "").partition("\n")
    commands = argparse.ArgumentParser(
        description=description, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands.add_argument("command", choices=("migrate", "wait", "option-file"))
    commands.add_argument(
        "--timeout",
        type=seconds,
        default=os.environ.get("SCHEMA_TIMEOUT", "300"),
        metavar="SECONDS",
        help="how long to wait for the database or the schema (default: SCHEMA_TIMEOUT or 300)",
    )
    return commands


def run(command: str, timeout: float) -> Exit:
    """Run one command."""
    if command == "option-file":
        return write_option_file()
    deadline = time.monotonic() + timeout
    step = migrate if command == "migrate" else wait
    # One after the other: what the first says is of use only where it is done.
    exits = (step(target, deadline) for target in databases())
    return next((code for code in exits if code is not Exit.DONE), Exit.DONE)


def guarded(work: Callable[[float], int], timeout: float) -> int:
    """Do some work within a limit of time, and return its exit code; what goes wrong is told in one line."""
    try:
        return work(timeout)
    except SettingError as error:
        say(str(error))
        return Exit.USAGE
    except OSError as error:
        say(f"a file that the settings name can't be used: {error}")
        return Exit.USAGE
    except DBAPIError as error:
        say(f"the database failed: {refusal(error).detail}")
        return Exit.FAILED
    except TimeLimitError:
        say(f"gave up after {timeout:g} seconds")
        return Exit.LATE


def main() -> int:
    """Run the command of the command line and return its exit code."""
    arguments = parser().parse_args()
    return guarded(partial(run, arguments.command), arguments.timeout)


if __name__ == "__main__":
    sys.exit(main())
