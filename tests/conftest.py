"""What all tests share: a project to compile in, and `--update`, which accepts what the tests get as golden files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from compiler.workspace import Workspace

ROOT = Path(__file__).resolve().parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="accept what the tests get as golden files")
    parser.addoption("--proofs", metavar="FILE", help="write what was proved of each environment, as JSON")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    return Golden(update=request.config.getoption("--update"))


class Golden:
    """Compares a text with the one that was accepted."""

    def __init__(self, *, update: bool) -> None:
        self.update = update

    def check(self, path: Path, text: str) -> None:
        """Fails where a text is not the accepted one; with --update, accepts it."""
        if self.update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        assert path.is_file(), f"{path} is missing: read what `make golden` writes there, and commit it"
        assert text == path.read_text(encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project of its own, with the real base."""
    (tmp_path / "base").symlink_to(ROOT / "base")
    return Project(Workspace(tmp_path))


class Project:
    """A project in a temporary directory."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def add(self, name: str, environment: str | bytes, custom: Path | None = None) -> Path:
        """Adds an environment and returns its directory."""
        directory = self.workspace.root / "overlays" / name
        directory.mkdir(parents=True, exist_ok=True)
        content = environment if isinstance(environment, bytes) else environment.encode()
        (directory / "environment.yaml").write_bytes(content)
        if custom:
            shutil.copytree(custom, directory / "custom")
        return directory

    def rewrite_base(self, name: str, old: str, new: str) -> None:
        """Replaces a text in a file of the project's own copy of the base, which has to hold it."""
        base = self.workspace.root / "base"
        if base.is_symlink():
            base.unlink()
            shutil.copytree(ROOT / "base", base)
        text = (self.workspace.root / name).read_text(encoding="utf-8")
        assert old in text, f"{name} does not hold {old!r}"
        (self.workspace.root / name).write_text(text.replace(old, new), encoding="utf-8")
