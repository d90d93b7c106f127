"""The pods: what keeps them from running, the migration before them, what they use, and what their log complains of."""

from __future__ import annotations

import re
from collections.abc import Iterator

from compiler.operate import rollout
from compiler.operate.patient import Patient
from compiler.operate.target import CONTAINER, PART_OF
from compiler.operate.trouble import complaints, troubles
from compiler.operate.verdict import Result, failed, passed, skipped
from compiler.operate.watch import said_by

_MANY_RESTARTS = 5
_NEARLY = 0.9
_LINES = 400
_UNITS = {"Ki": 1, "Mi": 1024, "Gi": 1024 * 1024}
_LOGGED = (
    (
        r"Rejected request with invalid Host header: (\S+)",
        "requests for a host that the server does not know are refused: {0}",
        "set host in environment.yaml to that name, or let clients use one that the server knows",
    ),
    (
        r"(?i)(InvalidAccessKeyId|SignatureDoesNotMatch)",
        "the store refuses the keys of the server: {0}",
        "compare the Secret of the store with what the store knows, and restart the pods after a change",
    ),
    (
        r"(?i)(AccessDenied|AuthorizationPermissionMismatch)",
        "the store does not let the server do something: {0}",
        "compare the policy of the role or user with what MLflow needs: list, read, write and delete under the prefix",
    ),
    (
        r"(?i)(QueuePool limit|too many clients|remaining connection slots|Too many connections)",
        "there are not enough connections to the database: {0}",
        "raise database.maxConnections, or lower replicas and mlflow.workers",
    ),
    (
        r"(?i)(Read timed out|ReadTimeout|ConnectTimeout|The read operation timed out)",
        "transfers to or from the store take longer than they may: {0}",
        "raise MLFLOW_ARTIFACT_UPLOAD_DOWNLOAD_TIMEOUT in mlflow.env (and lower MLFLOW_GCS_UPLOAD_CHUNK_SIZE on Google's)",
    ),
    (
        r"(?i)(No space left on device)",
        "there is no room on a disk: {0}",
        "raise the ephemeral storage in resources, or the storage of the volume",
    ),
)
"""What a log says, what it means, and what to do."""


def running(patient: Patient) -> Iterator[Result]:
    """Every pod runs, and none ends again and again."""
    if not patient.pods:
        yield failed("pods", "there are none", f"mlflow-overlays deploy {patient.target.name}")
        return
    names = {each["metadata"]["name"] for each in patient.pods}
    names |= {owner["name"] for each in patient.pods for owner in each["metadata"].get("ownerReferences") or []}
    waits = [each for each in patient.pods if (each.get("status") or {}).get("phase") in (None, "Pending")]
    ills = [trouble for pod in patient.pods for trouble in troubles(pod)]
    ills += complaints(patient.events, sorted(names)) if waits else []
    for trouble in ills:
        [said] = patient.target.masked([str(trouble)])
        yield failed("pods", said, trouble.mend, said_by(patient.target, [trouble])[1:])
    restless = [f"{pod} ({count} times)" for pod, count in _restarts(patient) if count >= _MANY_RESTARTS]
    if restless:
        mend = f"see why: kubectl logs --previous -n {patient.target.namespace} <pod>"
        yield failed("pods", f"started again and again: {', '.join(restless)}", mend)
    if not ills and not restless:
        yield passed("pods", f"{len(patient.pods)} are well")


def _restarts(patient: Patient) -> Iterator[tuple[str, int]]:
    for pod in patient.pods:
        states = (pod.get("status") or {}).get("containerStatuses") or []
        yield pod["metadata"]["name"], sum(int(each.get("restartCount") or 0) for each in states)


def migration(patient: Patient) -> Iterator[Result]:
    """The migration of this version has run."""
    jobs = [each.ref.name for each in patient.target.built("Job") if each.ref.name.startswith("mlflow-migrate")]
    if not jobs:
        yield skipped("migration", "the server migrates by itself")
        return
    live = patient.target.get("job", jobs[0])
    if live is None:
        yield failed("migration", f"there is no Job {jobs[0]}", f"mlflow-overlays deploy {patient.target.name}")
        return
    stage = rollout.stage(("Job", jobs[0]), [live])
    if stage.done:
        yield passed("migration", f"{jobs[0]} is complete")
        return
    pods = patient.target.find("pods", f"batch.kubernetes.io/job-name={jobs[0]}")
    words = said_by(patient.target, [trouble for pod in pods for trouble in troubles(pod)])
    mend = f"mend what its words say; mlflow-overlays deploy {patient.target.name} then runs it anew"
    [said] = patient.target.masked([stage.failure or stage.said])
    yield failed("migration", said, mend, words)


def service(patient: Patient) -> Iterator[Result]:
    """The Service leads to a pod that is ready."""
    slices = patient.target.find("endpointslices", "kubernetes.io/service-name=mlflow")
    ends = [each for found in slices for each in found.get("endpoints") or []]
    ready = [each for each in ends if (each.get("conditions") or {}).get("ready") is not False]
    if ready:
        yield passed("service", f"leads to {len(ready)} pods")
    elif patient.target.get("service", "mlflow") is None:
        yield failed("service", "there is none called mlflow", f"mlflow-overlays deploy {patient.target.name}")
    else:
        yield failed("service", "no pod behind it is ready", "see what the other checks say of the pods")


def usage(patient: Patient) -> Iterator[Result]:
    """No container is close to the memory that it may have."""
    answer = patient.target.cluster.run(
        "top",
        "pods",
        f"--namespace={patient.target.namespace}",
        f"--selector={PART_OF}",
        "--containers",
        "--no-headers",
    )
    if answer.code:
        yield skipped("usage", "the cluster measures no pods (metrics-server)")
        return
    limits = {
        (pod["metadata"]["name"], each["name"]): kibibytes(
            (each.get("resources") or {}).get("limits", {}).get("memory", "")
        )
        for pod in patient.pods
        for each in pod["spec"]["containers"]
    }
    full = []
    for pod, container, _, memory, *_ in (line.split() for line in answer.out.splitlines() if line.strip()):
        limit = limits.get((pod, container), 0)
        if limit and kibibytes(memory) > _NEARLY * limit:
            full.append(f"{pod}, container {container}: {memory} of {limit // 1024}Mi")
    if full:
        mend = "raise resources.memory, lower mlflow.workers, or raise replicas"
        yield failed("usage", f"close to the limit: {'; '.join(full)}", mend)
    else:
        yield passed("usage", "no container is close to the memory that it may have")


def kibibytes(quantity: str) -> int:
    """An amount of memory; 0 where there is none."""
    found = re.fullmatch(r"(\d+)(Ki|Mi|Gi)", quantity)
    return int(found[1]) * _UNITS[found[2]] if found else 0


def log(patient: Patient) -> Iterator[Result]:
    """The server's log complains of nothing that has a known cause."""
    text = "\n".join(
        patient.target.cluster.logs(pod["metadata"]["name"], CONTAINER, patient.target.namespace, _LINES)
        for pod in patient.servers
    )
    if not text.strip():
        yield skipped("log", "the server has logged nothing")
        return
    found = list(complained(text))
    yield from (each._replace(said=patient.target.masked([each.said])[0]) for each in found)
    if not found:
        yield passed("log", f"nothing in the last {_LINES} lines of each pod that has a known cause")


def complained(text: str) -> Iterator[Result]:
    """What a log says that has a known cause."""
    for pattern, said, mend in _LOGGED:
        found = sorted(set(re.findall(pattern, text)))
        if found:
            yield failed("log", said.format(", ".join(found[:5])), mend)
