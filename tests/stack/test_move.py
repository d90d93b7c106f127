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


def copied(running: Running) -> str:
    """Applies the documents of the page, and returns what their Job logs."""
    (text,) = re.findall(r"^ *```yaml\n(.*?)^ *```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    for document in yaml.safe_load_all(dedent(text)):
        running.objects.add(document)
    job = running.cluster.job(running.objects.documents["Job", "move-artifacts"])
    until("the copy ends", lambda: job.succeeded or job.failed, 120, otherwise=job.said)
    assert job.succeeded, job.said()
    keys = running.secrets["mlflow-artifacts"]
    assert keys["AWS_SECRET_ACCESS_KEY"] not in job.said()
    return job.log()


def test_artifacts_move(tmp_path: Path) -> None:
    """What was logged with MinIO is read from VersityGW, by the same runs of the same database, and MinIO is removed"""
    try:
        server("mariadb")
    except Missing as reason:
        pytest.skip(str(reason))
    running = Running(OLD, tmp_path / OLD, beside=NEW)
    new = objects_of(NEW, running.secrets)
    mine = [each for each in new.all("Job") if each["metadata"]["name"].startswith("versitygw-setup")]
    try:
        for name in ("mysql", "minio", "versitygw"):
            running.cluster.stateful(running.objects.documents["StatefulSet", name])
        for job in running.objects.all("Job"):
            running.cluster.job(job)
        running.cluster.deployed(running.objects.documents["Deployment", "mlflow"])
        running.cluster.settled()
        assert len(mine) == 1
        first = running.client("write", "20")
        assert first.code == 0, first.log
        assert "they differ" not in copied(running)
        second = running.client("write", "1")
        assert second.code == 0, second.log
        running.cluster.delete(running.servers[0])
        said = copied(running)
        assert "they differ" not in said
        counted = re.search(r"^mlflow: (\d+) objects in MinIO, (\d+) in VersityGW$", said, re.MULTILINE)
        assert counted, said
        assert counted[1] == counted[2] != "0"
        running.cluster.drop(running.cluster.of("minio")[0])
        running.objects.documents |= new.documents
        running.cluster.deployed(running.objects.documents["Deployment", "mlflow"])
        running.cluster.settled()
        for wrote in (first, second):
            read = running.client("read", json.dumps(wrote.answer))
            assert read.code == 0, read.log
            assert read.answer["sha256"] == wrote.answer["sha256"]
        after = running.client("write", "1")
        assert after.code == 0, after.log
    finally:
        running.close()
