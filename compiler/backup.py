"""Backups of the databases in the object store, on a schedule, and the way back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from compiler import database
from compiler.cron import findings, keys, scheduled
from compiler.diagnostic import Finding
from compiler.image import image, image_of, unpinned
from compiler.overlay import BACKUP, CRON_POD, POD, RESTORE, Change, Overlay, Ref
from compiler.part import Schema, integer, kibibytes, object_of, quantity
from compiler.route import Named, Route
from compiler.store import BUCKET, PREFIX
from compiler.stores import SETUPS

if TYPE_CHECKING:
    from compiler.environment import Environment

_SCHEDULE = "0 1 * * *"
_KEEP = 14
_SIZE = "10Gi"
_BECAUSE: Route = ("maintenance", "backup")
_ROLES = ((BACKUP, "containers", "initContainers", "dump"), (RESTORE, "initContainers", "containers", "load"))
"""The jobs, where each has the container that speaks with the store, and where which one that speaks with the database."""
_BEYOND = "512Mi"
_LEAST = "512Mi"
"""With what is beside the dumps, it is the disk that the base requests: a limit cannot be less."""
_SSL_MODES = {"disable": "DISABLED", "require": "REQUIRED", "verify-ca": "VERIFY_CA", "verify-full": "VERIFY_IDENTITY"}
_LONGEST = 63

KEY: Schema = object_of(
    "Dumps the databases into the object store, and keeps the newest dumps.",
    {
        **keys(_SCHEDULE),
        "keep": integer("How many backups are kept.", 1, 1000, default=_KEEP),
        "bucket": {**BUCKET, "description": "The bucket of backups, where it is not that of artifacts."},
        "prefix": {**PREFIX, "description": "The path in the bucket; `backups/<namespace>` without it."},
        "size": quantity("The most that all dumps of one backup may take on a node.", default=_SIZE),
        "image": image(
            "The image with the programs of a database of yours.", f"{database.IMAGES['postgres']}:17.11-bookworm"
        ),
    },
)


@dataclass(frozen=True)
class Backup:
    """When the databases are dumped, and where the dumps go. `bucket` is None for that of artifacts."""

    schedule: str
    suspend: bool
    keep: int
    bucket: str | None
    prefix: str | None
    size: str
    image: str | None


def read(given: Mapping[str, Any]) -> Backup:
    """The backups that were asked for."""
    return Backup(
        schedule=given.get("schedule", _SCHEDULE),
        suspend=given.get("suspend", False),
        keep=given.get("keep", _KEEP),
        bucket=given.get("bucket"),
        prefix=given.get("prefix"),
        size=given.get("size", _SIZE),
        image=given.get("image"),
    )


def check(environment: Environment, backup: Backup) -> Iterator[Finding]:
    """A schedule that never comes, a store that keeps nothing safe, a place that others can read, an image of no use."""
    yield from findings(backup.schedule, _BECAUSE)
    if kibibytes(backup.size) < kibibytes(_LEAST):
        message = f"maintenance.backup.size is {backup.size}, and the containers of a backup request {_LEAST} for dumps"
        yield Finding((*_BECAUSE, "size"), "bad-value", message, f"write {_LEAST} or more, or remove it")
    if environment.kind.store == "volume":
        message = "there is no object store to keep backups in, and a copy on the server's own volume is lost with it"
        hint = "remove it, and take snapshots of the volume, or dump the database from outside"
        yield Finding(_BECAUSE, "wrong-kind", message, hint, at_key=True)
        return
    if environment.database.engine == "mssql":
        message = "SQL Server dumps its databases to its own disks, and no program of its image does it from elsewhere"
        hint = "remove it, and let the server's owner back it up"
        yield Finding(_BECAUSE, "conflicting-keys", message, hint, at_key=True)
        return
    if _served(environment, backup):
        message = "clients could read the backups through the server: they would lie among the artifacts"
        hint = (
            "set maintenance.backup.bucket to another bucket, or artifacts.prefix to a path beside that of the backups"
        )
        yield Finding(_BECAUSE, "conflicting-keys", message, hint, at_key=True)
    if len(_bucket(environment, backup) or "") > _LONGEST:
        message = f"the name of a bucket has at most {_LONGEST} characters, and -backups makes that of artifacts longer"
        yield Finding(_BECAUSE, "bad-bucket", message, "set maintenance.backup.bucket", at_key=True)
    if backup.image and environment.database.in_cluster:
        message = "a database in the cluster is dumped by the programs of its own image"
        yield Finding((*_BECAUSE, "image"), "conflicting-keys", message, "set database.image", at_key=True)
    if backup.image:
        yield from unpinned((*_BECAUSE, "image"), backup.image)


def _bucket(environment: Environment, backup: Backup) -> str | None:
    """The bucket of backups, where it is not that of artifacts: a store in the cluster has one for them."""
    if backup.bucket is None and environment.kind.store in SETUPS:
        return f"{environment.artifacts.settings.bucket}-backups"
    return backup.bucket


def _prefix(environment: Environment, backup: Backup) -> str:
    return backup.prefix or f"backups/{environment.namespace.name}"


def place(environment: Environment, backup: Backup) -> str:
    """The URI that backups are kept under."""
    url = urlsplit(environment.artifacts.uri)
    own, at, host = url.netloc.partition("@")
    return f"{url.scheme}://{_bucket(environment, backup) or own}{at}{host}/{_prefix(environment, backup)}"


def _served(environment: Environment, backup: Backup) -> bool:
    """Whether backups lie where the server keeps what clients send, and so hands it out again."""
    return f"{place(environment, backup)}/".startswith(f"{environment.artifacts.uri}/")


def plan(environment: Environment, backup: Backup) -> Overlay:
    """Both jobs, where they find the database, and how they log in to the store."""
    engine = environment.database.engine
    if environment.kind.store == "volume" or engine not in database.IMAGES:
        return Overlay()
    changes = [*scheduled(BACKUP, backup.schedule, suspend=backup.suspend, because=_BECAUSE), *_kept(backup)]
    for target, of_store, of_database, client in _ROLES:
        changes += _stored(environment, backup, target, of_store)
        changes += _sized(backup, target, (of_store, "store"), (of_database, client))
        changes += _reached(environment, target, (*CRON_POD, of_database, Named(client)))
        changes += database.authority(environment.database, target, CRON_POD)
    if (bucket := _bucket(environment, backup)) and (setup := SETUPS.get(environment.kind.store)):
        route = (*POD, "containers", Named("setup"), "env", Named("BACKUP_BUCKET"), "value")
        changes.append(
            Change(setup, route, bucket, (*_BECAUSE, "bucket"), "the bucket of backups, which is created too")
        )
    overlay = Overlay(components=("maintenance-backup", f"maintenance-backup-{engine}"), changes=tuple(changes))
    if backup.image:
        overlay += Overlay(images=(image_of(database.IMAGES[engine], backup.image, (*_BECAUSE, "image")),))
    return overlay


def _kept(backup: Backup) -> Iterator[Change]:
    route = (*CRON_POD, "containers", Named("store"), "env", Named("BACKUP_KEEP"), "value")
    yield Change(BACKUP, route, str(backup.keep), (*_BECAUSE, "keep"), "how many are kept")


def _stored(environment: Environment, backup: Backup, target: Ref, group: str) -> Iterator[Change]:
    """Where backups are, and the identity of the server for the container that goes there."""
    container = (*CRON_POD, group, Named("store"))
    where = place(environment, backup)
    yield Change(
        target, (*container, "env", Named("BACKUP_PLACE"), "value"), where, (*_BECAUSE, "prefix"), "where backups are"
    )
    if environment.mlflow.pull_policy != "IfNotPresent":
        because: Route = ("mlflow", "image", "pullPolicy")
        yield Change(
            target, (*container, "imagePullPolicy"), environment.mlflow.pull_policy, because, "when the image is pulled"
        )
    account = environment.service_account
    if not account.create:
        because = ("serviceAccount", "name")
        yield Change(target, (*CRON_POD, "serviceAccountName"), account.name, because, "an account that is there")
    yield from _login(environment, target, container)


def _login(environment: Environment, target: Ref, container: Route) -> Iterator[Change]:
    """How the server logs in to the store, for another container: `base/components/identity-*` have the server's own."""
    store, identity, settings = environment.kind.store, environment.kind.identity, environment.artifacts.settings
    because: Route = ("artifacts", "existingSecret")
    if identity == "keys":
        if store == "gcs":
            folder = "/etc/mlflow/gcs-keys"
            variable = (*container, "env", Named("GOOGLE_APPLICATION_CREDENTIALS"), "value")
            yield Change(target, variable, f"{folder}/keyfile.json", because, "the key file of the store")
            yield from _mounted(target, container, "gcs-keys", (settings.existing_secret, "keyfile.json"), because)
        else:
            sources = [{"configMapRef": {"name": "mlflow-env"}}, {"secretRef": {"name": settings.existing_secret}}]
            yield Change(target, (*container, "envFrom"), sources, because, "the keys of the store")
    elif store == "azure":
        label = (*CRON_POD[:-1], "metadata", "labels", "azure.workload.identity/use")
        yield Change(target, label, "true", ("overlay",), "the webhook leaves pods without it alone")
    if authority := getattr(settings, "ca_secret", None):
        yield from _mounted(target, container, "artifacts-ca", (authority, "ca.crt"), ("artifacts", "caSecret"))


def _mounted(target: Ref, container: Route, name: str, secret: tuple[str, str], because: Route) -> Iterator[Change]:
    """A key of a Secret as a file, where the server has it too."""
    source = {"secretName": secret[0], "items": [{"key": secret[1], "path": secret[1]}]}
    yield Change(
        target, (*CRON_POD, "volumes", Named(name), "secret"), source, because, "what the store is logged in to with"
    )
    mount = (*container, "volumeMounts", Named(name))
    yield Change(target, (*mount, "mountPath"), f"/etc/mlflow/{name}", because, "where the server has it")
    yield Change(target, (*mount, "readOnly"), True, because, "where the server has it")  # noqa: FBT003 - a value


def _sized(backup: Backup, target: Ref, *containers: tuple[str, str]) -> Iterator[Change]:
    if backup.size == _SIZE:
        return
    because: Route = (*_BECAUSE, "size")
    yield Change(
        target, (*CRON_POD, "volumes", Named("backup"), "emptyDir", "sizeLimit"), backup.size, because, "room for dumps"
    )
    limit = f"{kibibytes(backup.size) + kibibytes(_BEYOND)}Ki"
    for group, name in containers:
        route = (*CRON_POD, group, Named(name), "resources", "limits", "ephemeral-storage")
        yield Change(target, route, limit, because, "room for dumps, and for what is beside them")


def _reached(environment: Environment, target: Ref, container: Route) -> Iterator[Change]:
    """Where the databases are, and the password's Secret."""
    known = environment.database
    names = [name for name in (known.name, known.registry, environment.users_database) if name]
    port, because = str(known.port), ("database",)
    default = {"postgres": "5432", "mysql": "3306"}[known.engine]
    for variable, value, usual in (
        ("DATABASE_HOST", known.host or known.engine, known.engine),
        ("DATABASE_PORT", port, default),
        ("DATABASE_USER", known.user, "mlflow"),
        ("DATABASES", " ".join(names), "mlflow"),
        ("DATABASE_TLS", _tls(environment), ""),
    ):
        if value != usual:
            yield Change(
                target, (*container, "env", Named(variable), "value"), value, because, "the database that is dumped"
            )
    password = "PGPASSWORD" if known.engine == "postgres" else "MYSQL_PWD"
    yield from database.password(known, target, (*container, "env", Named(password)))


def _tls(environment: Environment) -> str:
    """The options of MySQL's programs for a TLS mode. PostgreSQL's read variables that the server has too."""
    known = environment.database
    if known.engine != "mysql" or not known.host:
        return ""
    mode = f"--ssl-mode={_SSL_MODES[known.tls_mode]}"
    return f"{mode} --ssl-ca={database.CA_FILE}" if known.ca_secret else mode
