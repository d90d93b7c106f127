"""The objects themselves: what is new, what changes, what is refused, and what stays behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from compiler.change.consequence import Consequence, Difference, Outcome
from compiler.change.pair import Pair
from compiler.manifest import Manifest
from compiler.quantity import number
from compiler.route import ABSENT, Route
from compiler.rules.immutable import refused as forbidden
from compiler.rules.left import left_behind
from compiler.rules.scaling import reset

_STORAGE: Route = ("spec", "resources", "requests", "storage")


def added(pairs: Sequence[Pair]) -> Iterator[Consequence]:
    """What was not there."""
    for pair in pairs:
        if pair.before is None and pair.after is not None:
            cause = Difference(None, pair.after, (), ABSENT, pair.after.data)
            yield Consequence(Outcome.ADDED, pair.ref, "is created", causes=(cause,))


def changed(pairs: Sequence[Pair]) -> Iterator[Consequence]:
    """What has another value. Names that follow from content are no change of what refers to them."""
    names = renames(pairs)
    for pair in pairs:
        causes = tuple(each for each in pair.differences if not is_rename(each, names))
        if causes:
            count = f"{len(causes)} values" if len(causes) > 1 else "1 value"
            message = f"{count}, and so another name" if pair.renamed else count
            yield Consequence(Outcome.CHANGED, pair.ref, message, _after(pair, causes), causes)


def _after(pair: Pair, causes: Sequence[Difference]) -> str:
    """What to know of a kind of change that is accepted."""
    if pair.ref.kind == "Secret":
        return "pods read it when they start: kubectl rollout restart whatever uses it"
    grown = [each for each in causes if each.route == _STORAGE and number(each.new) > number(each.old)]
    if pair.ref.kind == "PersistentVolumeClaim" and grown:
        return "a claim grows when it is bound and its StorageClass has allowVolumeExpansion; it never shrinks again"
    return ""


def renames(pairs: Sequence[Pair]) -> dict[tuple[str, str], Pair]:
    """The objects that are called something else, by both names."""
    return {
        (pair.before.ref.name, pair.after.ref.name): pair
        for pair in pairs
        if pair.renamed and pair.before and pair.after
    }


def is_rename(difference: Difference, names: dict[tuple[str, str], Pair]) -> bool:
    """Whether a value is the name of an object that is called something else."""
    return isinstance(difference.old, str) and (difference.old, difference.new) in names


def refused(pairs: Sequence[Pair], before: Sequence[Manifest], after: Sequence[Manifest]) -> Iterator[Consequence]:
    """What the API server does not accept."""
    for fault in forbidden(before, after):
        pair = next(pair for pair in pairs if pair.after is not None and pair.after.ref == fault.ref)
        yield Consequence(Outcome.REFUSED, fault.ref, fault.message, fault.hint, (pair.difference(fault.route),))


def left(pairs: Sequence[Pair], before: Sequence[Manifest], after: Sequence[Manifest]) -> Iterator[Consequence]:
    """What `kubectl apply` leaves in the cluster, or sets back."""
    for fault in left_behind(before, after):
        gone = [pair for pair in pairs if pair.after is None and pair.ref.kind == fault.ref.kind]
        causes = tuple(Difference(pair.before, None, (), pair.manifest.data) for pair in gone)
        yield Consequence(Outcome.LEFT, fault.ref, fault.message, fault.hint, causes)
    for fault in reset(before, after):
        yield Consequence(Outcome.CHANGED, fault.ref, fault.message, fault.hint)
