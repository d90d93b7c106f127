"""Takes an environment out of a cluster. Volumes, Secrets and the namespace stay unless they are named; buckets always do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from compiler.cluster import LATE, Object, ticks
from compiler.errors import Usage
from compiler.manifest import Manifest
from compiler.operate.target import PART_OF, Target
from compiler.operate.verdict import Result, Tell, failed, passed

VOLUME = "PersistentVolumeClaim"
_MADE = frozenset(
    {"Pod", "ReplicaSet", "Endpoints", "EndpointSlice", "Event", "ControllerRevision", "PodMetrics", "Lease"}
)
"""Kinds that others make, and take away again."""
_KEPT = frozenset({VOLUME, "Secret", "Namespace"})
_FIRST = ("CronJob", "Job", "Deployment", "StatefulSet")
SECONDS = 120


class Survey(NamedTuple):
    """What goes, what was named to go with it, and the volumes and Secrets that stay."""

    goes: tuple[Object, ...]
    named: tuple[Object, ...]
    stays: tuple[Object, ...]
    place: str
    """Where artifacts are kept."""
    holders: tuple[str, ...] = ()
    """The volumes of the environment that hold them; none where the store is somebody else's."""

    @property
    def artifacts(self) -> tuple[str, str]:
        """What becomes of artifacts: `goes` or `stays`, and where they are."""
        gone = {label(each) for each in self.named} & set(self.holders)
        where = f", in {', '.join(sorted(self.holders))}" if self.holders else ""
        return ("goes" if gone else "stays"), f"artifacts at {self.place}{where}"

    def lines(self) -> Iterator[str]:
        """All of it in words."""
        for found in (*self.goes, *self.named):
            yield f"goes: {label(found)}"
        for found in self.stays:
            yield f"stays: {label(found)}{_size(found)}"
        yield ": ".join(self.artifacts)


def label(found: Object) -> str:
    """An object by its kind and name."""
    return f"{found['kind']} {found['metadata']['name']}"


def _size(found: Object) -> str:
    size = (((found.get("spec") or {}).get("resources") or {}).get("requests") or {}).get("storage")
    return f", {size}" if size else ""


def survey(target: Target, volumes: Sequence[str], secrets: Sequence[str]) -> Survey:
    """Looks what there is. Raises `Usage` where a name is none of the environment's volumes or Secrets."""
    kinds = target.cluster.must("api-resources", "--namespaced", "--verbs=list,delete", "--output=name").split()
    kinds = [kind for kind in kinds if not kind.endswith((".metrics.k8s.io", "events.k8s.io"))]
    found = {label(each): each for each in target.find(",".join(kinds), PART_OF)}
    own = _built(target) | {key: each for key, each in found.items() if not each["metadata"].get("ownerReferences")}
    goes = [each for each in own.values() if each["kind"] not in _MADE | _KEPT]
    kept = {label(each): each for each in (*_volumes(target, found), *_secrets(target))}
    wanted = [*(f"{VOLUME} {name}" for name in volumes), *(f"Secret {name}" for name in secrets)]
    for name in wanted:
        if name not in kept:
            raise Usage(f"there is no {name} of this environment; there are: {', '.join(sorted(kept)) or 'none'}")
    return Survey(
        tuple(sorted(goes, key=_turn)),
        tuple(kept[name] for name in dict.fromkeys(wanted)),
        tuple(each for name, each in sorted(kept.items()) if name not in wanted),
        target.environment.artifacts.uri,
        tuple(name for name in kept if re.fullmatch(_holder(target), name)),
    )


def _holder(target: Target) -> str:
    """A pattern for the volumes that hold artifacts: one that the server mounts, or those of a store in the cluster."""
    store = target.environment.kind.store
    return f"{VOLUME} mlflow" if store == "volume" else rf"{VOLUME} data-{re.escape(store)}-\d+"


def _turn(found: Object) -> tuple[int, str]:
    """What makes pods goes first, so that nothing runs without its settings and accounts."""
    return (_FIRST.index(found["kind"]) if found["kind"] in _FIRST else len(_FIRST), label(found))


def _built(target: Target) -> dict[str, Object]:
    """The objects of the overlay that are there, which a component of the user's own may leave without labels."""
    wanted = [each for each in target.manifests if each.ref.kind not in _MADE | _KEPT]
    live = ((each, target.cluster.get(_resource(each), each.ref.name, target.namespace)) for each in wanted)
    return {label(found): found for _, found in live if found}


def _resource(manifest: Manifest) -> str:
    """What kubectl calls a kind, with its group, so that no other of that name is meant."""
    group, _, version = manifest.ref.api_version.rpartition("/")
    return f"{manifest.ref.kind}.{version}.{group}" if group else manifest.ref.kind


def _volumes(target: Target, found: dict[str, Object]) -> Iterator[Object]:
    """The claims of the overlay and of its StatefulSets, which outlive them."""
    sets = [each.data for each in target.built("StatefulSet")] + [
        each for each in found.values() if each["kind"] == "StatefulSet"
    ]
    patterns = [
        re.escape(f"{claim['metadata']['name']}-{each['metadata']['name']}") + r"-\d+"
        for each in sets
        for claim in each["spec"].get("volumeClaimTemplates") or []
    ]
    own = {each.ref.name for each in target.built(VOLUME)}
    for claim in target.find("persistentvolumeclaims"):
        name = claim["metadata"]["name"]
        if name in own or f"{VOLUME} {name}" in found or any(re.fullmatch(each, name) for each in patterns):
            yield claim


def _secrets(target: Target) -> Iterator[Object]:
    for secret in target.overlay.secrets:
        if found := target.get("secret", secret.name):
            yield {"apiVersion": "v1", "kind": "Secret", "metadata": found["metadata"]}


def cleanup(target: Target, found: Survey, tell: Tell, seconds: float = SECONDS) -> Iterator[Result]:
    """Deletes what goes, waits until no pod is left, then deletes what was named."""
    tell(f"deleting {len(found.goes)} objects")
    yield from _deleted(target, found.goes, seconds)
    if not _pods_gone(target, tell, seconds):
        yield failed("pods", "some are still there", f"see why: kubectl get pods -n {target.namespace} -l {PART_OF}")
        return
    yield from _deleted(target, found.named, seconds)
    for each in found.stays:
        yield passed(label(each), f"stays{_size(each)}")
    fate, where = found.artifacts
    yield passed(
        "artifacts", f"{'are gone with' if fate == 'goes' else 'stay at'} {where.removeprefix('artifacts at ')}"
    )


def _deleted(target: Target, objects: Sequence[Object], seconds: float) -> Iterator[Result]:
    for each in objects:
        named = {"name": each["metadata"]["name"], "namespace": target.namespace}
        one = {"apiVersion": each["apiVersion"], "kind": each["kind"], "metadata": named}
        arguments = ("delete", "--filename=-", "--ignore-not-found", f"--timeout={seconds:g}s")
        answer = target.cluster.run(*arguments, text=json.dumps(one), seconds=seconds + 30)
        if answer.code == 0:
            yield passed(label(each), "is deleted")
        elif answer.code == LATE or "timed out" in answer.err:
            mend = f"see what holds it: kubectl get {each['kind']} {named['name']} -n {target.namespace} -o yaml"
            yield failed(label(each), "is marked as deleted, and something still holds it", mend)
        else:
            raise target.cluster.failure(answer)


def _pods_gone(target: Target, tell: Tell, seconds: float) -> bool:
    """Waits until the pods of what was deleted are gone, so that no volume is in use."""
    told = -1
    for _ in ticks(seconds):
        left = len(target.find("pods", PART_OF))
        if not left:
            return True
        if left != told:
            told = left
            tell(f"{left} pods are ending")
    return False
