"""That it keeps running, and can be brought back."""

from __future__ import annotations

from urllib.parse import urlsplit

from compiler.audit.verdict import Built, Verdict, failed, named, passed, unseen
from compiler.overlay import BACKUP


def backups(built: Built) -> Verdict:
    """A CronJob, or the owner of the database."""
    job = built.of_name("CronJob", BACKUP.name)
    if job is not None and not job.spec.get("suspend"):
        return passed(f"{job.ref} runs at '{job.spec.get('schedule')}'; try a restore: docs/restore.md")
    if job is not None:
        return failed(
            f"{job.ref} is suspended", "remove maintenance.backup.suspend", ("maintenance", "backup", "suspend")
        )
    uri = urlsplit(built.settings.get("MLFLOW_BACKEND_STORE_URI", ""))
    host = uri.hostname or ""
    if uri.scheme == "sqlite":
        return failed("the database is a file on one volume", "take snapshots of the volume, and waive this")
    if built.of_name("StatefulSet", host) is not None:
        return failed("the database is on one volume in the cluster", "set maintenance.backup", ("database",))
    amazon = 'aws rds describe-db-instances --query "DBInstances[].[DBInstanceIdentifier,BackupRetentionPeriod]"'
    way = amazon if host.endswith(".rds.amazonaws.com") else "ask whoever runs it, or set maintenance.backup"
    return unseen(f"backups of {host} are made where it runs", way)


def several_replicas(built: Built) -> Verdict:
    """More than one pod of the server, and a budget."""
    server = built.side.server
    if server is None:
        return failed("there is no server", "see the build")
    least = [
        each.spec.get("minReplicas", 1)
        for each in built.of("HorizontalPodAutoscaler")
        if (each.spec.get("scaleTargetRef") or {}).get("name") == server.ref.name
    ]
    count = least[0] if least else server.spec.get("replicas", 1)
    if count < 2:
        return failed(
            "one pod answers: while it moves to another node, nobody does",
            "use a kind with a database" if _sqlite(built) else "set replicas: 2, or more",
            ("overlay",) if _sqlite(built) else ("replicas",),
        )
    broken = built.broken("disruption-budget", "no-anti-affinity", "spread-constraint")
    if broken:
        return failed(named(broken), "keep the budget and the spreading of the base")
    return passed(f"{count} pods, on different nodes where there are any, and a budget that lets one go at a time")


def _sqlite(built: Built) -> bool:
    return built.settings.get("MLFLOW_BACKEND_STORE_URI", "").startswith("sqlite")


def pinned_images(built: Built) -> Verdict:
    """Each image has a version or a digest."""
    broken = built.broken("unpinned-image")
    if broken:
        return failed(named(broken), "name a version, or add the digest")
    return passed("each image has a version or a digest")
