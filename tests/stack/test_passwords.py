"""Passwords of every kind. The environments' own tests use one kind for users and another for administrators; here they are
exchanged."""

from __future__ import annotations

from pathlib import Path

import pytest

from .running import DASHED, STRANGE, Running, values


@pytest.mark.parametrize("name", ["minio-postgres", "minio-mysql", "versitygw-postgres"])
def test_passwords_of_every_kind_work(name: str, tmp_path: Path) -> None:
    """Quotes, spaces, dollars, umlauts and a leading dash work for the user and the superuser of database and store"""
    running = Running(name, tmp_path / name, values(DASHED, STRANGE))
    try:
        running.cluster.apply("StatefulSet", "Job")
        running.cluster.settled()
        assert running.sql("SELECT 1").strip() == "1"
        assert running.contents("list").code == 0
        assert running.contents("read", running.bucket, keys=running.secrets["mlflow-artifacts"]).code == 0
    finally:
        running.close()
