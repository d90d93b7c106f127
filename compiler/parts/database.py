"""Where runs, parameters, metrics and models are recorded.

Without `host` the overlay runs the database itself: one instance on one volume, with a user that owns MLflow's database and
nothing else. With `host` it is yours: create the database and the user first, and the Secret with the user's password.

Passwords may hold any character but a line break. They never are part of a URI: PostgreSQL's client reads them from its
environment, MySQL's from an option file in memory that an init container writes, and SQL Server's is given them by a plug-in.

`readHost` names a replica of a database of yours, with the same port, user, password and certificate: what MLflow only reads, it
reads there. A replica that lags shows what was written a moment ago a moment later, and MLflow does not turn back to the first
host where the replica is away. Each process has pools for the replica beside those for the database, of the same size.

`registry` keeps registered models in a database of their own: `registry: {}` in `mlflow_registry`, on the same server and under
the same user as the runs. One in the cluster is created, on a volume in use too; on a server of yours, create it first. The
migration brings it to its schema before the server starts, and backups have it. Decide before there are models: those that are
there already stay in the other database, where MLflow no longer looks. It does not go with `readHost`: MLflow has one replica
for both, and would look for registered models in that of the runs.

SQL Server is for a `host` of yours, with any kind that keeps artifacts outside the cluster. Its driver takes no authority, so
`tls.mode` is `require` or `disable`. It has not been run against a server, which cannot be installed without its license: what
is proved is that the driver sends the login and asks for encryption, and that most of MLflow's migrations have SQL for it.

SQLite is for the kind `local`: a file on the server's own volume, which one pod writes to and migrates by itself. There is no
user and no password. Several workers may share the file: 16 clients at once were never told that it is locked.

A process of the server keeps connections open, for runs, for the registry and for users, and a database has a number of them.
The pools are sized from `maxConnections`, so that all processes of all pods together never ask for more, even while a new version
is rolled out. An environment whose processes cannot fit is refused. A database in the cluster is given the number, and memory for
it; for a database of yours, set it to what its user may have.

`host` and `port` may be those of a pooler such as PgBouncer: migrations work in transaction mode too, and two at once wait for
each other. Backups and restores have not been tried through one.

A database of yours is spoken to over TLS (`tls.mode: require`) unless you say otherwise; `verify-full` with `caSecret` also
proves whom one is speaking to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from compiler import pool, registry
from compiler.database import CA_FILE, IMAGES, NAME, NAME_WORDS, RESERVED, SECRET, authority, password
from compiler.diagnostic import Finding
from compiler.formats import DATA_KEY, HOST, HOST_WORDS
from compiler.image import image, image_of, unpinned
from compiler.kind import Engine, Kind
from compiler.overlay import MIGRATION, POD, SERVER, Change, Overlay, Ref, Secret, SecretKey, setting
from compiler.part import Schema, choice, formatted, integer, object_of, secret_name, text
from compiler.peer import peers
from compiler.route import Named, Route
from compiler.stores import SETUPS
from compiler.volume import storage, volume

if TYPE_CHECKING:
    from compiler.environment import Environment

POLICY = Ref("networking.k8s.io/v1", "NetworkPolicy", "mlflow-to-database")
_PORTS = {"postgres": 5432, "mysql": 3306, "mssql": 1433, "sqlite": 0}
_PASSWORDS = {"postgres": "PGPASSWORD", "mssql": "MSSQL_PASSWORD"}
"""The variables that the server itself reads a password from."""
_MYSQL_USER = 32
_FOLDER = "/var/lib/mlflow"
_OPTION_FILE = "/run/mlflow-database/my.cnf"

KEYS: dict[str, Schema] = {
    "database": object_of(
        "Where runs are recorded.",
        {
            "engine": choice(
                "Which database it is. The kind says which one runs in the cluster.",
                {
                    "postgres": "PostgreSQL.",
                    "mysql": "MySQL.",
                    "mssql": "SQL Server, of yours alone.",
                    "sqlite": "A file on the server's own volume.",
                },
            ),
            "host": text(
                "The host of a database of yours.", HOST, HOST_WORDS, maxLength=253, examples=["db.acme.example"]
            ),
            "readHost": text(
                "The host of a replica of that database, which the server reads from.",
                HOST,
                HOST_WORDS,
                maxLength=253,
                examples=["db-read.acme.example"],
            ),
            "port": {
                "type": "integer",
                "description": "Its port; 5432, 3306 or 1433 by default.",
                "minimum": 1,
                "maximum": 65535,
            },
            "name": text("The database.", NAME, NAME_WORDS, default="mlflow"),
            "registry": registry.KEY,
            "user": text(
                "The user that owns it.",
                r"[A-Za-z_][A-Za-z0-9_.@$-]{0,62}",
                "letters, digits and '_.@$-', starting with a letter or '_', at most 63",
                default="mlflow",
            ),
            "existingSecret": secret_name("The Secret with the user's password.", default=SECRET),
            "maxConnections": integer(
                "Connections that the database has for MLflow. In the cluster it is given what the processes need, by default; "
                "of a database of yours 95 are taken for granted.",
                10,
                100000,
                examples=[200],
            ),
            "passwordKey": formatted("The key of the password in that Secret.", DATA_KEY, default="password"),
            "tls": object_of(
                "How a database of yours is spoken to.",
                {
                    "mode": choice(
                        "How far the connection is trusted.",
                        {
                            "disable": "In the clear.",
                            "require": "Encrypted, to whoever answers.",
                            "verify-ca": "Encrypted, and the certificate is signed by the authority.",
                            "verify-full": "Encrypted, and the certificate is signed by the authority and names the host.",
                        },
                        default="require",
                    ),
                    "caSecret": secret_name("The Secret whose key ca.crt holds the authority."),
                },
            ),
            "storage": storage("The volume of a database in the cluster.", "10Gi"),
            "image": image("The image of a database in the cluster.", f"{IMAGES['postgres']}:17.11-bookworm"),
        },
    )
}


@dataclass(frozen=True)
class Database:
    """The database; `host` is None when it runs in the cluster."""

    engine: Engine
    host: str | None
    read_host: str | None
    port: int
    name: str
    registry: str | None
    """The database of registered models, where it is not that of runs."""
    user: str
    existing_secret: str
    existing_secret_given: bool
    password_key: str
    max_connections: int | None
    tls_mode: str
    ca_secret: str | None
    size: str | None
    class_name: str | None
    image: str | None
    given: frozenset[str]
    """The keys that were set."""

    @property
    def in_cluster(self) -> bool:
        """Whether the overlay runs a database server."""
        return not self.host and self.engine in IMAGES

    @property
    def uri(self) -> str:
        """The URI that MLflow opens, driver named and password left out."""
        return self.uri_of(self.name)

    def uri_of(self, name: str, host: str | None = None) -> str:
        """The URI of another database of the same server and user, or of the same on another host."""
        if self.engine == "sqlite":
            return f"sqlite:///{_FOLDER}/{name}.db"
        user, host = quote(self.user, safe=""), host or self.host or self.engine
        if self.engine == "postgres":
            return f"postgresql+psycopg2://{user}@{host}:{self.port}/{name}"
        if self.engine == "mssql":
            encryption = "off" if self.tls_mode == "disable" else "require"
            return f"mssql+pymssql://{user}@{host}:{self.port}/{name}?plugin=mlflow_mssql&encryption={encryption}"
        # The name of sessions, as PGAPPNAME of the base is for PostgreSQL.
        options = {"read_default_file": _OPTION_FILE, "program_name": "mlflow-overlays", **_mysql_tls(self)}
        return f"mysql+pymysql://{user}@{host}:{self.port}/{name}?{urlencode(options, safe='/')}"


def _mysql_tls(database: Database) -> dict[str, str]:
    """PyMySQL's words for a TLS mode: naming any option turns TLS on, an authority turns on verification."""
    if database.tls_mode == "disable":
        return {}
    check = {"ssl_check_hostname": str(database.tls_mode == "verify-full").lower()}
    return {"ssl_ca": CA_FILE, **check} if database.ca_secret else check


def read(values: Mapping[str, Any], kind: Kind) -> Database:
    """The database of an environment."""
    given = values.get("database", {})
    engine: Engine = given.get("engine", kind.engine)
    host = given.get("host")
    tls, claim = given.get("tls", {}), given.get("storage", {})
    return Database(
        engine=engine,
        host=host,
        read_host=given.get("readHost"),
        port=given.get("port", _PORTS[engine]),
        name=given.get("name", "mlflow"),
        registry=registry.read(given),
        user=given.get("user", "mlflow"),
        existing_secret=given.get("existingSecret", SECRET),
        existing_secret_given="existingSecret" in given,
        password_key=given.get("passwordKey", "password"),
        max_connections=given.get("maxConnections"),
        tls_mode=tls.get("mode", "require" if host else "disable"),
        ca_secret=tls.get("caSecret"),
        size=claim.get("size"),
        class_name=claim.get("className"),
        image=given.get("image"),
        given=frozenset(given),
    )


def check(environment: Environment) -> Iterable[Finding]:
    """Keys of a database of yours beside those of one in the cluster; a verification without an authority."""
    database = environment.database
    if database.engine == "sqlite":
        yield from _sqlite(environment)
        return
    if database.engine == "mssql":
        yield from _mssql(environment)
        if not database.host:
            return
    yield from _elsewhere(database)
    if environment.kind.store in SETUPS and database.engine != environment.kind.engine:
        other = f"{environment.kind.store}-{database.engine}"
        message = f"'{environment.kind.name}' records runs in {environment.kind.engine}"
        hint = f"use overlay: {other}" if database.engine in IMAGES else "use a kind whose store is outside the cluster"
        yield Finding(("database", "engine"), "wrong-kind", message, hint)
    yield from _authority(database)
    if database.image:
        yield from unpinned(("database", "image"), database.image)
    yield from _names(database)
    yield from registry.check(environment)
    yield from pool.findings(environment)
    if environment.users_database in RESERVED.get(database.engine, ()):
        message = f"{database.engine} keeps the name '{environment.users_database}' for itself"
        yield Finding(("auth", "database"), "reserved-name", message, "choose another, like mlflow_auth")


def _elsewhere(database: Database) -> Iterator[Finding]:
    """Keys of a database of yours beside those of one in the cluster."""
    if database.host:
        inside = {"storage": database.size or database.class_name, "image": database.image}
        for key in (key for key, value in inside.items() if value):
            message = f"database.{key} belongs to a database in the cluster, and database.host names one elsewhere"
            yield Finding(("database", key), "conflicting-keys", message, f"remove {key} or host", at_key=True)
    else:
        outside = {
            "port": database.port != _PORTS[database.engine],
            "readHost": bool(database.read_host),
            "tls": database.tls_mode != "disable" or bool(database.ca_secret),
        }
        for key in (key for key, given in outside.items() if given):
            message = f"database.{key} is for a database of yours, but without database.host the overlay runs its own"
            yield Finding(("database", key), "conflicting-keys", message, f"set host, or remove {key}", at_key=True)


def _authority(database: Database) -> Iterator[Finding]:
    """A verification without an authority, or the other way round."""
    verifies = database.tls_mode.startswith("verify")
    if database.host and verifies and not database.ca_secret and database.engine != "mssql":
        yield Finding(
            ("database", "tls", "mode"),
            "missing-key",
            f"{database.tls_mode} needs database.tls.caSecret: without an authority there is nothing to verify against",
            "create a Secret with the authority's certificate under the key ca.crt, and name it in caSecret",
        )
    if database.ca_secret and not verifies:
        message = f"caSecret names an authority, but mode {database.tls_mode} verifies nothing"
        hint = "remove it" if database.engine == "mssql" else "set mode: verify-full"
        yield Finding(("database", "tls", "caSecret"), "conflicting-keys", message, hint, at_key=True)


def _sqlite(environment: Environment) -> Iterator[Finding]:
    """SQLite is a file on the server's own volume, with one writer."""
    if environment.kind.store != "volume":
        message = f"SQLite needs a volume of the server, and '{environment.kind.name}' has none"
        yield Finding(("database", "engine"), "wrong-kind", message, "use postgres or mysql, or overlay: local")
    for key in sorted(environment.database.given - {"engine"}):
        message = f"database.{key} is for a database server, and SQLite is a file on the server's own volume"
        hint = f"remove {key}, or set engine: postgres"
        yield Finding(("database", key), "conflicting-keys", message, hint, at_key=True)
    if environment.replicas > 1:
        message = f"{environment.replicas} replicas cannot share SQLite: one pod alone may write to it"
        hint = "use replicas: 1, or set database.engine: postgres"
        yield Finding(("replicas",), "one-writer", message, hint)


def _mssql(environment: Environment) -> Iterator[Finding]:
    """SQL Server is somebody else's; its driver cannot be told what to verify, and nobody has seen MLflow's users in it."""
    database = environment.database
    if not database.host:
        message = "no SQL Server runs in the cluster, so database.engine: mssql needs database.host"
        yield Finding(("database", "engine"), "missing-key", message, "add host, or use another engine")
    if database.tls_mode.startswith("verify"):
        message = f"the driver of SQL Server takes no authority, so {database.tls_mode} cannot be had"
        yield Finding(("database", "tls", "mode"), "conflicting-keys", message, "use mode: require")
    if environment.users_database:
        message = "MLflow's users are kept in a database of the same server, and on SQL Server that is not proved"
        yield Finding(("auth",), "conflicting-keys", message, "use postgres or mysql, or remove auth", at_key=True)


def _names(database: Database) -> Iterator[Finding]:
    """Names that the engine keeps for itself, or that are too long for it."""
    for key, name in (("name", database.name), ("user", database.user)):
        if not database.host and (name in RESERVED[database.engine] or (key == "user" and name.startswith("pg_"))):
            message = f"{database.engine} keeps the name '{name}' for itself"
            yield Finding(("database", key), "reserved-name", message, "choose another, like mlflow")
    if database.engine == "mysql" and len(database.user) > _MYSQL_USER:
        message = f"the name of a user of MySQL has at most {_MYSQL_USER} characters, and this one {len(database.user)}"
        yield Finding(("database", "user"), "reserved-name", message, "choose a shorter one")


def plan(environment: Environment) -> Overlay:
    """The database's components, its URI, and the Secrets it needs."""
    database = environment.database
    if database.engine == "sqlite":
        uri = setting("MLFLOW_BACKEND_STORE_URI", database.uri, ("database",), "the file on the server's volume")
        return Overlay(components=("database-sqlite",), changes=(uri,), removed=(MIGRATION,))
    why = "the database, without its password"
    overlay = Overlay(
        changes=(
            setting("MLFLOW_BACKEND_STORE_URI", database.uri, ("database",), why),
            *pool.settings(environment),
            *_password(database),
        ),
        secrets=(_secret(database),),
    )
    overlay += Overlay(components=(f"driver-{database.engine}",), changes=tuple(_first(environment)))
    overlay += registry.plan(environment)
    return overlay + (_in_cluster(environment) if database.in_cluster else _external(environment))


def _secret(database: Database) -> Secret:
    key = SecretKey(database.password_key, f"the password of the database user {database.user}", "...")
    return Secret(database.existing_secret, (key,), ("database", "existingSecret"), in_cluster=database.in_cluster)


def _first(environment: Environment) -> Iterator[Change]:
    """Names the init container that the others rest on: a patch puts those that it names first."""
    if environment.database.engine == "mysql":
        route = (*POD, "initContainers", Named("option-file"), "imagePullPolicy")
        why = "it writes the password's file before others read it"
        yield Change(SERVER, route, environment.mlflow.pull_policy, ("mlflow", "image", "pullPolicy"), why)


def _password(database: Database) -> Iterator[Change]:
    """Name and key of the password's Secret, wherever the password is read, where they are not the default."""
    if database.engine in _PASSWORDS:
        readers = [
            (SERVER, "initContainers", "wait-for-schema"),
            (SERVER, "containers", "mlflow"),
            (MIGRATION, "containers", "migrate"),
        ]
        variable = _PASSWORDS[database.engine]
    else:
        readers = [(SERVER, "initContainers", "option-file"), (MIGRATION, "initContainers", "option-file")]
        variable = "MYSQL_PWD"
    routes = [(target, (*POD, group, Named(container), "env", Named(variable))) for target, group, container in readers]
    if database.in_cluster:
        store = Ref("apps/v1", "StatefulSet", database.engine)
        routes.append((store, (*POD, "initContainers", Named("create"), "env", Named("MLFLOW_PASSWORD"))))
    for target, route in routes:
        yield from password(database, target, route)


def _in_cluster(environment: Environment) -> Overlay:
    database = environment.database
    engine = database.engine
    store = Ref("apps/v1", "StatefulSet", engine)
    superuser = {"postgres": ("postgres-superuser", "postgres"), "mysql": ("mysql-root", "root")}[engine]
    secret = Secret(
        superuser[0],
        (SecretKey("password", f"the password of the database's own superuser {superuser[1]}", "..."),),
        ("database",),
        in_cluster=True,
    )
    create = (*POD, "initContainers", Named("create"), "env")
    changes = tuple(
        Change(store, (*create, Named(variable), "value"), value, ("database", key), f"the {what} that is created")
        for variable, value, key, what in (
            ("MLFLOW_DATABASE", database.name, "name", "database"),
            ("MLFLOW_USER", database.user, "user", "user"),
        )
        if value != "mlflow"
    )
    overlay = Overlay(components=(f"database-{engine}",), secrets=(secret,), changes=changes)
    overlay += Overlay(changes=tuple(pool.room(store, environment)))
    overlay += volume(store, database.size, database.class_name, ("database", "storage"))
    if database.image:
        overlay += Overlay(images=(image_of(IMAGES[engine], database.image, ("database", "image")),))
    return overlay


def _external(environment: Environment) -> Overlay:
    database = environment.database
    overlay = Overlay(components=("database-external",))
    if environment.network_policy.enabled:
        hosts = dict.fromkeys(host for host in (database.host, database.read_host) if host)
        places = [place for host in hosts for place in peers(host, environment.namespace.name)]
        to = [place for index, place in enumerate(places) if place not in places[:index]]
        egress = [{"to": to, "ports": [{"port": database.port, "protocol": "TCP"}]}]
        why = "the server and the migration reach this database"
        overlay += Overlay(changes=(Change(POLICY, ("spec", "egress"), egress, ("database", "host"), why),))
    if database.read_host:
        uri = database.uri_of(database.name, database.read_host)
        why = "the replica that is read from"
        replica = setting("MLFLOW_READ_REPLICA_BACKEND_STORE_URI", uri, ("database", "readHost"), why)
        overlay += Overlay(changes=(replica,))
    if database.engine == "postgres":
        overlay += Overlay(
            changes=(setting("PGSSLMODE", database.tls_mode, ("database", "tls", "mode"), "how it is spoken to"),)
        )
    if database.ca_secret:
        because: Route = ("database", "tls", "caSecret")
        changes = [change for target in (SERVER, MIGRATION) for change in authority(database, target, POD)]
        if database.engine == "postgres":
            changes.append(setting("PGSSLROOTCERT", CA_FILE, because, "the database's authority"))
        key = SecretKey("ca.crt", "the certificate authority of the database, in PEM", "@ca.crt", random=False)
        overlay += Overlay(
            components=("database-ca",),
            changes=tuple(changes),
            secrets=(Secret(database.ca_secret, (key,), because, in_cluster=False),),
        )
    return overlay
