"""Copies on this machine: a file is there when it is whole, and is what it was."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from compiler.archive import MANIFEST, Copy, Damaged
from compiler.errors import Missing, Usage

FILES = {"1/run/artifacts/model.pkl": b"a model", "1/run/artifacts/ü.txt": b""}


def known(content: bytes) -> dict[str, object]:
    return {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def archive(path: Path, files: Mapping[str, bytes], manifest: object = None) -> None:
    """A tar with these files, and a manifest of them or another."""
    with tarfile.open(path, "w") as opened:
        described = {name: known(content) for name, content in files.items()} if manifest is None else manifest
        members = {**files, **({} if manifest is False else {MANIFEST: json.dumps(described).encode()})}
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            opened.addfile(member, io.BytesIO(content))


def test_verified__every_file_with_size_and_digest(tmp_path: Path) -> None:
    archive(tmp_path / "a.tar", FILES)
    assert Copy(tmp_path).verified("a.tar") == {name: known(content) for name, content in FILES.items()}


@pytest.mark.parametrize(
    ("files", "manifest", "said"),
    [
        (FILES, False, "it has no manifest"),
        (FILES, {}, "not what was copied: 1/run/artifacts/model.pkl"),
        ({}, {"lost": known(b"")}, "not what was copied: lost"),
        ({"a": b"changed"}, {"a": known(b"was else")}, "not what was copied: a"),
        ({"../out": b""}, None, r"not what was copied: \.\./out"),
        ({"/out": b""}, None, "not what was copied: /out"),
    ],
    ids=["no-manifest", "unknown", "lost", "changed", "upwards", "absolute"],
)
def test_verified__what_is_not_what_was_copied(
    tmp_path: Path, files: Mapping[str, bytes], manifest: object, said: str
) -> None:
    archive(tmp_path / "a.tar", files, manifest)
    with pytest.raises(Damaged, match=said):
        Copy(tmp_path).verified("a.tar")


@pytest.mark.parametrize("length", [0, 10, 700, 1500])
def test_verified__a_tar_that_was_cut_off(tmp_path: Path, length: int) -> None:
    archive(tmp_path / "a.tar", FILES)
    whole = (tmp_path / "a.tar").read_bytes()
    (tmp_path / "a.tar").write_bytes(whole[:length])
    with pytest.raises(Damaged):
        Copy(tmp_path).verified("a.tar")


def test_writing__a_file_that_was_not_finished_has_no_name(tmp_path: Path) -> None:
    copy = Copy(tmp_path / "new").made()

    def broken() -> None:
        with copy.writing("a.tar") as file:
            file.write(b"half")
            raise ValueError("half")

    with pytest.raises(ValueError, match="half"):
        broken()
    assert list(copy.directory.iterdir()) == []
    with copy.writing("a.tar") as file:
        file.write(b"whole")
    assert [path.name for path in copy.directory.iterdir()] == ["a.tar"]
    assert copy.directory.stat().st_mode & 0o077 == 0


def test_made__nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Usage, match="is there already"):
        Copy(tmp_path).made()
    with pytest.raises(Usage, match="is there already"):
        Copy(tmp_path / "file").made()


def test_noted__what_is_no_manifest(tmp_path: Path) -> None:
    copy = Copy(tmp_path)
    with pytest.raises(Missing, match="holds no copy"):
        copy.noted()
    for text in ("{", "[]", "{}"):
        (tmp_path / "manifest.json").write_text(text)
        with pytest.raises(Damaged):
            copy.noted()
    (tmp_path / "manifest.json").unlink()
    copy.note({"backup": "20260131T010000Z"})
    assert copy.noted() == {"backup": "20260131T010000Z"}


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_made__nobody_else_reads_it_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    wide = tmp_path / "wide"
    wide.mkdir(mode=0o755)
    before = os.umask(umask)
    try:
        for directory in (wide, tmp_path / "new"):
            copy = Copy(directory).made()
            with copy.writing("a.tar") as file:
                file.write(b"all")
            copy.note({"backup": "x"})
            assert directory.stat().st_mode & 0o777 == 0o700
            assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}
    finally:
        os.umask(before)


def test_writing__replaces_no_file_and_follows_no_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    directory = tmp_path / "copy"
    directory.mkdir()
    (directory / ".a.tar.part").symlink_to(victim)
    (directory / "b.tar").write_bytes(b"before")
    with Copy(directory).writing("a.tar") as file:
        file.write(b"all")
    with pytest.raises(Usage), Copy(directory).writing("b.tar"):
        pass
    assert (victim.read_bytes(), (directory / "b.tar").read_bytes()) == (b"mine", b"before")
