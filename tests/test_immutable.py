"""What no update may change, by the table that `tests/cluster` holds against a real API server."""

from __future__ import annotations

import pytest

from compiler.route import show
from compiler.rules.immutable import refused
from tests.immutables import CASES, Case


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_refused(case: Case) -> None:
    before, after = case.manifests("one", "here")
    found = refused([before], [after])
    assert [show(fault.route) for fault in found] == ([case.at] if case.at else [])
    assert all(fault.hint and f" {show(fault.route)} " in fault.message for fault in found)


def test_refused__not_where_it_is_another_object() -> None:
    case = next(case for case in CASES if case.at)
    (before, _), (_, after) = case.manifests("one", "here"), case.manifests("one", "there")
    assert refused([before], [after]) == []
