"""Servers of the whole run. Runs only when asked for: `-m cloud`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack.programs import Missing

from .tools import Store, amazon, minio, programs


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Nothing of this folder is even imported in another run."""
    return True if "cloud" not in config.getoption("-m") else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.cloud)


@pytest.fixture(scope="session", autouse=True)
def _tools() -> None:
    try:
        programs()
    except Missing as reason:
        pytest.skip(str(reason))


@pytest.fixture
def moto(tmp_path: Path) -> Iterator[Store]:
    """An Amazon of the test's own, without anything in it."""
    with amazon(tmp_path) as store:
        yield store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A MinIO of the test's own, without anything in it."""
    try:
        with minio(tmp_path) as store:
            yield store
    except Missing as reason:
        pytest.skip(str(reason))
