"""From MinIO to VersityGW, as docs/stores.md says it: with the Job of that page, and MySQL as it is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from textwrap import dedent

import pytest
import yaml

from .programs import ROOT, Missing, server
from .running import Running, objects_of
from .wait import until

OLD, NEW = "minio-mysql", "versitygw-mysql"
PAGE = ROOT / "docs" / "stores.md"


def copy(running: Running) -> None:
    """Applies the documents of the page, and waits for their Job."""
    (text,) = re.findall(r"^ *```yaml\n(.*?)^ *```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    for document in yaml.safe_load_all(dedent(text)):
        running.objects.add(document)
    job = running.cluster.job(running.objects.documents["Job", "move-artifacts"])
    until("the copy ends", lambda: job.succeeded or job.failed, 120, otherwise=job.said)
    assert job.succeeded, job.said()
    counted = re.search(r'^in VersityGW: .*"objects":([1-9][0-9]*)', job.log(), re.MULTILINE)
    assert counted, job.said()
    assert running.secrets["mlflow-artifacts"]["AWS_SECRET_ACCESS_KEY"] not in job.said()


def test_artifacts_move(tmp_path: Path) -> None:
    """What was logged with MinIO is read from VersityGW, by the same runs of the same database, and MinIO is removed"""
    try:
        server("mariadb")
    except Missing as reason:
        pytest.skip(str(reason))
    running = Running(OLD, tmp_path / OLD, beside=NEW)
    old, new = (objects_of(name, running.secrets) for name in (OLD, NEW))
    migration, setup = sorted(new.all("Job"), key=lambda job: str(job["metadata"]["name"]))
    try:
        for name in ("mysql", "minio", "versitygw"):
            running.cluster.stateful(running.objects.documents["StatefulSet", name])
        for job in (*old.all("Job"), setup):
            running.cluster.job(job)
        running.cluster.deployed(running.objects.documents["Deployment", "mlflow"])
        running.cluster.settled()
        wrote = running.client("write", "20")
        assert wrote.code == 0, wrote.log
        running.cluster.delete(running.servers[0])
        copy(running)
        running.cluster.drop(running.cluster.of("minio")[0])
        running.objects.documents |= new.documents
        running.cluster.job(migration)
        running.cluster.deployed(running.objects.documents["Deployment", "mlflow"])
        running.cluster.settled()
        read = running.client("read", json.dumps(wrote.answer))
        assert read.code == 0, read.log
        assert read.answer["sha256"] == wrote.answer["sha256"]
        after = running.client("write", "1")
        assert after.code == 0, after.log
    finally:
        running.close()
