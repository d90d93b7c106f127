"""deploy, against a real API server whose controllers and nodes are played by the test."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from compiler.operate.deploy import Options, deploy
from compiler.operate.verdict import Result
from tests.conftest import Run

from .apiserver import Server
from .operating import ENVIRONMENT, PASSWORD, Script, Stand, ended, stand, waiting

pytestmark = pytest.mark.cluster
QUICK = Options(seconds=30, patience=0, verify=False)
Make = Callable[..., Stand]


@pytest.fixture
def make(server: Server, tmp_path: Path, request: pytest.FixtureRequest) -> Make:
    """Makes an environment in a namespace that no other test has."""
    name = request.node.name.partition("[")[0].removeprefix("test_").replace("_", "-")[:40].strip("-")
    return partial(stand, server, tmp_path / "project", f"d-{name}")


@pytest.fixture(scope="module")
def untouched(server: Server, directory: Path) -> Stand:
    """An environment for tests that apply nothing."""
    return stand(server, directory / "untouched", "d-untouched")


def run(there: Stand, script: Script, options: Options = QUICK) -> list[Result]:
    return list(deploy(there.target(), options, script))


def failure(results: list[Result]) -> Result:
    """The failure, which has to be the one and the last result."""
    assert [result for result in results if result.failed] == [results[-1]], results
    return results[-1]


def starting(there: Stand, **more: Callable[[], object]) -> Script:
    """The migration and the database do well."""
    return Script(
        {
            "Job mlflow-migrate": partial(there.complete, "mlflow-migrate"),
            "StatefulSet postgres": partial(there.ready, "statefulsets", "postgres"),
            **{key.replace("_", " "): act for key, act in more.items()},
        }
    )


def test_an_environment_is_brought_up_in_order(make: Make) -> None:
    there = make()
    there.secrets()
    script = starting(there, Deployment_mlflow=partial(there.ready, "deployments", "mlflow"))
    results = run(there, script)
    assert not [result for result in results if result.failed], results
    names = [result.check.partition("-v3")[0] for result in results]
    assert sorted(names[:3]) == ["Secret mlflow-database", "Secret postgres-superuser", "Secret s3-credentials"]
    assert names[3:5] == ["changes", "apply"]
    assert sorted(names[5:]) == ["Deployment mlflow", "Job mlflow-migrate", "StatefulSet postgres"]
    [said] = [result.said for result in results if result.check == "changes"]
    assert "creates " in said
    assert "deployment/mlflow" in said
    again = run(there, Script({}))
    assert not [result for result in again if result.failed], again
    [said] = [result.said for result in again if result.check == "changes"]
    assert "creates" not in said
    assert "stay as they are" in said


def test_a_dry_run_changes_nothing(make: Make) -> None:
    there = make()
    there.secrets()
    results = run(there, Script({}), QUICK._replace(dry_run=True))
    assert [result.check for result in results][-1] == "changes"
    assert there.kubectl.objects("deployments", f"--namespace={there.name}") == []


@pytest.mark.parametrize(
    ("secret", "values", "said"),
    [
        ("mlflow_database", None, "is not there"),
        ("mlflow_database", {"pasword": PASSWORD}, "has no key password; its keys are: pasword"),
        ("mlflow_database", {"password": f"{PASSWORD}\n"}, "the value of password ends with a line break"),
        ("s3_credentials", {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": '"quoted one"'}, "stands in quotes"),
        ("postgres_superuser", {"password": "..."}, "still is the placeholder"),
    ],
    ids=["absent", "key", "newline", "quotes", "placeholder"],
)
def test_a_bad_secret_stops_it_before_anything_is_applied(
    untouched: Stand, secret: str, values: dict[str, str] | None, said: str
) -> None:
    there = untouched
    there.secrets(**{secret: values})
    results = run(there, Script({}))
    [bad] = [result for result in results if result.failed]
    assert bad.check == f"Secret {secret.replace('_', '-')}"
    assert said in bad.said
    assert bad.mend
    assert not [value for value in (values or {}).values() if value.strip() in str(results) and len(value) > 5]
    assert there.kubectl.objects("deployments", f"--namespace={there.name}") == []


def test_without_a_namespace_it_says_how_to_begin(make: Make, command_line: Run) -> None:
    there = make()
    answer = command_line("deploy", *there.arguments, "--output=json")
    assert answer.code == 1
    report = json.loads(answer.out)
    assert (report["ok"], report["namespace"]) == (False, there.name)
    assert {row["verdict"] for row in report["results"]} == {"failed"}
    assert "make the namespace first: kubectl apply -k" in report["results"][0]["mend"]


def test_a_failed_migration_stops_it_with_the_words_of_its_pod(make: Make) -> None:
    there = make()
    there.secrets()
    said = f"not migrated: the binary log is on; {PASSWORD}"

    def fail() -> None:
        there.pod("jobs", "mlflow-migrate", phase="Failed", containerStatuses=[ended("migrate", 4, message=said)])
        there.fail("mlflow-migrate")

    bad = failure(run(there, Script({"Job mlflow-migrate": fail})))
    assert bad.check.startswith("Job mlflow-migrate")
    assert "BackoffLimitExceeded" in bad.said
    assert "exit code 4, not migrated: the binary log is on; ***" in "\n".join(bad.words)
    assert PASSWORD not in str(bad)
    # The next time it is made anew, since a Job is never run again.
    script = starting(there, Deployment_mlflow=partial(there.ready, "deployments", "mlflow"))
    results = run(there, script)
    assert not [result for result in results if result.failed], results
    assert [result.said for result in results if result.check.startswith("Job")] == [
        "failed before, and is made anew",
        "is complete",
    ]


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (
            {"containerStatuses": [waiting("mlflow", "ImagePullBackOff", "Back-off pulling image x: not found")]},
            "ImagePullBackOff",
            "not found",
        ),
        (
            {
                "conditions": [
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}
                ]
            },
            "Unschedulable",
            "0/3 nodes",
        ),
        (
            {"containerStatuses": [waiting("mlflow", "CreateContainerConfigError", 'secret "other" not found')]},
            "CreateContainerConfigError",
            'secret "other" not found',
        ),
        (
            {"phase": "Running", "containerStatuses": [ended("mlflow", 137, "OOMKilled")]},
            "OOMKilled",
            "exit code 137",
        ),
    ],
    ids=["image", "unschedulable", "config", "memory"],
)
def test_a_pod_in_trouble_stops_it(
    server: Server, tmp_path: Path, request: pytest.FixtureRequest, status: dict[str, object], reason: str, words: str
) -> None:
    there = stand(server, tmp_path / "project", f"d-pod-{request.node.callspec.id}")
    there.secrets()
    script = starting(there, Deployment_mlflow=partial(there.pod, "deployments", "mlflow", **status))
    bad = failure(run(there, script))
    assert bad.check == "Deployment mlflow"
    assert reason in bad.said
    assert words in bad.said
    assert bad.mend


def test_what_events_say_of_a_volume_is_told(make: Make) -> None:
    there = make()
    there.secrets()

    def event() -> None:
        pod = there.pod("statefulsets", "postgres", phase="Pending")
        there.event(pod, "FailedMount", 'secret "postgres-superuser" not found')

    script = Script({"Job mlflow-migrate": partial(there.complete, "mlflow-migrate"), "StatefulSet postgres": event})
    bad = failure(run(there, script))
    assert "FailedMount" in bad.said
    assert 'secret "postgres-superuser" not found' in bad.said


def test_a_rollout_that_takes_too_long_is_given_up(make: Make) -> None:
    there = make()
    there.secrets()
    bad = failure(run(there, starting(there), QUICK._replace(seconds=4)))
    assert bad.check == "Deployment mlflow"
    assert bad.said == "0 of 1 ready, after 4 seconds"


def test_a_change_that_no_api_server_takes_stops_it_before_it_is_applied(make: Make) -> None:
    there = make()
    there.secrets()
    script = starting(there, Deployment_mlflow=partial(there.ready, "deployments", "mlflow"))
    assert not [result for result in run(there, script) if result.failed]
    there.kubectl.must("delete", "statefulset", "postgres", f"--namespace={there.name}")
    there.kubectl.must("create", "--filename=-", text=json.dumps(other(there)))
    bad = failure(run(there, Script({})))
    assert bad.check == "changes"
    assert 'spec.serviceName: Invalid value: "postgres": field is immutable' in "\n".join(bad.words)
    assert not [line for line in bad.words if line.startswith(("Warning:", "{", "Resource:"))]


def other(there: Stand) -> dict[str, object]:
    """A StatefulSet of the same name that another made, with another service."""
    container = {"name": "postgres", "image": "example.com/postgres:1"}
    labels = {"app.kubernetes.io/name": "other"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"serviceName": "other", "selector": {"matchLabels": labels}, "template": template}
    # With the label of ours: one without it is not touched at all.
    metadata = {"name": "postgres", "namespace": there.name, "labels": {"app.kubernetes.io/part-of": "mlflow"}}
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata, "spec": spec}


def test_generated_secrets_are_those_of_the_cluster(server: Server, tmp_path: Path) -> None:
    there = stand(server, tmp_path / "project", "d-generated", "overlay: minio-postgres\n")
    there.kubectl.run("create", "namespace", there.name)
    first = run(there, Script({}), QUICK._replace(seconds=2))
    assert next(result.said for result in first if result.check == "Secret minio-root").startswith("is made from")
    file = there.stage.overlay(there.name) / "secrets" / "mlflow-database.env"
    kept = file.read_text()
    file.write_text("password=another-one-that-is-long\n")
    [bad] = [result for result in run(there, Script({})) if result.failed]
    assert "has another value of password than the cluster" in bad.said
    assert "another-one" not in str(bad)
    file.unlink()
    [bad] = [result for result in run(there, Script({})) if result.failed]
    assert "is in the cluster, and overlays/d-generated/secrets/mlflow-database.env is not here" in bad.said
    file.write_text(kept)
    assert run(there, Script({}), QUICK._replace(dry_run=True))[-1].check == "changes"


def test_an_overlay_that_is_not_what_its_environment_asks_for_is_not_deployed(make: Make, command_line: Run) -> None:
    there = make()
    there.secrets()
    file = there.stage.overlay(there.name) / "environment.yaml"
    file.write_text(f"namespace: {there.name}\nreplicas: 2\n{ENVIRONMENT}")
    answer = command_line("deploy", *there.arguments)
    assert answer.code == 1
    assert "[stale]" in answer.out
    assert there.kubectl.objects("deployments", f"--namespace={there.name}") == []


def test_over_a_release_of_helm_nothing_is_applied(make: Make, command_line: Run) -> None:
    there = make()
    there.secrets()
    metadata = {
        "name": "mlflow",
        "namespace": there.name,
        "labels": {"app.kubernetes.io/managed-by": "Helm"},
        "annotations": {"meta.helm.sh/release-name": "tracking"},
    }
    spec = {"ports": [{"port": 80}], "selector": {"app": "mlflow"}}
    assert there.kubectl.create([{"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}]).code == 0
    [bad] = [result for result in run(there, Script({})) if result.failed]
    assert "of the Helm release tracking" in bad.said
    assert "docs/helm.md" in bad.mend
    assert there.kubectl.objects("statefulsets", f"--namespace={there.name}") == []
    answer = command_line("plan", *there.arguments, "--live")
    assert answer.code == 1
    assert "Service mlflow: is in the cluster, of the Helm release tracking" in answer.out


def test_a_second_clone_keeps_the_passwords_of_the_cluster(server: Server, tmp_path: Path, command_line: Run) -> None:
    there = stand(server, tmp_path / "project", "d-second-clone", "overlay: minio-postgres\n")
    directory = there.stage.overlay(there.name)
    server.kubectl.must("apply", f"--kustomize={directory}")
    before = {file.name: file.read_text(encoding="utf-8") for file in (directory / "secrets").glob("*.env")}
    assert len(before) == 4
    same = command_line("plan", *there.arguments, "--live")
    assert "applying replaces it" not in same.out
    # What a second clone makes of it.
    for name in before:
        (directory / "secrets" / name).unlink()
    absent = command_line("plan", *there.arguments, "--live")
    assert f"fetch its values from the cluster: mlflow-overlays secrets {there.name} --context test" in absent.out
    assert absent.code == 1
    made = command_line("secrets", there.name, f"--root={there.stage.root}")
    assert f"mlflow-overlays secrets {there.name} --context CONTEXT" in made.out
    other = command_line("plan", *there.arguments, "--live")
    assert other.code == 1
    assert "the value of key POSTGRES_PASSWORD" in other.out or other.out.count("applying replaces it") >= 4
    for name in ("minio-root.env", "mlflow-database.env"):
        (directory / "secrets" / name).unlink()
    fetched = command_line("secrets", *there.arguments)
    assert fetched.out.count("with the values of the cluster") == 2
    for name in ("minio-root.env", "mlflow-database.env"):
        file = directory / "secrets" / name
        assert sorted(file.read_text(encoding="utf-8").split()) == sorted(before[name].split())
        assert file.stat().st_mode & 0o777 == 0o600
    values = {line.partition("=")[2] for text in before.values() for line in text.split()}
    for answer in (same, absent, made, other, fetched):
        assert not [value for value in values if len(value) > 20 and value in answer.out + answer.err]
