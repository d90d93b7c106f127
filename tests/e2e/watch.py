"""Waiting for the workloads of a namespace: a line whenever something changes, and all there is to say when it goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tests.cluster.kubectl import Kubectl, Object
from tests.stack.wait import until

LOG_LINES = 60


class Broken(AssertionError):
    """A workload failed for good."""


@dataclass(frozen=True)
class Watch:
    """The namespace of a cluster, and where progress is told."""

    kubectl: Kubectl
    namespace: str
    say: Callable[[str], None]

    def ready(self, seconds: float) -> None:
        """Waits until every workload is ready, and every Job done."""
        told: list[str] = []

        def look() -> bool:
            found = self.kubectl.objects("deployments,statefulsets,jobs,pods", f"--namespace={self.namespace}")
            pods = [each for each in found if each["kind"] == "Pod"]
            workloads = [each for each in found if each["kind"] != "Pod"]
            line = f"{self.namespace}: {', '.join(sorted(map(described, pods))) or 'no pods yet'}"
            if line not in told[-1:]:
                told.append(line)
                self.say(line)
            for workload in workloads:
                if condition(workload, "Failed"):
                    raise Broken(f"Job {workload['metadata']['name']} failed\n{self.report()}")
            return bool(workloads) and all(map(is_ready, workloads)) and are_up(pods, workloads)

        until(f"the workloads of {self.namespace}", look, seconds, step=2, otherwise=self.report)

    def stopped(self, seconds: float) -> None:
        """Waits until no pod runs; those of finished Jobs may stay."""
        where = f"--namespace={self.namespace}"
        until(
            f"the pods of {self.namespace} have stopped",
            lambda: all(map(is_finished, self.kubectl.objects("pods", where))),
            seconds,
            step=2,
            otherwise=self.report,
        )

    def report(self) -> str:
        """The pods with their events and the last lines of their logs."""
        return "\n".join(self._sections())

    def _sections(self) -> Iterator[str]:
        where = f"--namespace={self.namespace}"
        for arguments in (
            ["get", "pods,jobs,statefulsets,deployments,persistentvolumeclaims", where, "--output=wide"],
            ["get", "events", where, "--sort-by=.lastTimestamp"],
        ):
            yield str(self.kubectl.run(*arguments))
        logs = ["logs", where, "--all-containers", "--prefix", f"--tail={LOG_LINES}"]
        for pod in self._pods():
            yield str(self.kubectl.run(*logs, pod["metadata"]["name"]))
            if any(status.get("restartCount") for status in statuses(pod)):
                yield str(self.kubectl.run(*logs, "--previous", pod["metadata"]["name"]))

    def _pods(self) -> Sequence[Object]:
        found = self.kubectl.run("get", "pods", f"--namespace={self.namespace}", "--output=name")
        return [] if found.code else self.kubectl.objects("pods", f"--namespace={self.namespace}")


def is_ready(workload: Object) -> bool:
    """Whether a workload has become what its newest version says."""
    spec, status = workload["spec"], workload.get("status") or {}
    if workload["kind"] == "Job":
        return condition(workload, "Complete")
    wanted = spec.get("replicas", 1)
    counts = ["replicas", "updatedReplicas", "readyReplicas"]
    seen = status.get("observedGeneration", 0) >= workload["metadata"]["generation"]
    return seen and all(status.get(count, 0) == wanted for count in counts)


def are_up(pods: Sequence[Object], workloads: Sequence[Object]) -> bool:
    """Whether as many pods are there as are wanted, all of them ready: a workload's own count may be a moment old."""
    wanted = sum(each["spec"].get("replicas", 1) for each in workloads if each["kind"] != "Job")
    live = [pod for pod in pods if not is_finished(pod)]
    return len(live) == wanted and all(
        condition(pod, "Ready") and "deletionTimestamp" not in pod["metadata"] for pod in live
    )


def is_finished(pod: Object) -> bool:
    """Whether a pod has done what it was there for, well or badly."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def condition(workload: Object, kind: str) -> bool:
    """Whether a condition of a workload or pod holds."""
    conditions = (workload.get("status") or {}).get("conditions") or []
    return any(each["type"] == kind and each["status"] == "True" for each in conditions)


def statuses(pod: Object) -> list[Object]:
    """The statuses of a pod's containers."""
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]


def described(pod: Object) -> str:
    """A pod in a few words: its name, and its phase or what it waits for."""
    waiting = [((each.get("state") or {}).get("waiting") or {}).get("reason") for each in statuses(pod)]
    reasons = [reason for reason in waiting if reason and reason != "PodInitializing"]
    phase = reasons[0] if reasons else (pod.get("status") or {}).get("phase", "Unknown")
    ready = sum(bool(each.get("ready")) for each in (pod.get("status") or {}).get("containerStatuses") or [])
    return f"{pod['metadata']['name']} {phase}{' (ready)' if ready and phase == 'Running' else ''}"
