"""The tools, once for the whole run, and what they print at its end. Runs only when asked for: `-m policy`."""

from __future__ import annotations

import pytest

from .tools import TOOLS, Missing, Tool

SAID = pytest.StashKey[list[str]]()


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
