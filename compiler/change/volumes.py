"""Volumes and backups that nothing looks at any more, and what is deleted for good."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from compiler.change.consequence import Consequence, Difference, Outcome
from compiler.change.pair import Pair, lasting, namespace
from compiler.change.settings import Side, value
from compiler.overlay import BACKUP, CRON_POD, GC, POD
from compiler.route import ABSENT, Named, Route
from compiler.rules.left import needed
from compiler.stores.minio import SETUP

_STORE: Route = (*CRON_POD, "containers", Named("store"), "env")
_KEEP: Route = (*_STORE, Named("BACKUP_KEEP"), "value")
_PLACE: Route = (*_STORE, Named("BACKUP_PLACE"), "value")
_OLDER: Route = (*CRON_POD, "containers", Named("gc"), "args", 1)
_RETENTION: Route = ("spec", "persistentVolumeClaimRetentionPolicy")
_SETUP: Route = (*POD, "containers", Named("setup"), "env")
_DAYS: Route = (*_SETUP, Named("NONCURRENT_DAYS"), "value")
_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


def stranded(pairs: Sequence[Pair], before: Side, after: Side) -> Iterator[Consequence]:
    """What stays on a volume, in a namespace or among backups that nobody reads any more."""
    if before.namespace and after.namespace and before.namespace != after.namespace:
        yield from _moved(pairs, before.namespace, after.namespace)
        return
    for pair in pairs:
        if pair.after is None:
            if not needed(pair.ref.kind, pair.ref.name, namespace(pair.manifest), after.manifests):
                yield from _gone(pair)
        elif pair.before is not None:
            yield from _elsewhere(pair)


def _moved(pairs: Sequence[Pair], old: str, new: str) -> Iterator[Consequence]:
    space = next(pair for pair in pairs if pair.after is not None and namespace(pair.after) == new)
    message = (
        f"nothing moves from the namespace {old} to {new}: what is there goes on running beside the new, "
        "with its volumes and Secrets, and volumes in the new one are empty"
    )
    hint = f"move the data first, create the Secrets of SECRETS.md in {new}, and delete the namespace {old} last"
    cause = Difference(space.before, space.after, ("metadata", "namespace"), old, new)
    yield Consequence(Outcome.STRANDED, space.ref, message, hint, (cause,))


def _gone(pair: Pair) -> Iterator[Consequence]:
    spec, ref = pair.manifest.spec, pair.ref
    if ref.kind == "StatefulSet" and spec.get("volumeClaimTemplates"):
        names = [f"{each['metadata']['name']}-{ref.name}-0" for each in spec["volumeClaimTemplates"]]
        message = (
            f"is no longer in the overlay: what is on its volume ({', '.join(names)}) stays there, and nothing reads it"
        )
        yield Consequence(
            Outcome.STRANDED, ref, message, "move the data first; deleting the claim deletes it", (pair.difference(()),)
        )
    if ref.kind == "PersistentVolumeClaim":
        message = "is no longer in the overlay: what is on the volume stays there, and nothing reads it"
        yield Consequence(
            Outcome.STRANDED, ref, message, "move the data first; deleting the claim deletes it", (pair.difference(()),)
        )


def _elsewhere(pair: Pair) -> Iterator[Consequence]:
    for each in pair.differences:
        if (
            each.route[:3] == POD
            and each.route[-2:] == ("persistentVolumeClaim", "claimName")
            and each.old is not ABSENT
        ):
            message = f"what is on the volume {each.old} stays there, and its pods mount {_or_none(each.new)}"
            yield Consequence(Outcome.STRANDED, pair.ref, message, "copy it first, while both are mounted", (each,))
        if each.route == _PLACE:
            message = f"the backups that there are stay in {each.old}, and mlflow-restore looks in {each.new}"
            yield Consequence(
                Outcome.STRANDED, pair.ref, message, "copy them, or keep the old place until they are too old", (each,)
            )


def lost(pairs: Sequence[Pair], before: Side, after: Side) -> Iterator[Consequence]:
    """What is deleted for good, soon or when somebody deletes something else."""
    for pair in pairs:
        if pair.after is None:
            continue
        if pair.ref == GC:
            yield from _collected(pair)
        old, new = value(pair, _KEEP)
        if pair.ref == BACKUP and old.isdigit() and new.isdigit() and int(new) < int(old):
            message = f"the next backup deletes all older ones but {new}; {old} were kept"
            yield Consequence(Outcome.LOST, pair.ref, message, "copy those that you need", (pair.difference(_KEEP),))
        if pair.ref.kind == "Job" and lasting(pair.manifest) == SETUP.name:
            yield from _expired(pair)
        for when in ("whenDeleted", "whenScaled"):
            route = (*_RETENTION, when)
            if pair.before is not None and value(pair, route)[1] == "Delete" != value(pair, route)[0]:
                event = "deleted" if when == "whenDeleted" else "scaled down"
                message = f"when it is {event}, its volume goes with it"
                yield Consequence(Outcome.LOST, pair.ref, message, "leave it at Retain", (pair.difference(route),))


def _expired(pair: Pair) -> Iterator[Consequence]:
    old, new = value(pair, _DAYS)
    if new.isdigit() and (not old.isdigit() or int(new) < int(old)):
        message = f"MinIO deletes old versions of artifacts after {new} days" + (f", where it was {old}" if old else "")
        hint = "bring back first what was overwritten by mistake"
        yield Consequence(Outcome.LOST, pair.ref, message, hint, (pair.difference(_DAYS),))


def _collected(pair: Pair) -> Iterator[Consequence]:
    old, new = value(pair, _OLDER)
    if pair.before is None:
        message = f"deletes for good what users deleted more than {new} ago, artifacts too"
        yield Consequence(
            Outcome.LOST, pair.ref, message, "restore first what was deleted by mistake", (pair.difference(()),)
        )
    elif old and new and _seconds(new) < _seconds(old):
        message = f"deletes for good what users deleted more than {new} ago, where it was {old}"
        yield Consequence(
            Outcome.LOST, pair.ref, message, "restore first what was deleted by mistake", (pair.difference(_OLDER),)
        )


def _seconds(duration: str) -> float:
    return sum(float(count) * _SECONDS[unit] for count, unit in re.findall(r"([0-9.]+)([dhms])", duration))


def _or_none(value: object) -> str:
    return "none" if value is ABSENT else str(value)
