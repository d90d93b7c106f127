"""What keeps pods from running, read from what the cluster says of them, with what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from compiler.cluster import Object

MENDS = {
    "Unschedulable": "no node can take the pod: see what it asks for in resources and scheduling, and what the nodes have",
    "ErrImagePull": "look at the name and tag of the image, and whether the nodes reach and may read its registry"
    " (mlflow.image.pullSecrets)",
    "ImagePullBackOff": "look at the name and tag of the image, and whether the nodes reach and may read its registry"
    " (mlflow.image.pullSecrets)",
    "InvalidImageName": "mend the name of the image in mlflow.image",
    "ErrImageNeverPull": "the node does not have the image, and mlflow.image.pullPolicy forbids to fetch it",
    "CreateContainerConfigError": "a Secret, a ConfigMap or a key of one is missing: the words name it",
    "CreateContainerError": "the node cannot make the container: the words say why",
    "RunContainerError": "the image does not have the program, or the node refuses to run it: the words say why",
    "CrashLoopBackOff": "the container ends again and again: its last lines say why",
    "OOMKilled": "it needs more memory than it may have: raise resources.memory, or lower mlflow.workers",
    "Error": "the container ended: its last lines say why",
    "FailedMount": "a Secret, ConfigMap or volume that the pod mounts is missing: the words name it",
    "FailedAttachVolume": "the volume cannot be attached: often it still hangs on another node",
    "FailedCreate": "the API server refuses the pods: a quota, a policy or Pod Security, as the words say",
    "ProvisioningFailed": "the class of the volume makes none: see its provisioner, or name another class",
    "FailedBinding": "no class makes the volume: name one in the key storage, or make one the default",
    "Evicted": "the node ran out of something: the words say of what",
}
"""What to do about a reason, by the word that Kubernetes has for it."""
_WAITING = frozenset(MENDS) - {"Unschedulable", "OOMKilled", "Error", "Evicted"}
_EVENTS = frozenset({"FailedMount", "FailedAttachVolume", "FailedCreate", "ProvisioningFailed", "FailedBinding"})
_CRASHES = frozenset({"CrashLoopBackOff", "Error", "OOMKilled"})


class Trouble(NamedTuple):
    """What is wrong with a pod, or with what makes it: the object, the container if it is one, the reason, and its words."""

    name: str
    container: str
    reason: str
    words: str

    @property
    def mend(self) -> str:
        """What to do about it."""
        return MENDS.get(self.reason, "the words say why")

    @property
    def crashed(self) -> bool:
        """Whether the container ran, so that it may have logged why it ended."""
        return self.reason in _CRASHES

    def __str__(self) -> str:
        where = f"{self.name}, container {self.container}" if self.container else self.name
        return f"{where}: {self.reason}{f': {self.words}' if self.words else ''}"


def troubles(pod: Object) -> Iterator[Trouble]:
    """What keeps a pod from running, or made it end."""
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    if status.get("phase") == "Succeeded":
        return
    if status.get("reason") == "Evicted":
        yield Trouble(name, "", "Evicted", str(status.get("message") or ""))
        return
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            yield Trouble(name, "", str(condition.get("reason") or ""), str(condition.get("message") or ""))
    for container in (*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])):
        yield from _of_container(name, container)


def _of_container(pod: str, container: Object) -> Iterator[Trouble]:
    state, before = container.get("state") or {}, (container.get("lastState") or {}).get("terminated") or {}
    waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
    name = str(container.get("name"))
    if waiting.get("reason") in _WAITING:
        # That it waits to be started again says less than why it ended.
        killed = before.get("reason") == "OOMKilled"
        words = _end(before) if before else str(waiting.get("message") or "")
        yield Trouble(pod, name, "OOMKilled" if killed else waiting["reason"], words)
    elif ended and ended.get("exitCode"):
        yield Trouble(pod, name, "OOMKilled" if ended.get("reason") == "OOMKilled" else "Error", _end(ended))


def _end(ended: Object) -> str:
    words = f"exit code {ended.get('exitCode')}"
    return f"{words}, {ended['message'].strip()}" if ended.get("message") else words


def complaints(events: Iterable[Object], names: Sequence[str]) -> Iterator[Trouble]:
    """What events say against objects of these names, the last of each reason. A pod says the rest of itself."""
    last: dict[tuple[str, str], Trouble] = {}
    for event in sorted(events, key=_when):
        about, reason = event.get("involvedObject") or {}, str(event.get("reason"))
        name = str(about.get("name"))
        if event.get("type") == "Warning" and reason in _EVENTS and name in names:
            last[name, reason] = Trouble(name, "", reason, str(event.get("message") or "").strip())
    yield from last.values()


def _when(event: Object) -> str:
    series = event.get("series") or {}
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    return str(next((time for time in times if time), ""))
