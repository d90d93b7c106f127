"""What is done on a schedule: deleting for good what was deleted, and backups.

`maintenance.gc` is a CronJob that runs `mlflow gc`. What users delete in MLflow is hidden, and kept: runs, models that were
logged and experiments, with their artifacts. The job deletes them for good when they have been in that state for `olderThan`.
Registered models, traces and whatever was not deleted stay; a registered model whose run is deleted loses its artifacts too.

- Artifacts are deleted through the server, so the job has no credentials of the store. With `mlflow.mode: direct` the server
  has none either: run `mlflow gc` where the clients' credentials are.
- With MLflow's own `auth` the job logs in as the administrator, with the password of the same Secret.
- Where `mlflow.env` has `MLFLOW_ENABLE_WORKSPACES: "true"`, the job looks in all workspaces.
- To run it now: `kubectl create job gc-now --from=cronjob/mlflow-gc`.
- It does not go with `auth.mode: oidc`, whose tokens it has none of, or with `tls`, whose authority it does not know. SQLite is a
  file of the one pod that writes it. The server's pod has the command too; under `tls`, say `https`, and add
  `MLFLOW_TRACKING_INSECURE_TLS=true`:
  `kubectl exec deployment/mlflow -- env MLFLOW_TRACKING_URI=http://localhost:5000 mlflow gc --older-than 30d`.

`maintenance.backup` is a CronJob that dumps the database, and with `auth` that of users, with the database's own programs, and
keeps the dumps in the object store, where the server's identity may write: `keep` of them, each in a folder that is named for
its time and has a manifest with the SHA-256 of every file. Artifacts are not part of it: for them the store has versions.

- They never lie where the server would hand them out: beside `artifacts.prefix`, or in a `bucket` of their own. MinIO's set-up
  creates that. Whoever may create experiments can name any place as theirs, and so reads what the server's identity may read.
- A job waits up to five minutes for a database that does not answer yet.
- `image` is for a database of yours: the programs must be of its version, or of a later one.
- To make one now: `kubectl create job backup-now --from=cronjob/mlflow-backup`.
- The way back is a CronJob that never runs by itself, `mlflow-restore`; [restore.md](restore.md) has the commands. It loads
  into empty databases alone, unless it is told the names of those that may lose what they have.

Schedules are those of cron, in UTC. A run that is still under way holds back the next. `suspend: true` keeps the CronJob, and
starts nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compiler import backup, garbage
from compiler.diagnostic import Finding
from compiler.kind import Kind
from compiler.overlay import Overlay
from compiler.part import Schema, object_of

if TYPE_CHECKING:
    from compiler.environment import Environment

KEYS: dict[str, Schema] = {
    "maintenance": object_of("What is done on a schedule.", {"gc": garbage.KEY, "backup": backup.KEY}, minProperties=1)
}


@dataclass(frozen=True)
class Maintenance:
    """What is done on a schedule."""

    gc: garbage.Gc | None
    backup: backup.Backup | None


def read(values: Mapping[str, Any], kind: Kind) -> Maintenance:
    """What is done on a schedule; an empty mapping asks for the defaults of its job."""
    given = values.get("maintenance", {})
    return Maintenance(
        gc=garbage.read(given["gc"]) if "gc" in given else None,
        backup=backup.read(given["backup"]) if "backup" in given else None,
    )


def check(environment: Environment) -> Iterable[Finding]:
    """Jobs that could not do their work."""
    maintenance = environment.maintenance
    if maintenance.gc:
        yield from garbage.check(environment, maintenance.gc)
    if maintenance.backup:
        yield from backup.check(environment, maintenance.backup)


def plan(environment: Environment) -> Overlay:
    """The jobs, and what they need to reach what the server reaches."""
    maintenance, overlay = environment.maintenance, Overlay()
    if maintenance.gc:
        overlay += garbage.plan(environment, maintenance.gc)
    if maintenance.backup:
        overlay += backup.plan(environment, maintenance.backup)
    return overlay
