"""The next version of an environment, applied over the one before as it stands in the cluster."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from . import controllers
from .apiserver import Server
from .applied import ALL_BUT_THE_NAMESPACE, Applied, again, apply
from .cases import DELETED, GROWN, UPGRADES, Upgrade
from .stage import Versions

pytestmark = pytest.mark.cluster

OF_EACH_VERSION = {"ConfigMap", "Job"}
"""Named for their content, so that an old one stands beside the new one while pods of both run."""


@dataclass(frozen=True)
class Upgraded:
    """An environment in the cluster, first as it was, then as it is; and what the compiler said of the change."""

    upgrade: Upgrade
    first: Applied
    second: Applied
    said: list[str]

    def says(self, kind: str, code: str) -> bool:
        """Whether the compiler spoke of a kind of object when the environment changed, and not before."""
        return any(f" {kind}" in line and line.endswith(f"[{code}]") for line in self.said)


@pytest.fixture(scope="module", params=UPGRADES, ids=lambda upgrade: upgrade.name)
def upgrade(request: pytest.FixtureRequest) -> Upgrade:
    case: Upgrade = request.param
    return case


@pytest.fixture(scope="module")
def upgraded(server: Server, versions: Versions, upgrade: Upgrade) -> Upgraded:
    return carried_out(server, versions, upgrade)


def carried_out(server: Server, versions: Versions, upgrade: Upgrade) -> Upgraded:
    """An upgrade, first version and then the next."""
    versions.compile(upgrade)
    first = apply(server, versions.first, upgrade.name, *upgrade.options)
    second = again(first, versions.second, *upgrade.options)
    before, after = (stage.found.get(upgrade.name, []) for stage in (versions.first, versions.second))
    return Upgraded(upgrade, first, second, [line for line in after if line not in before])


def test_first_version(upgraded: Upgraded) -> None:
    """`kubectl apply -k` is accepted without a warning."""
    answer = upgraded.first.answer
    assert (answer.code, answer.err) == (0, ""), answer


def test_next_version(upgraded: Upgraded) -> None:
    """The next version is accepted, or the compiler says that it will not be: {it.detail}."""
    answer = upgraded.second.answer
    if not upgraded.upgrade.refused:
        assert (answer.code, answer.err) == (0, ""), answer
        return
    assert answer.code != 0
    assert "volumeClaimTemplates" in answer.err
    assert upgraded.says("StatefulSet", "immutable-field")


def test_leftovers(upgraded: Upgraded) -> None:
    """The compiler says what a next version leaves behind in the cluster."""
    if upgraded.upgrade.refused:
        pytest.skip("the API server refuses the next version")
    gone = {name.partition(" ")[0] for name in upgraded.first.versions().keys() - upgraded.second.versions().keys()}
    left = gone - OF_EACH_VERSION
    assert left == set(upgraded.upgrade.leaves)
    assert [kind for kind in left if not upgraded.says(kind, "left-behind")] == []


def test_larger_volume(server: Server, versions: Versions) -> None:
    """A volume grows by hand: the claim first, then the StatefulSet is replaced under its running pod."""
    upgraded = carried_out(server, versions, GROWN)
    kubectl, namespace = server.kubectl, f"--namespace={GROWN.name}"
    controllers.storage_class(kubectl, "growing")
    [claim] = controllers.claims(kubectl.objects("statefulset", namespace, "--field-selector=metadata.name=minio"))
    claim["spec"]["storageClassName"] = "growing"
    assert kubectl.create([claim]).code == 0
    controllers.bind(kubectl, GROWN.name)

    size = '{"spec": {"resources": {"requests": {"storage": "80Gi"}}}}'
    kubectl.must("patch", "persistentvolumeclaim", "data-minio-0", namespace, f"--patch={size}")
    kubectl.must("delete", "statefulset", "minio", namespace, "--cascade=orphan", "--wait=false")
    controllers.let_orphans_go(kubectl, GROWN.name, "statefulset", "minio")

    third = again(upgraded.second, versions.second, *GROWN.options)
    assert third.answer.code == 0, third.answer
    [anew] = controllers.claims(kubectl.objects("statefulset", namespace, "--field-selector=metadata.name=minio"))
    assert anew["spec"]["resources"] == {"requests": {"storage": "80Gi"}}


def test_take_down_after_upgrade(server: Server, versions: Versions) -> None:
    """What versions before left behind is labelled, so that it can be deleted."""
    applied = carried_out(server, versions, DELETED).second
    applied.kubectl.must("delete", f"--kustomize={applied.overlay}", ALL_BUT_THE_NAMESPACE, "--wait=false")
    left = applied.things() - set(applied.created_by_hand)
    assert {name.partition("/")[0] for name in left} == {"configmap", "job.batch"}
    label = "--selector=app.kubernetes.io/part-of=mlflow"
    applied.kubectl.must("delete", "configmaps,jobs", f"--namespace={applied.name}", label, "--wait=false")
    assert applied.things() == set(applied.created_by_hand)
