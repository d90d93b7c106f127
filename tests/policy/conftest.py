"""The tools, once for the whole run, and what they print at its end. Runs only when asked for: `-m policy`."""

from __future__ import annotations

from pathlib import Path

import pytest

from .tools import TOOLS, Missing, Tool

MARKER = "policy"
HERE = Path(__file__).resolve().parent
SAID = pytest.StashKey[list[str]]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves the tests of this directory out unless the command line names their marker."""
    if MARKER in config.getoption("-m"):
        return
    asked_for = [item for item in items if not (HERE in item.path.parents and item.get_closest_marker(MARKER))]
    config.hook.pytest_deselected(items=[item for item in items if item not in asked_for])
    items[:] = asked_for


@pytest.fixture(scope="session", params=list(TOOLS))
def tool(request: pytest.FixtureRequest) -> Tool:
    """One of the tools, ready to run."""
    try:
        return TOOLS[request.param]()
    except Missing as reason:
        pytest.skip(str(reason))


@pytest.fixture
def said(pytestconfig: pytest.Config) -> list[str]:
    """What is printed at the end of the run."""
    return pytestconfig.stash.setdefault(SAID, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Prints the tools' own words."""
    for text in config.stash.get(SAID, []):
        terminalreporter.write_line(text)
