"""How far the objects of an overlay are, read from what the cluster says of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from compiler.cluster import Object

KINDS = ("Job", "StatefulSet", "Deployment")
"""What is waited for, in the order in which one waits for the other."""
RESOURCES = "jobs.batch,statefulsets.apps,deployments.apps,replicasets.apps,pods"
REVISION = "deployment.kubernetes.io/revision"


class Stage(NamedTuple):
    """How far one object is. `failure` is why it will get no further."""

    name: str
    said: str
    done: bool = False
    failure: str = ""


def stage(wanted: tuple[str, str], objects: Sequence[Object]) -> Stage:
    """How far an object is, by its kind and name, among all that there are."""
    kind, name = wanted
    found = next((each for each in objects if (each["kind"], each["metadata"]["name"]) == wanted), None)
    if found is None:
        return Stage(f"{kind} {name}", "is not there yet")
    return {"Job": _job, "StatefulSet": _stateful, "Deployment": _deployment}[kind](f"{kind} {name}", found)


def _job(name: str, job: Object) -> Stage:
    status = job.get("status") or {}
    if condition(job, "Complete"):
        return Stage(name, "is complete", done=True)
    if failed := condition(job, "Failed"):
        return Stage(name, "failed", failure=_why(failed))
    tries, active = int(status.get("failed") or 0), int(status.get("active") or 0)
    return Stage(name, f"{'runs' if active else 'waits'}{f', after {tries} failed tries' if tries else ''}")


def _stateful(name: str, workload: Object) -> Stage:
    status, wanted = workload.get("status") or {}, _replicas(workload)
    ready = int(status.get("readyReplicas") or 0)
    revisions = status.get("currentRevision"), status.get("updateRevision")
    current = revisions[0] == revisions[1] or int(status.get("updatedReplicas") or 0) >= wanted
    return Stage(name, f"{ready} of {wanted} ready", done=_observed(workload) and current and ready >= wanted)


def _deployment(name: str, workload: Object) -> Stage:
    status, wanted = workload.get("status") or {}, _replicas(workload)
    updated, ready = int(status.get("updatedReplicas") or 0), int(status.get("availableReplicas") or 0)
    old = int(status.get("replicas") or 0) - updated
    said = f"{min(ready, updated)} of {wanted} ready{f', {old} old' if old > 0 else ''}"
    late = condition(workload, "Progressing", "False")
    if _observed(workload) and late:
        return Stage(name, said, failure=_why(late))
    return Stage(name, said, done=_observed(workload) and updated >= wanted and ready >= wanted and old <= 0)


def condition(found: Object, kind: str, status: str = "True") -> Object | None:
    """A condition of an object that has this status."""
    conditions: list[Object] = (found.get("status") or {}).get("conditions") or []
    return next((each for each in conditions if each.get("type") == kind and each.get("status") == status), None)


def _why(found: Object) -> str:
    return ": ".join(filter(None, (found.get("reason"), found.get("message"))))


def _observed(workload: Object) -> bool:
    seen = int((workload.get("status") or {}).get("observedGeneration") or 0)
    return seen >= int(workload["metadata"].get("generation") or 0)


def _replicas(workload: Object) -> int:
    wanted = (workload.get("spec") or {}).get("replicas")
    return 1 if wanted is None else int(wanted)


def pods_of(wanted: Iterable[tuple[str, str]], objects: Sequence[Object]) -> list[Object]:
    """The pods that objects made, but for those of older versions of a Deployment, which are about to go."""
    names = set(wanted)
    names |= {("ReplicaSet", each["metadata"]["name"]) for each in _current(names, objects)}
    return [each for each in objects if each["kind"] == "Pod" and _owners(each) & names]


def _current(names: set[tuple[str, str]], objects: Sequence[Object]) -> Iterable[Object]:
    """The ReplicaSet of the newest version of each Deployment."""
    for deployment in objects:
        name = deployment["metadata"]["name"]
        if ("Deployment", name) not in names or deployment["kind"] != "Deployment":
            continue
        sets = [each for each in objects if each["kind"] == "ReplicaSet" and ("Deployment", name) in _owners(each)]
        if sets:
            yield max(sets, key=_revision)


def _revision(found: Object) -> int:
    return int((found["metadata"].get("annotations") or {}).get(REVISION) or 0)


def _owners(found: Object) -> set[tuple[str, str]]:
    return {(each["kind"], each["name"]) for each in found["metadata"].get("ownerReferences") or []}
