"""What follows when one build is applied over another: pure functions from two lists of manifests to consequences.

pairs -> objects, pods, artifacts, database, volumes, migration -> consequences, the worst first
"""

from __future__ import annotations

from collections.abc import Sequence

from compiler.change import artifacts, database, migration, objects, pods, volumes
from compiler.change.consequence import BAD, Consequence, Difference, Outcome
from compiler.change.pair import pairs
from compiler.change.settings import Side
from compiler.manifest import Manifest

__all__ = ["BAD", "Consequence", "Difference", "Outcome", "consequences"]


def consequences(before: Sequence[Manifest], after: Sequence[Manifest]) -> list[Consequence]:
    """Everything that follows when a build is applied where the one before is running, the worst first.

    In: both builds, with the same values wherever values were made up.
    """
    paired = pairs(before, after)
    sides = Side(tuple(before)), Side(tuple(after))
    refused = list(objects.refused(paired, before, after))
    stopped = {each.ref for each in refused}
    found = [
        *refused,
        *objects.left(paired, before, after),
        *(each for judge in (database.broken, database.stranded) for each in judge(paired, *sides)),
        *artifacts.stranded(paired, *sides),
        *(each for judge in (volumes.stranded, volumes.lost) for each in judge(paired, *sides)),
        *migration.migrated(paired, *sides),
        *(each for each in pods.restarted(paired) if each.ref not in stopped),
        *objects.added(paired),
        *objects.changed(paired),
    ]
    order = list(Outcome)
    return sorted(found, key=lambda each: order.index(each.outcome))
