"""Every environment, applied to a namespace of its own on a real API server, and taken away again."""

from __future__ import annotations

import copy

import pytest

from . import controllers
from .apiserver import Server
from .applied import ALL_BUT_THE_NAMESPACE, Applied, again, apply
from .cases import ENVIRONMENTS, LIVES, Case
from .kubectl import Object
from .stage import Stage

pytestmark = pytest.mark.cluster

TOKEN = "kube-api-access-"


def each(cases: list[Case]) -> pytest.MarkDecorator:
    """A test for each environment, in an order that keeps the tests of one together."""
    return pytest.mark.parametrize("environment", cases, ids=lambda case: case.name, scope="module")


@pytest.fixture(scope="module")
def applied(server: Server, environments: Stage, environment: Case) -> Applied:
    environments.add(environment.name, environment.original)
    environments.compile([environment.name])
    return apply(server, environments, environment.name, "--server-side")


@each(ENVIRONMENTS)
def test_commands_for_secrets(applied: Applied) -> None:
    """The commands of SECRETS.md create its Secrets."""
    if not applied.by_hand:
        pytest.skip("no Secret is to be created by hand")
    assert [answer for answer in applied.by_hand if answer.code] == []


@each(ENVIRONMENTS)
def test_apply(applied: Applied) -> None:
    """The API server accepts every object, strictly and without a warning."""
    assert applied.answer.code == 0, applied.answer
    assert applied.answer.err == "", applied.answer


@each(ENVIRONMENTS)
def test_pods(applied: Applied) -> None:
    """A namespace with Pod Security restricted admits the pods of every workload, without a token of the API."""
    workloads = applied.workloads
    kinds = {workload["kind"] for workload in workloads}
    known = controllers.WORKLOADS.split(",")
    assert "Deployment" in kinds
    assert kinds == {kind for kind, _ in map(str.split, applied.versions()) if f"{kind.lower()}s" in known}
    admitted = applied.kubectl.create(controllers.pods(workloads))
    assert (admitted.code, admitted.err) == (0, ""), admitted
    pods = applied.kubectl.objects("pods", f"--namespace={applied.name}")
    assert len(pods) == len(workloads)
    assert [volume for pod in pods for volume in pod["spec"]["volumes"] if volume["name"].startswith(TOKEN)] == []
    applied.kubectl.must("delete", "pods", "--all", f"--namespace={applied.name}", "--wait=false")


@each(ENVIRONMENTS)
def test_bad_pods(applied: Applied) -> None:
    """The namespace refuses the same pods where one line of their security is missing."""
    weak = [weakened(pod) for pod in controllers.pods(applied.workloads)]
    refused = applied.kubectl.create(weak, "--dry-run=server")
    assert refused.code != 0
    assert refused.out == ""
    assert refused.err.count('violates PodSecurity "restricted') == len(weak), refused


def weakened(pod: Object) -> Object:
    """A pod whose last container may gain privileges."""
    weak = copy.deepcopy(pod)
    del weak["spec"]["containers"][-1]["securityContext"]["allowPrivilegeEscalation"]
    return weak


@each(ENVIRONMENTS)
def test_diff(applied: Applied, environment: Case) -> None:
    """What was applied is what the server keeps: `kubectl diff -k` finds nothing."""
    # Without the option it is four times as slow, so only the reference environments are compared both ways.
    for options in [("--server-side",), ()][: 2 if environment.original.is_dir() else 1]:
        answer = applied.kubectl.run("diff", f"--kustomize={applied.overlay}", *options)
        assert (answer.code, answer.out) == (0, ""), answer


@each(LIVES)
def test_apply_again(applied: Applied) -> None:
    """Applied again, no object changes."""
    second = again(applied, applied.stage, "--server-side")
    assert (second.answer.code, second.answer.err) == (0, ""), second.answer
    assert second.objects() == applied.objects()
    written = [name for name, version in second.versions().items() if version != applied.versions()[name]]
    # The server gives a claim another version even where all of it stays as it was.
    assert [name for name in written if not name.startswith("PersistentVolumeClaim ")] == []


@pytest.fixture(scope="module")
def volumes(applied: Applied) -> set[str]:
    """The volumes of the environment's StatefulSets, claimed as their controller would."""
    return applied.claim_volumes()


@each(LIVES)
def test_take_down(applied: Applied, volumes: set[str]) -> None:
    """`kubectl delete -k` without the namespace leaves exactly the volumes, and what a person created."""
    before = applied.things()
    applied.kubectl.must("delete", f"--kustomize={applied.overlay}", ALL_BUT_THE_NAMESPACE, "--wait=false")
    kept = volumes | applied.own_volumes | set(applied.created_by_hand)
    assert {"deployment.apps/mlflow", "service/mlflow", *kept} <= before
    assert applied.things() == kept
    assert "deletionTimestamp" not in applied.namespace()["metadata"]


@each(LIVES)
def test_put_up_again(applied: Applied, volumes: set[str]) -> None:
    """Taken down and applied again, it stands as before, on the same volumes."""
    second = again(applied, applied.stage, "--server-side")
    assert (second.answer.code, second.answer.err) == (0, ""), second.answer
    assert second.versions().keys() == applied.versions().keys()
    claims = {claim["metadata"]["name"] for claim in controllers.claims(second.workloads)}
    assert {f"persistentvolumeclaim/{name}" for name in claims} == volumes


@each(LIVES)
def test_delete_everything(applied: Applied) -> None:
    """`kubectl delete -k` takes the namespace along where the overlay created it, and so all that is in it."""
    applied.kubectl.must("delete", f"--kustomize={applied.overlay}", "--wait=false", "--ignore-not-found")
    created = f"Namespace {applied.name}" in applied.versions()
    assert ("deletionTimestamp" in applied.namespace()["metadata"]) is created
