"""Which pods start anew, how, and because of what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from compiler.change.consequence import Consequence, Difference, Outcome
from compiler.change.objects import is_rename, renames
from compiler.change.pair import Pair
from compiler.route import Route

_TEMPLATE: Route = ("spec", "template")
_KEPT = ("Deployment", "StatefulSet", "DaemonSet")


def restarted(pairs: Sequence[Pair]) -> Iterator[Consequence]:
    """The pods whose template changes: by itself, or since what it reads is named for its content."""
    names = renames(pairs)
    for pair in pairs:
        causes = tuple(_causes(pair, names))
        if causes and pair.ref.kind in _KEPT:
            yield Consequence(Outcome.RESTARTED, pair.ref, _how(pair), causes=causes)
        if pair.ref.kind == "Job" and pair.renamed:
            message = "runs once more, for a Job that changes is another Job"
            yield Consequence(Outcome.RESTARTED, pair.ref, message, causes=causes)


def _causes(pair: Pair, names: Mapping[tuple[str, str], Pair]) -> Iterator[Difference]:
    """What differs in the template of a pair's pods, and in what it refers to by another name; each once."""
    seen: set[tuple[str, str]] = set()
    for each in pair.differences:
        if each.route[: len(_TEMPLATE)] != _TEMPLATE:
            continue
        if not is_rename(each, dict(names)):
            yield each
        elif (each.old, each.new) not in seen:
            seen.add((each.old, each.new))
            yield from names[each.old, each.new].differences


def _how(pair: Pair) -> str:
    spec, kind = pair.manifest.spec, pair.ref.kind
    strategy = spec.get("strategy" if kind == "Deployment" else "updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        return "its pods change when somebody deletes them"
    if kind == "Deployment" and strategy.get("type") == "Recreate":
        return "its pod stops before the new one starts: until then nobody answers"
    if kind == "StatefulSet":
        return "each of its pods stops before the new one starts: until then what needs it waits"
    return "its pods are replaced while it goes on answering"
