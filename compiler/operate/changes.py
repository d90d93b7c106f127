"""What applying an overlay would change in the cluster, as the API server itself says beforehand.

The one way in for `deploy`: `changes`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from compiler.cluster import Answer
from compiler.operate.target import Target
from compiler.operate.verdict import Result, failed, passed

_LINE = re.compile(r"^(\S+?)/(\S+) (created|configured|unchanged|serverside-applied)\b", re.MULTILINE)
_AROUND = ("Warning:", "{", "to:", "Resource:", "Name:", "Error from server (Invalid): error when applying patch")
_FRAME = re.compile(r'^for: "[^"]*": |error when (?:patching|creating|retrieving) "[^"]*": |^The request is invalid: ')
LONGEST = 500
MEND = "the API server takes no such change: what it says names the field; an object may have to be deleted first"


class Changes(NamedTuple):
    """The objects that would be created and changed, as `kind/name`, how many stay, and the answer itself."""

    created: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: int
    answer: Answer

    def __str__(self) -> str:
        parts = [f"creates {', '.join(self.created)}"] if self.created else []
        parts += [f"changes {', '.join(self.changed)}"] if self.changed else []
        return "; ".join([*parts, f"{self.unchanged} objects stay as they are"])


def changes(target: Target) -> Changes:
    """Asks the API server. Before the namespace is there it cannot tell, so kubectl does."""
    where = "server" if target.cluster.get("namespace", target.namespace) else "client"
    answer = target.cluster.run("apply", f"--kustomize={target.directory}", f"--dry-run={where}", seconds=300)
    return read(answer)


def read(answer: Answer) -> Changes:
    """What kubectl printed, by what happens to each object."""
    found: dict[str, list[str]] = {}
    for kind, name, fate in _LINE.findall(answer.out):
        found.setdefault(fate, []).append(f"{kind.partition('.')[0]}/{name}")
    changed = (*found.get("configured", ()), *found.get("serverside-applied", ()))
    return Changes(tuple(found.get("created", ())), changed, len(found.get("unchanged", ())), answer)


def judged(target: Target, found: Changes) -> Result:
    """Whether they can be made."""
    if found.answer.code:
        raise_away(target, found.answer)
        return failed(
            "changes", "the API server refuses the overlay", MEND, target.masked(refusals(found.answer.words))
        )
    return passed("changes", str(found))


def refusals(words: str) -> list[str]:
    """What the API server says no to, without the patches and objects that kubectl prints around it."""
    lines = (_FRAME.sub("", line) for line in words.splitlines() if not line.startswith(_AROUND))
    return [line if len(line) <= LONGEST else f"{line[:LONGEST]}..." for line in lines if line.strip()]


def raise_away(target: Target, answer: Answer) -> None:
    """Raises `Missing` where the cluster did not answer at all."""
    from compiler.errors import Missing

    failure = target.cluster.failure(answer)
    if isinstance(failure, Missing):
        raise failure
