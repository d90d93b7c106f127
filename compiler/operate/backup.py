"""Makes a backup of the databases now, by the overlay's own CronJob, and shows its manifest."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from compiler.archive import Copy
from compiler.cluster import Object
from compiler.operate.copy import ARTIFACTS, DATABASES, place, save
from compiler.operate.job import Ended, run
from compiler.operate.patient import Patient
from compiler.operate.target import CONTAINER, Target
from compiler.operate.verdict import Result, Tell, failed, passed
from compiler.overlay import BACKUP, Ref

STORED = re.compile(r"^(\d{8}T\d{6}Z): stored ", re.MULTILINE)
_MANIFEST = re.compile(r"^(\d{8}T\d{6}Z): manifest (\{.*\})$", re.MULTILINE)
_MEND = "set maintenance.backup in environment.yaml and deploy; docs/restore.md has what it does"


class Manifest(NamedTuple):
    """A backup that is stored: its name, MLflow's version, and each file with its size and SHA-256."""

    name: str
    mlflow: str
    files: dict[str, dict[str, Any]]


def cron(target: Target, wanted: Ref) -> Object | None:
    """A CronJob of the overlay, as the cluster has it."""
    return target.get("cronjob", wanted.name)


def without(wanted: Ref) -> Result:
    """What is said where there is no such CronJob."""
    return failed(wanted.name, "there is no such CronJob in the cluster", _MEND)


def told(log: str) -> Manifest | None:
    """The manifest of the backup that a Job has stored, from its log."""
    found = _MANIFEST.search(log)
    if not found:
        return None
    manifest = json.loads(found[2])
    return Manifest(found[1], str(manifest["mlflow"]), manifest["files"])


def unwell(check: str, job: Ended) -> Result:
    """A Job that failed, with its words and its logs."""
    logged = [line for log in job.logs.values() for line in log.splitlines()[-10:]]
    return failed(check, job.reason, job.mend, [*job.words, *(line for line in logged if line not in job.words)])


def backup(target: Target, stamp: str, tell: Tell, copy: Copy | None = None) -> Iterator[Result]:
    """Makes a backup, and yields what came of it, with each file and its checksum.

    With `copy`, it is copied there, and so are all artifacts.
    """
    found = cron(target, BACKUP)
    if found is None:
        yield without(BACKUP)
        return
    tell(f"{BACKUP.name}: dumping and storing")
    job = run(target, found, f"{BACKUP.name}-{stamp}", {}, tell)
    if not job.ok:
        yield unwell("backup", job)
        return
    manifest = told(job.logs.get("store", ""))
    if manifest is None:
        yield failed("backup", f"{job.name} is complete and names no backup", "look at its log", [*job.logs.values()])
        return
    yield passed("backup", f"{manifest.name} is stored, of MLflow {manifest.mlflow}")
    for file, known in manifest.files.items():
        yield passed(file, f"{known['size']} bytes, SHA-256 {known['sha256']}")
    if copy is not None:
        about = {"backup": manifest.name, "mlflow": manifest.mlflow, "environment": target.name}
        shell = Patient(target).shell(CONTAINER)
        yield from save(shell, target.overlay, sources(target, found, manifest.name), copy, about, tell)


def sources(target: Target, found: Object, name: str) -> dict[str, str]:
    """What a copy holds, by the name of each tar: a backup, and the artifacts. In: the CronJob, and the backup's name."""
    return {DATABASES: f"{place(found)}/{name}", ARTIFACTS: target.environment.artifacts.uri}
