"""Waits until objects are where they should be, tells how far they are, and gives up with the pods' own words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from compiler.cluster import Object, ticks
from compiler.operate import rollout
from compiler.operate.rollout import Stage
from compiler.operate.target import Target
from compiler.operate.trouble import Trouble, complaints, troubles
from compiler.operate.verdict import Result, Tell, failed, passed

PATIENCE_SECONDS = 60.0
"""How long something may be wrong before it counts: an image may come at the second try, and a node may be on its way."""
LINES = 12
"""How many lines of a log are shown."""
WAITS = "wait-for-schema"
"""The container of the server that starts again until the migration is done."""


def wait(
    target: Target, wanted: Sequence[tuple[str, str]], tell: Tell, seconds: float, patience: float = PATIENCE_SECONDS
) -> Iterator[Result]:
    """Waits for objects, by kind and name, and yields one result for each as it is done; a failure is the last."""
    left, told = list(wanted), dict[str, str]()
    since: dict[Trouble, float] = {}
    for gone in ticks(seconds):
        objects = target.find(rollout.RESOURCES)
        migrated = all(rollout.stage(each, objects).done for each in wanted if each[0] == "Job")
        for each in tuple(left):
            stage = rollout.stage(each, objects)
            if stage.done:
                left.remove(each)
                yield passed(stage.name, stage.said)
            elif told.get(stage.name) != stage.said:
                told[stage.name] = stage.said
                tell(f"{stage.name}: {stage.said}")
        if not left:
            return
        found = {each: ailing(target, [each], objects, migrated=migrated) for each in left}
        now = {trouble for each in found.values() for trouble in each}
        since = {trouble: since.get(trouble, gone) for trouble in now}
        for each, ills in found.items():
            stage = rollout.stage(each, objects)
            lasting = [trouble for trouble in ills if gone - since[trouble] >= patience]
            if stage.failure or lasting:
                yield gave_up(target, stage, lasting or ills)
                return
    objects = target.find(rollout.RESOURCES)
    stage = rollout.stage(left[0], objects)
    yield gave_up(target, stage, ailing(target, [left[0]], objects), f"{stage.said}, after {seconds:g} seconds")


def ailing(
    target: Target, wanted: Sequence[tuple[str, str]], objects: Sequence[Object], *, migrated: bool = True
) -> list[Trouble]:
    """What is wrong with the pods that objects made, and with what they need."""
    pods = rollout.pods_of(wanted, objects)
    found = [trouble for pod in pods for trouble in troubles(pod)]
    if not migrated:
        found = [trouble for trouble in found if trouble.container != WAITS]
    if wanted[0][0] == "Job" and not rollout.stage(wanted[0], objects).failure:
        # A Job tries again by itself.
        found = [trouble for trouble in found if not trouble.crashed]
    names = {pod["metadata"]["name"] for pod in pods} | {name for _, name in wanted}
    names |= {owner["name"] for pod in pods for owner in pod["metadata"].get("ownerReferences") or []}
    names |= {claim for pod in pods for claim in claims(pod)}
    if any(pod["status"].get("phase", "Pending") == "Pending" for pod in pods if pod.get("status")) or not pods:
        names |= {each["metadata"]["name"] for each in objects if each["kind"] == "ReplicaSet"}
        found += complaints(target.find("events"), sorted(names))
    return found


def claims(pod: Object) -> list[str]:
    """The claims of volumes that a pod names."""
    volumes = pod["spec"].get("volumes") or []
    return [each["persistentVolumeClaim"]["claimName"] for each in volumes if "persistentVolumeClaim" in each]


def gave_up(target: Target, stage: Stage, ills: Sequence[Trouble], said: str = "") -> Result:
    """Why waiting is over: the reason, what to do, and the words of the pods."""
    first = ills[0] if ills else None
    reason = stage.failure or (str(first) if first else said or stage.said)
    mend = first.mend if first else "look at its pods: kubectl describe pods -n " + target.namespace
    return failed(stage.name, "\n".join(target.masked([reason])), mend, said_by(target, ills))


def said_by(target: Target, ills: Sequence[Trouble]) -> list[str]:
    """The words of pods in trouble: what the cluster says of each, and the last lines of what crashed. Secrets are masked."""
    words: list[str] = []
    for trouble in ills:
        words.append(str(trouble))
        if trouble.crashed:
            words += logged(target, trouble.name, trouble.container)
    return target.masked(words)


def logged(target: Target, pod: str, container: str) -> list[str]:
    """The last lines of a container, of its life before where this one has none yet."""
    now = target.cluster.logs(pod, container, target.namespace, LINES)
    return (now or target.cluster.logs(pod, container, target.namespace, LINES, previous=True)).splitlines()
