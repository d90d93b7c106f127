"""Which schema of its databases each version of MLflow ends at, from `revisions.json`, which `scripts/revisions.py` writes."""

from __future__ import annotations

import json
from functools import cache
from pkgutil import get_data


@cache
def _table() -> dict[str, dict[str, str]]:
    return json.loads(get_data("compiler.change", "revisions.json") or b"{}")  # type: ignore[no-any-return]


def revisions(old: str, new: str) -> tuple[str, ...] | None:
    """The revisions that two versions end at: both where they differ, none where they are the same; None where it is unknown."""
    before, after = _table().get(old), _table().get(new)
    if before is None or after is None:
        return None
    return next(((before[name], after[name]) for name in before if before[name] != after[name]), ())
