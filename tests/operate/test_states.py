"""What is read from the objects of a cluster: how far they are, and what keeps pods from running."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.cluster import Answer
from compiler.operate import changes, rollout
from compiler.operate.checks import database, network, pods, store, volumes
from compiler.operate.trouble import MENDS, complaints, troubles

Object = dict[str, Any]


def workload(kind: str, status: Object, replicas: int | None = 2, generation: int = 3) -> Object:
    spec = {} if replicas is None else {"replicas": replicas}
    metadata = {"name": "mlflow", "generation": generation}
    return {"kind": kind, "metadata": metadata, "spec": spec, "status": status}


FULL = {"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}


@pytest.mark.parametrize(
    ("found", "said", "done"),
    [
        (workload("Deployment", FULL), "2 of 2 ready", True),
        (workload("Deployment", {**FULL, "observedGeneration": 2}), "2 of 2 ready", False),
        (workload("Deployment", {**FULL, "replicas": 3}), "2 of 2 ready, 1 old", False),
        (workload("Deployment", {**FULL, "availableReplicas": 1}), "1 of 2 ready", False),
        (workload("Deployment", {}), "0 of 2 ready", False),
        (workload("Deployment", {"observedGeneration": 3}, 0), "0 of 0 ready", True),
        (workload("StatefulSet", FULL), "2 of 2 ready", True),
        (workload("StatefulSet", {**FULL, "readyReplicas": 1}), "1 of 2 ready", False),
        (
            workload("StatefulSet", {**FULL, "updatedReplicas": 0, "currentRevision": "a", "updateRevision": "b"}),
            "2 of 2 ready",
            False,
        ),
        (workload("Job", {}), "waits", False),
        (workload("Job", {"active": 1, "failed": 2}), "runs, after 2 failed tries", False),
        (workload("Job", {"conditions": [{"type": "Complete", "status": "True"}]}), "is complete", True),
        (workload("Job", {"conditions": [{"type": "Complete", "status": "False"}]}), "waits", False),
    ],
)
def test_stage__how_far_an_object_is(found: Object, said: str, done: bool) -> None:
    stage = rollout.stage((found["kind"], "mlflow"), [found])
    assert (stage.said, stage.done, stage.failure) == (said, done, "")


def test_stage__what_will_get_no_further() -> None:
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}
    found = workload("Deployment", {**FULL, "availableReplicas": 0, "conditions": [late]})
    assert rollout.stage(("Deployment", "mlflow"), [found]).failure == "ProgressDeadlineExceeded: timed out"
    assert rollout.stage(("Job", "other"), [found]).said == "is not there yet"


def owned(kind: str, name: str, owner: tuple[str, str], **annotations: str) -> Object:
    references = [{"kind": owner[0], "name": owner[1]}]
    return {"kind": kind, "metadata": {"name": name, "ownerReferences": references, "annotations": annotations}}


def test_pods_of__those_of_the_newest_version_alone() -> None:
    old = owned("ReplicaSet", "mlflow-a", ("Deployment", "mlflow"), **{rollout.REVISION: "9"})
    new = owned("ReplicaSet", "mlflow-b", ("Deployment", "mlflow"), **{rollout.REVISION: "10"})
    objects = [
        workload("Deployment", {}),
        old,
        new,
        owned("Pod", "mlflow-a-1", ("ReplicaSet", "mlflow-a")),
        owned("Pod", "mlflow-b-1", ("ReplicaSet", "mlflow-b")),
        owned("Pod", "postgres-0", ("StatefulSet", "postgres")),
    ]
    assert [each["metadata"]["name"] for each in rollout.pods_of([("Deployment", "mlflow")], objects)] == ["mlflow-b-1"]
    assert [each["metadata"]["name"] for each in rollout.pods_of([("StatefulSet", "postgres")], objects)] == [
        "postgres-0"
    ]


def pod(**status: Any) -> Object:
    return {"metadata": {"name": "mlflow-1"}, "status": status}


def container(state: Object, last: Object | None = None) -> Object:
    return {"name": "mlflow", "state": state, "lastState": last or {}}


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({"phase": "Running", "containerStatuses": [container({"running": {}})]}, []),
        ({"phase": "Succeeded", "containerStatuses": [container({"terminated": {"exitCode": 0}})]}, []),
        (
            {"containerStatuses": [container({"waiting": {"reason": "ContainerCreating"}})]},
            [],
        ),
        (
            {"containerStatuses": [container({"waiting": {"reason": "ErrImagePull", "message": "denied"}})]},
            ["mlflow-1, container mlflow: ErrImagePull: denied"],
        ),
        (
            {
                "containerStatuses": [
                    container(
                        {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
                        {"terminated": {"reason": "Error", "exitCode": 3}},
                    )
                ]
            },
            ["mlflow-1, container mlflow: CrashLoopBackOff: exit code 3"],
        ),
        (
            {
                "containerStatuses": [
                    container(
                        {"waiting": {"reason": "CrashLoopBackOff"}},
                        {"terminated": {"reason": "OOMKilled", "exitCode": 137}},
                    )
                ]
            },
            ["mlflow-1, container mlflow: OOMKilled: exit code 137"],
        ),
        (
            {"initContainerStatuses": [container({"terminated": {"exitCode": 1, "reason": "Error"}})]},
            ["mlflow-1, container mlflow: Error: exit code 1"],
        ),
        ({"phase": "Failed", "reason": "Evicted", "message": "low on memory"}, ["mlflow-1: Evicted: low on memory"]),
    ],
)
def test_troubles__what_keeps_a_pod_from_running(status: Object, said: list[str]) -> None:
    found = list(troubles(pod(**status)))
    assert [str(each) for each in found] == said
    assert all(each.reason in MENDS for each in found)


def test_complaints__the_last_of_each_reason_about_what_was_asked_for() -> None:
    def event(name: str, message: str, when: str, kind: str = "Warning", reason: str = "FailedMount") -> Object:
        about = {"name": name}
        return {"involvedObject": about, "type": kind, "reason": reason, "message": message, "lastTimestamp": when}

    events = [
        event("one", "new", "2026-01-02T00:00:00Z"),
        event("one", "old", "2026-01-01T00:00:00Z"),
        event("one", "fine", "2026-01-03T00:00:00Z", kind="Normal"),
        event("one", "noise", "2026-01-03T00:00:00Z", reason="Unhealthy"),
        event("two", "of another", "2026-01-03T00:00:00Z"),
    ]
    assert [str(each) for each in complaints(events, ["one"])] == ["one: FailedMount: new"]


def test_changes__what_kubectl_says_in_words() -> None:
    out = (
        "namespace/mlflow unchanged (server dry run)\nconfigmap/mlflow-env-abc created (server dry run)\n"
        "deployment.apps/mlflow configured (server dry run)\nservice/mlflow unchanged (server dry run)\n"
    )
    found = changes.read(Answer(0, out, ""))
    assert str(found) == "creates configmap/mlflow-env-abc; changes deployment/mlflow; 2 objects stay as they are"
    noise = (
        'for: "overlays/x": error when patching "overlays/x": StatefulSet.apps "p" is invalid: no\nWarning: x\n{"a":1}'
    )
    assert changes.refusals(noise) == ['StatefulSet.apps "p" is invalid: no']


@pytest.mark.parametrize(
    ("host", "known", "answer"),
    [
        ("mlflow.acme.example", "localhost,mlflow.acme.example", True),
        ("mlflow.acme.example", "localhost, *.acme.example", True),
        ("mlflow.acme.example", "localhost,mlflow.acme.example:*", False),
        ("mlflow.acme.example", "MLFLOW.acme.example", False),
        ("a.example", "?.example", False),
        ("a.example", "*", True),
        ("a.example", "", False),
    ],
)
def test_hosts__as_mlflow_reads_its_list(host: str, known: str, answer: bool) -> None:
    assert network.allowed(known, host) is answer


@pytest.mark.parametrize(
    ("answer", "host", "said"),
    [
        ({"days": 90, "hosts": ["a.example"]}, "a.example", ""),
        ({"days": 90, "hosts": ["*.example"]}, "a.example", ""),
        ({"days": 90, "hosts": ["*.example"]}, "b.a.example", "not for b.a.example"),
        ({"days": 13, "hosts": ["a.example"]}, "a.example", "is over in 13 days"),
        ({"days": -1, "hosts": ["a.example"]}, "a.example", "is over since 1 days"),
        ({"error": "x"}, "a.example", "holds no certificate"),
    ],
)
def test_certificates__time_and_names(answer: Object, host: str, said: str) -> None:
    result = network.judged("tls", answer, host)
    assert result.failed is bool(said)
    assert said in result.said


@pytest.mark.parametrize(
    ("code", "error", "said"),
    [
        ("InvalidAccessKeyId", "", "does not know the access key"),
        ("SignatureDoesNotMatch", "", "does not belong to the access key"),
        ("403", "Forbidden", "does not allow it"),
        ("AccessDenied", "kms:GenerateDataKey is not allowed", "encryption may not be used"),
        ("404", "Not Found", "no such bucket"),
        ("301", "Moved", "another region"),
        ("gaierror", "Name or service not known", "does not resolve"),
        ("EndpointConnectionError", "", "is not reached"),
        ("InvalidIdentityToken", "", "token of the pod is not accepted"),
        ("S3UploadFailedError", "An error occurred (AccessDenied) when calling", "does not allow it"),
        ("Unheard", "of", "the store's client fails"),
    ],
)
def test_store__what_an_error_means(code: str, error: str, said: str) -> None:
    assert said in store.meaning(code, error)[0]


def test_log__known_complaints_and_nothing_else() -> None:
    text = "fine\nRejected request with invalid Host header: evil.example\nsqlalchemy QueuePool limit of size 5\n"
    found = list(pods.complained(text))
    assert ["evil.example" in each.said for each in found] == [True, False]
    assert "database.maxConnections" in found[1].mend
    assert list(pods.complained("200 OK\n")) == []


def test_df__how_full_each_volume_is() -> None:
    table = (
        "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sdb 100 86 14 86% /var/lib/postgresql/data\n"
    )
    assert list(volumes.used(table)) == [("/var/lib/postgresql/data", 86)]


def test_database__each_state_has_words_and_a_mend() -> None:
    for state in ("UNRESOLVED", "REFUSED", "SILENT", "NO_LOGIN", "NO_DATABASE", "ERROR", "SETTING"):
        [bad] = database.judged([{"name": "d", "state": state, "detail": "words"}])
        assert bad.failed
        assert bad.mend
    older = {"name": "d", "state": "OLDER", "detail": "found a", "lacks": [], "connections": [1, 10]}
    assert [each.check for each in database.judged([older]) if each.failed] == ["database: schema"]
    full = {"name": "d", "state": "HEAD", "detail": "", "lacks": ["DELETE on tags"], "connections": [10, 10]}
    assert [each.check for each in database.judged([full]) if each.failed] == [
        "database: privileges",
        "database: connections",
    ]


def test_memory__amounts() -> None:
    assert [pods.kibibytes(each) for each in ("512Mi", "1Gi", "2048Ki", "", "x")] == [524288, 1048576, 2048, 0, 0]
