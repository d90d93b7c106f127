"""A copy on this machine is the way back from nothing: every run, model and artifact byte."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from compiler.archive import WHOLE, Copy
from compiler.operate.copy import ARTIFACTS, DATABASES, bring, place, save
from compiler.operate.verdict import Result
from compiler.overlay import BACKUP

from .operating import Container, asked
from .running import Running
from .test_maintenance import backed_up, backups, restore

pytestmark = pytest.mark.environments("maintenance")


def sources(running: Running, name: str) -> dict[str, str]:
    """What a copy is made of, as `backup --to` has it."""
    environment, _ = asked(running.name)
    cron = running.objects.documents["CronJob", BACKUP.name]
    return {DATABASES: f"{place(cron)}/{name}", ARTIFACTS: environment.artifacts.uri}


def copied(running: Running, folder: Path) -> tuple[Copy, str, list[Result]]:
    """A backup and all artifacts, in a folder."""
    name = backed_up(running)
    copy = Copy(folder).made()
    _, overlay = asked(running.name)
    about = {"backup": name, "environment": running.name}
    shell = Container(running.servers[0])
    return copy, name, list(save(shell, overlay, sources(running, name), copy, about, lambda _: None))


@pytest.fixture
def nothing(running: Running, tmp_path: Path) -> Iterator[Running]:
    """The same environment in another, empty cluster."""
    other = Running(running.name, tmp_path / "other", running.secrets)
    try:
        other.start()
        yield other
    finally:
        other.close()


def test_a_copy_brings_back_everything_from_nothing(running: Running, nothing: Running, tmp_path: Path) -> None:
    """A copy on another machine brings runs, models and every byte of their artifacts into an empty cluster"""
    wrote = running.client("write", "20")
    assert wrote.code == 0, wrote.log
    kept = {each["key"]: each["size"] for each in running.contents("list").answer if each["bucket"] == running.bucket}
    assert kept
    copy, name, results = copied(running, tmp_path / "copy")
    assert not [result for result in results if result.failed], results
    manifest = json.loads((tmp_path / "copy" / WHOLE).read_text())
    assert {path: each["size"] for path, each in manifest["artifacts"].items()} == kept
    assert wrote.answer["sha256"] in [each["sha256"] for each in manifest["artifacts"].values()]
    assert sorted(manifest["databases"]) == ["manifest.json", "mlflow.dump", "mlflow_auth.dump"]
    _, overlay = asked(running.name)
    shell = Container(nothing.servers[0])
    stored = list(bring(shell, overlay, sources(nothing, name), copy, lambda _: None))
    assert not [result for result in stored if result.failed], stored
    assert sorted(backups(nothing)) == [name]
    restore(nothing, BACKUP=name, OVERWRITE="mlflow mlflow_auth")
    there = {each["key"]: each["size"] for each in nothing.contents("list").answer if each["bucket"] == nothing.bucket}
    assert there == kept
    read = nothing.client("read", json.dumps(wrote.answer))
    assert read.code == 0, read.log
    assert (read.answer["params"], read.answer["metrics"]) == (True, True)
    assert read.answer["sha256"] == wrote.answer["sha256"]


def test_a_spoilt_copy_stores_nothing(running: Running, tmp_path: Path) -> None:
    """A copy that is cut off, or that was changed, is found out before anything of it is stored"""
    copy, name, results = copied(running, tmp_path / "copy")
    assert not [result for result in results if result.failed], results
    before = {each["key"] for each in running.contents("list").answer}
    _, overlay = asked(running.name)
    file = tmp_path / "copy" / ARTIFACTS
    whole = file.read_bytes()
    with tarfile.open(file) as archive:
        first = next(member for member in archive if member.size)
    changed = bytearray(whole)
    changed[first.offset_data] ^= 1
    for content, said in ((whole[: len(whole) // 2], ""), (bytes(changed), f"not what was copied: {first.name}")):
        file.write_bytes(content)
        shell = Container(running.servers[0])
        stored = list(bring(shell, overlay, sources(running, name), copy, lambda _: None))
        assert stored[-1].failed
        assert said in stored[-1].said
    assert {each["key"] for each in running.contents("list").answer} == before
