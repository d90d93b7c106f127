"""cleanup, against a real API server: what goes, what stays, and what goes only when it is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Answer, Run

from . import controllers
from .apiserver import Server
from .operating import Stand, stand

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def there(server: Server, directory: Path) -> Stand:
    """An environment that was applied, with a volume of its database and what an earlier version left."""
    found = stand(server, directory / "cleanup", "cleanup-it")
    found.secrets()
    found.kubectl.must("apply", f"--kustomize={found.stage.overlay(found.name)}")
    answer = found.kubectl.create(
        controllers.claims(found.kubectl.objects("statefulsets", f"--namespace={found.name}"))
    )
    assert answer.code == 0, answer
    labels = "--labels=app.kubernetes.io/part-of=mlflow"
    namespace = f"--namespace={found.name}"
    found.kubectl.must("create", "configmap", "mlflow-env-of-old", namespace)
    found.kubectl.must("label", "configmap", "mlflow-env-of-old", namespace, labels.removeprefix("--labels="))
    found.kubectl.must("create", "configmap", "of-another", namespace)
    return found


def names(there: Stand, kinds: str) -> set[str]:
    """The objects of the namespace, as Kind name."""
    found = there.kubectl.objects(kinds, f"--namespace={there.name}")
    alive = (each for each in found if "deletionTimestamp" not in each["metadata"])
    return {f"{each['kind']} {each['metadata']['name']}" for each in alive}


@pytest.mark.parametrize(("options", "fate"), [((), "stays"), (("--delete-volume=data-minio-0",), "goes")])
def test_artifacts_of_a_store_in_the_cluster_go_with_its_volume(
    server: Server, directory: Path, command_line: Run, options: tuple[str, ...], fate: str
) -> None:
    found = stand(server, directory / f"cleanup-{fate}", f"cleanup-{fate}", "overlay: minio-postgres\n")
    found.kubectl.must("apply", f"--kustomize={found.stage.overlay(found.name)}")
    claims = controllers.claims(found.kubectl.objects("statefulsets", f"--namespace={found.name}"))
    assert found.kubectl.create(claims).code == 0
    shown = command_line("cleanup", *found.arguments, "--dry-run", *options)
    assert f"{fate}: artifacts at s3://mlflow, in PersistentVolumeClaim data-minio-0\n" in shown.out, shown


ALL = "deployments,statefulsets,jobs,services,configmaps,secrets,persistentvolumeclaims,networkpolicies,serviceaccounts"


def test_nothing_goes_unasked(there: Stand, command_line: Run) -> None:
    before = names(there, ALL)
    asked = command_line("cleanup", *there.arguments, stdin="")
    assert asked.code == 2
    assert "say --yes to delete what goes" in asked.err
    shown = command_line("cleanup", *there.arguments, "--dry-run")
    assert shown.code == 0
    assert "goes: Deployment mlflow\n" in shown.out
    assert "goes: ConfigMap mlflow-env-of-old\n" in shown.out
    assert "stays: PersistentVolumeClaim data-postgres-0, 10Gi\n" in shown.out
    assert "stays: Secret mlflow-database\n" in shown.out
    assert "stays: artifacts at s3://acme-mlflow\n" in shown.out
    assert "of-another" not in shown.out
    assert names(there, ALL) == before


def test_a_name_that_is_none_of_its_volumes_is_refused(there: Stand, command_line: Run) -> None:
    before = names(there, ALL)
    for option in ("--delete-volume=data-other-0", "--delete-secret=other"):
        answer = command_line("cleanup", *there.arguments, "--yes", option)
        assert answer.code == 2
        assert (
            "of this environment; there are: PersistentVolumeClaim data-postgres-0, Secret mlflow-database"
            in answer.err
        )
    assert names(there, ALL) == before


def test_all_goes_but_volumes_secrets_and_what_is_not_its_own(there: Stand, command_line: Run) -> None:
    answer = command_line("cleanup", *there.arguments, "--yes", "--output=json")
    report = json.loads(answer.out)
    assert (answer.code, report["ok"]) == (0, True), answer
    kept = {"PersistentVolumeClaim data-postgres-0", "ConfigMap of-another", "ServiceAccount default"}
    kept |= {f"Secret {name}" for name in ("mlflow-database", "postgres-superuser", "s3-credentials")}
    assert names(there, ALL) - {"ConfigMap kube-root-ca.crt"} == kept
    assert there.kubectl.objects("namespace", there.name)
    assert set(report["survey"]["stays"]) >= {"PersistentVolumeClaim data-postgres-0", "artifacts at s3://acme-mlflow"}


def test_a_volume_goes_when_it_is_named(there: Stand, command_line: Run) -> None:
    held = delete(there, command_line)
    assert held.code == 1
    assert "is marked as deleted, and something still holds it" in held.out
    # What protects a claim in use is taken off by a controller.
    controllers.let_orphans_go(there.kubectl, there.name, "persistentvolumeclaim", "data-postgres-0")
    assert names(there, "persistentvolumeclaims,secrets") == {"Secret postgres-superuser", "Secret s3-credentials"}


def delete(there: Stand, command_line: Run) -> Answer:
    """Deletes the volume and a Secret by name."""
    named = ("--delete-volume=data-postgres-0", "--delete-secret=mlflow-database")
    return command_line("cleanup", *there.arguments, "--yes", "--timeout=3", *named)
