"""The corpus is compared only when asked for: `-m corpus`."""

from __future__ import annotations

from pathlib import Path

import pytest

MARKER = "corpus"
HERE = Path(__file__).resolve().parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves the tests of this directory out unless the command line names their marker."""
    if MARKER in config.getoption("-m"):
        return
    asked_for = [item for item in items if not (HERE in item.path.parents and item.get_closest_marker(MARKER))]
    config.hook.pytest_deselected(items=[item for item in items if item not in asked_for])
    items[:] = asked_for
