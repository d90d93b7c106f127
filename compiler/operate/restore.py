"""Brings a backup back: the server is stopped, the overlay's own CronJob loads the dumps, and the overlay is applied again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from compiler.archive import Copy
from compiler.operate.backup import cron, sources, unwell, without
from compiler.operate.changes import refusals
from compiler.operate.copy import bring
from compiler.operate.deploy import APPLY_SECONDS, objects
from compiler.operate.job import Ended, run, stopped
from compiler.operate.patient import Patient
from compiler.operate.target import CONTAINER, SERVER, Target
from compiler.operate.verdict import Result, Tell, failed, passed
from compiler.operate.watch import PATIENCE_SECONDS, wait
from compiler.overlay import BACKUP, GC, RESTORE

_NAMES = re.compile(r"the newest are: (.*)$", re.MULTILINE)
_UNTOUCHED = re.compile(r"nothing is loaded|is not what was stored|name one of the backups|has no manifest")
SCHEDULED = (BACKUP.name, GC.name)
"""What would touch the database or the store meanwhile."""


class Options(NamedTuple):
    """Which backup is loaded, which databases lose the tables that they have, and how long the server is waited for."""

    backup: str
    overwrite: tuple[str, ...] = ()
    stamp: str = ""
    seconds: float = 900
    patience: float = PATIENCE_SECONDS


def listed(target: Target, stamp: str, tell: Tell) -> Iterator[Result]:
    """The backups that are there: the CronJob of restores says so where it is given no name, and loads nothing."""
    found = cron(target, RESTORE)
    if found is None:
        yield without(RESTORE)
        return
    job = run(target, found, f"{RESTORE.name}-{stamp}", {"BACKUP": ""}, tell)
    names = _NAMES.search(job.logs.get("store", ""))
    if names is None:
        yield unwell("backups", job)
    else:
        yield passed("backups", names[1])


def brought(target: Target, copy: Copy, tell: Tell) -> Iterator[Result]:
    """Stores a copy's backup and artifacts where the environment keeps both, so that the backup can be brought back."""
    found = cron(target, RESTORE)
    if found is None:
        yield without(RESTORE)
        return
    name = str(copy.noted()["backup"])
    shell = Patient(target).shell(CONTAINER)
    yield from bring(shell, target.overlay, sources(target, found, name), copy, tell)


def restore(target: Target, options: Options, tell: Tell) -> Iterator[Result]:
    """Brings a backup back, and yields what came of each step; the first failure is the last but for the server's return."""
    found = cron(target, RESTORE)
    if found is None:
        yield without(RESTORE)
        return
    tell("stopping the server")
    _suspend(target)
    yield passed("stop", "the server is stopped, and nothing else is scheduled")
    if not stopped(target, SERVER, tell, options.seconds):
        yield failed("stop", "a pod of the server does not end", f"see why, then mlflow-overlays deploy {target.name}")
        return
    variables = {"BACKUP": options.backup, "OVERWRITE": " ".join(options.overwrite)}
    job = run(target, found, f"{RESTORE.name}-{options.stamp}", variables, tell, options.patience)
    if not job.ok:
        yield unwell("restore", job)
        yield from _after_failure(target, job, options, tell)
        return
    for line in (line for log in job.logs.values() for line in log.splitlines()):
        tell(line)
    yield passed("restore", f"{options.backup} is loaded")
    yield from _started(target, options, tell)


def _after_failure(target: Target, job: Ended, options: Options, tell: Tell) -> Iterator[Result]:
    """Where nothing was changed, the server may go on; otherwise a person has to look first."""
    if _UNTOUCHED.search("\n".join(job.logs.values())):
        tell("nothing was loaded: the server is started again")
        yield from _started(target, options, tell)
        return
    said = "the server stays stopped, since a database may be loaded in part"
    yield failed(
        "start",
        said,
        f"restore again, with --overwrite; mlflow-overlays deploy {target.name} starts the server as it is",
    )


def _suspend(target: Target) -> None:
    """No server, and nothing scheduled. Applying the overlay sets both to what it says."""
    namespace = f"--namespace={target.namespace}"
    for each in target.built("Deployment"):
        if each.ref.name.startswith("mlflow") and target.get("deployment", each.ref.name):
            target.cluster.must("scale", f"deployment/{each.ref.name}", "--replicas=0", namespace)
    for name in SCHEDULED:
        if target.get("cronjob", name):
            patch = json.dumps({"spec": {"suspend": True}})
            target.cluster.must("patch", f"cronjob/{name}", namespace, "--type=merge", f"--patch={patch}")


def _started(target: Target, options: Options, tell: Tell) -> Iterator[Result]:
    """The migration looks at the schema again, since a backup of an older MLflow has an older one; then the server starts."""
    for job in _migrations(target):
        target.cluster.must("delete", "job", job, f"--namespace={target.namespace}", "--ignore-not-found")
    tell(f"applying {target.directory}")
    answer = target.cluster.run("apply", f"--kustomize={target.directory}", seconds=APPLY_SECONDS)
    if answer.code:
        yield failed(
            "start", "the API server refuses the overlay", "see its words", target.masked(refusals(answer.words))
        )
        return
    _woken(target)
    yield from wait(target, objects(target), tell, options.seconds, options.patience)


def _migrations(target: Target) -> Sequence[str]:
    return [each.ref.name for each in target.built("Job") if each.ref.name.startswith("mlflow-migrate")]


def _woken(target: Target) -> None:
    """With an autoscaler the overlay names no replicas, and no autoscaler starts what has none."""
    for each in target.built("Deployment"):
        live = target.get("deployment", each.ref.name)
        if live and not live["spec"].get("replicas") and "replicas" not in each.spec:
            target.cluster.must(
                "scale", f"deployment/{each.ref.name}", "--replicas=1", f"--namespace={target.namespace}"
            )
