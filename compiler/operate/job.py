"""Jobs that are made from the CronJobs of an overlay, now, and waited for."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from compiler.cluster import Object, ticks
from compiler.operate import rollout
from compiler.operate.target import Target
from compiler.operate.trouble import troubles
from compiler.operate.verdict import Tell
from compiler.operate.watch import PATIENCE_SECONDS, ailing, said_by

SECONDS = 6 * 60 * 60
LINES = 200


class Ended(NamedTuple):
    """How a Job ended: its name, whether it went well, what each container logged, and of a failure the reason and the words."""

    name: str
    ok: bool
    logs: Mapping[str, str]
    reason: str = ""
    mend: str = ""
    words: tuple[str, ...] = ()


def job_of(cron: Object, name: str, variables: Mapping[str, str]) -> Object:
    """The Job that a CronJob makes, with variables of its own in every container."""
    template = copy.deepcopy(cron["spec"]["jobTemplate"])
    pod = template["spec"]["template"]["spec"]
    for container in (*(pod.get("initContainers") or []), *pod["containers"]):
        kept = [each for each in container.get("env") or [] if each["name"] not in variables]
        container["env"] = [*kept, *({"name": key, "value": value} for key, value in variables.items())]
    metadata = template.get("metadata") or {}
    annotations = {**(metadata.get("annotations") or {}), "cronjob.kubernetes.io/instantiate": "manual"}
    named = {"name": name, "namespace": cron["metadata"]["namespace"], "labels": metadata.get("labels") or {}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {**named, "annotations": annotations},
        "spec": template["spec"],
    }


def run(
    target: Target,
    cron: Object,
    name: str,
    variables: Mapping[str, str],
    tell: Tell,
    patience: float = PATIENCE_SECONDS,
) -> Ended:
    """Makes a Job of a CronJob and waits for its end. Raises what `Cluster.failure` has, where it cannot be made."""
    answer = target.cluster.apply([job_of(cron, name, variables)])
    if answer.code:
        raise target.cluster.failure(answer)
    wanted, told, since = ("Job", name), None, dict[object, float]()
    for gone in ticks(SECONDS):
        objects = target.find(rollout.RESOURCES)
        stage = rollout.stage(wanted, objects)
        state = "; ".join(_states(rollout.pods_of([wanted], objects))) or stage.said
        if stage.done or stage.failure:
            return _ended(target, stage, objects)
        if state != told:
            told = state
            tell(f"{stage.name}: {state}")
        ills = ailing(target, [wanted], objects)
        since = {trouble: since.get(trouble, gone) for trouble in ills}
        if lasting := [trouble for trouble in ills if gone - since[trouble] >= patience]:
            words = tuple(said_by(target, lasting))
            return Ended(name, ok=False, logs={}, reason=words[0], mend=lasting[0].mend, words=words)
    return Ended(name, ok=False, logs={}, reason=f"it is not done after {SECONDS} seconds", mend="look at its pods")


def _states(pods: list[Object]) -> Iterator[str]:
    """Which containers run, or have ended."""
    for pod in pods:
        status = pod.get("status") or {}
        for each in (*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])):
            state = next(iter(each.get("state") or {}), "waiting")
            yield f"{each['name']} {'is done' if state == 'terminated' else 'runs' if state == 'running' else 'waits'}"


def _ended(target: Target, stage: rollout.Stage, objects: list[Object]) -> Ended:
    name = stage.name.partition(" ")[2]
    pods = sorted(
        rollout.pods_of([("Job", name)], objects), key=lambda pod: str(pod["metadata"].get("creationTimestamp"))
    )
    logs = dict[str, str]()
    for container in _containers(pods[-1]) if pods else ():
        text = target.cluster.logs(pods[-1]["metadata"]["name"], container, target.namespace, LINES)
        logs[container] = "\n".join(target.masked(text.splitlines()))
    if stage.done:
        return Ended(name, ok=True, logs=logs)
    words = said_by(target, [trouble for pod in pods[-1:] for trouble in troubles(pod)])
    [reason] = target.masked([stage.failure])
    return Ended(name, ok=False, logs=logs, reason=reason, mend="its words say why", words=tuple(words))


def _containers(pod: Object) -> list[str]:
    return [each["name"] for each in (*(pod["spec"].get("initContainers") or []), *pod["spec"]["containers"])]


def stopped(target: Target, wanted: str, tell: Tell, seconds: float) -> bool:
    """Waits until no pod is left that a selector takes."""
    told = -1
    for _ in ticks(seconds):
        left = len(target.find("pods", wanted))
        if not left:
            return True
        if left != told:
            told = left
            tell(f"{left} pods are ending")
    return False
