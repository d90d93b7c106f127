"""Another MLflow: its database is migrated, which cannot be undone, and so is backed up first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from compiler.change.consequence import Consequence, Difference, Outcome
from compiler.change.pair import Pair
from compiler.change.revisions import revisions
from compiler.change.settings import Side, numbers, version
from compiler.overlay import BACKUP, POD, SERVER
from compiler.route import Named, Route

_IMAGE: Route = (*POD, "containers", Named(SERVER.name), "image")


def migrated(pairs: Sequence[Pair], before: Side, after: Side) -> Iterator[Consequence]:
    """What another image of the server means for its database."""
    if not before.image or not after.image or before.image == after.image:
        return
    causes = tuple(each for pair in pairs if pair.ref == SERVER for each in pair.differences if each.route == _IMAGE)
    old, new = version(before.image), version(after.image)
    if not old or not new:
        message = f"{before.image} gives way to {after.image}: if its MLflow has another schema, the database is migrated to it"
        yield Consequence(Outcome.MIGRATED, SERVER, message, _backup(before, new), causes)
    elif numbers(new) < numbers(old):
        yield from _down(before, old, new, causes)
    elif old != new:
        yield from _up(before, old, new, causes)


def _up(before: Side, old: str, new: str, causes: tuple[Difference, ...]) -> Iterator[Consequence]:
    steps = revisions(old, new)
    if steps == ():
        message = f"MLflow {old} becomes {new}; both have the same schema, so the migration has nothing to do"
        yield Consequence(Outcome.MIGRATED, SERVER, message, "", causes)
        return
    way = f", from revision {steps[0]} to {steps[1]}" if steps else ""
    message = f"MLflow {old} becomes {new}: the migration changes the database{way}, and only a backup leads back"
    yield Consequence(Outcome.MIGRATED, SERVER, message, _backup(before, new), causes)


def _down(before: Side, old: str, new: str, causes: tuple[Difference, ...]) -> Iterator[Consequence]:
    steps = revisions(old, new)
    if steps == ():
        message = f"MLflow {old} becomes {new}; both have the same schema, so the database stays as it is"
        yield Consequence(Outcome.MIGRATED, SERVER, message, "", causes)
        return
    way = f" ({steps[0]}; this MLflow ends at {steps[1]})" if steps else ", unless the two share it"
    message = (
        f"MLflow {old} becomes {new}, which does not know the schema of the database{way}: the server does not start"
    )
    hint = f"stay at {old}, or bring back the backup that was made before it"
    yield Consequence(Outcome.BROKEN, SERVER, message, hint, causes)


def _backup(before: Side, new: str) -> str:
    """How the database is backed up first, in this environment."""
    if before.has(BACKUP.kind, BACKUP.name):
        name = "before-" + re.sub(r"[^a-z0-9]+", "-", new.lower() or "this")
        where = f"-n {before.namespace}" if before.namespace else ""
        return f"back up first: kubectl create job {where} {name} --from=cronjob/{BACKUP.name}, and wait until it is complete"
    uri = before.settings.get("MLFLOW_BACKEND_STORE_URI", "")
    if uri.startswith("sqlite"):
        return f"back up first: stop the server, and copy {uri.partition('///')[2]} from its volume"
    return "back up first: maintenance.backup does it, or a snapshot of the database"
