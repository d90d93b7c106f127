"""How many pods of the server run."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.overlay import SERVER
from tests.parts import KEYS, MINIO, changes, findings, planned


@pytest.mark.parametrize(
    ("more", "number"), [({}, 1), ({"replicas": 1}, 1), ({"replicas": 2}, 2), ({"replicas": 100}, 100)]
)
def test_plan__several_have_a_disruption_budget(more: dict[str, int], number: int) -> None:
    own = {"host": "db.acme.example", "existingSecret": "db", "maxConnections": 5000}
    overlay = planned(KEYS, database=own, **more)
    assert changes(overlay, SERVER)["spec.replicas"] == number
    assert ("replicas-several" in overlay.components) is (number > 1)


def test_plan__a_whole_number_is_one_however_it_is_written() -> None:
    found = changes(planned(MINIO, replicas=2.0), SERVER)["spec.replicas"]
    assert (found, type(found)) == (2, int)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (0, "bad-value"),
        (-1, "bad-value"),
        (101, "bad-value"),
        (1.5, "wrong-type"),
        ("2", "wrong-type"),
        (True, "wrong-type"),
    ],
)
def test_schema__refuses(number: Any, code: str) -> None:
    assert findings(MINIO, replicas=number) == [code]
