"""What the tests of places share. They run only when asked for: `-m places`."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT

from .repository import Repository, released

HERE = Path(__file__).resolve().parent


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Nothing of this folder is even imported in another run."""
    return True if "places" not in config.getoption("-m") else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.places)


def release_tag() -> str:
    """The tag of this version of the project."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return f"v{project['version']}"


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """This project, as others install it."""
    return released(tmp_path_factory.mktemp("release"), release_tag())


def snippet(page: str, first_line: str) -> str:
    """The block of code in a page of the manual that begins with a line."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    for block in re.findall(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if block.startswith(f"{first_line}\n"):
            return str(block)
    raise AssertionError(f"docs/{page} has no block that begins with {first_line}")
