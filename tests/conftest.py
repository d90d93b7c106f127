"""What all tests share: a project to compile in, and `--update`, which accepts what the tests get as golden files."""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from compiler import cli
from compiler.workspace import Workspace

ROOT = Path(__file__).resolve().parent.parent
ON_DEMAND = ("cloud", "cluster", "corpus", "policy", "upstream")
"""Markers of tests that stand beside others which always run."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="accept what the tests get as golden files")
    parser.addoption("--proofs", metavar="FILE", help="write what was proved of each environment, as JSON")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out the heavier tests whose marker the command line does not name."""
    left_out = [marker for marker in ON_DEMAND if marker not in config.getoption("-m")]
    asked_for = [item for item in items if not any(item.get_closest_marker(marker) for marker in left_out)]
    config.hook.pytest_deselected(items=[item for item in items if item not in asked_for])
    items[:] = asked_for


class Answer(NamedTuple):
    """What a run left: its exit code and its two streams."""

    code: int
    out: str
    err: str

    def codes(self) -> list[str]:
        """The codes of a report in text."""
        return re.findall(r"\[([a-z0-9-]+)\]$", self.out, re.MULTILINE)


Run = Callable[..., Answer]


@pytest.fixture
def command_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs mlflow-overlays with arguments, as a terminal of a person would, without the variables of CI."""
    for name in ("GITHUB_ACTIONS", "FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str, stdin: str | None = None) -> Answer:
        monkeypatch.setattr(sys, "argv", ["mlflow-overlays", *arguments])
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        try:
            cli.main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return run


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


def put_base(root: Path) -> None:
    """Puts the real base into a project, as files that are not to be written to: `Project.rewrite_base` replaces them."""
    shutil.copytree(ROOT / "base", root / "base", copy_function=_linked)


def _linked(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:
        # The two are on different file systems.
        shutil.copyfile(source, target)
    return target


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project of its own, with the real base."""
    put_base(tmp_path)
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
            shutil.copytree(custom, directory / "custom", symlinks=True)
        return directory

    def rewrite_base(self, name: str, old: str, new: str) -> None:
        """Replaces a text in a file of the project's own copy of the base, which has to hold it."""
        path = self.workspace.root / name
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{name} does not hold {old!r}"
        path.unlink()
        path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def run(project: Project, command_line: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command line inside the project."""
    monkeypatch.chdir(project.workspace.root)
    return command_line
