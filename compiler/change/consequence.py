"""What follows from a change of an environment, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from compiler.manifest import Manifest, private
from compiler.overlay import Ref
from compiler.route import ABSENT, Route
from compiler.secrecy import credential_in

SECRET = "(secret)"  # noqa: S105 - what stands in its place


class Outcome(StrEnum):
    """What sort of thing follows, the worst first."""

    REFUSED = "refused"
    BROKEN = "broken"
    LOST = "lost"
    STRANDED = "stranded"
    MIGRATED = "migrated"
    RESTARTED = "restarted"
    LEFT = "left"
    ADDED = "added"
    CHANGED = "changed"


BAD = (Outcome.REFUSED, Outcome.BROKEN, Outcome.LOST, Outcome.STRANDED)
"""What nobody should find out from a cluster."""


@dataclass(frozen=True)
class Difference:
    """One value that two versions of an object do not share; an object or a value that one side has not is None or `ABSENT`."""

    before: Manifest | None
    after: Manifest | None
    route: Route
    old: Any = ABSENT
    new: Any = ABSENT

    @property
    def ref(self) -> Ref:
        """The object, as it is called now, or was called last."""
        found = self.after or self.before
        if found is None:
            raise ValueError(self.route)
        return found.ref

    def shown(self) -> tuple[Any, Any]:
        """Both values, with what may be a credential masked."""
        return self._masked(self.old), self._masked(self.new)

    def _masked(self, value: Any) -> Any:
        if value is ABSENT:
            return ABSENT
        hidden = private(self.ref, self.route) or (self.ref.kind == "Secret" and not self.route)
        return SECRET if hidden else masked(value)


@dataclass(frozen=True)
class Consequence:
    """Something that follows when a build is applied over the one before, in a sentence, and what to do about it."""

    outcome: Outcome
    ref: Ref
    message: str
    hint: str = ""
    causes: tuple[Difference, ...] = ()
    """What brings it about."""


def masked(value: Any) -> Any:
    """A value with each text masked that seems to hold a credential."""
    if isinstance(value, str):
        return SECRET if credential_in(value) else value
    if isinstance(value, dict):
        return {key: masked(each) for key, each in value.items()}
    return [masked(each) for each in value] if isinstance(value, list) else value
