"""What no update may change: the table of the rule, applied to a real API server, change by change."""

from __future__ import annotations

import json

import pytest

from tests.immutables import CASES, Case

from .apiserver import Server
from .controllers import default_account
from .kubectl import Answer

pytestmark = pytest.mark.cluster
SPACE = "immutable"


@pytest.fixture(scope="module")
def answers(server: Server) -> dict[str, tuple[Answer, Answer]]:
    """What the server says to each object, and then to its change."""
    server.kubectl.must("create", "namespace", SPACE)
    default_account(server.kubectl, SPACE)
    found = {}
    for number, case in enumerate(CASES):
        before, after = case.manifests(f"case-{number}", SPACE)
        first, then = (
            server.kubectl.run("apply", "--filename=-", text=json.dumps(each.data)) for each in (before, after)
        )
        found[case.name] = first, then
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_change(case: Case, answers: dict[str, tuple[Answer, Answer]]) -> None:
    """The server refuses what the rule says, and nothing else."""
    first, then = answers[case.name]
    assert first.code == 0, first
    assert bool(then.code) == bool(case.at), then
