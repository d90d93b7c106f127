"""The production checklist: whole reports of the reference environments, and for each check a build that breaks it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft7Validator

from compiler.audit import AUDIT, Result, audit
from compiler.contract import report_schema
from compiler.kinds import kinds_of
from compiler.manifest import Manifest
from compiler.overlay import Overlay, Waiver
from compiler.pipeline import compile_environment
from compiler.policy import CHECKLIST, POLICY
from compiler.understand import Compilation
from compiler.workspace import Workspace
from tests.conftest import ROOT, Golden, Project, Run

GOLDEN = ROOT / "tests" / "golden" / "audit"
REFERENCES = sorted(
    {path.parent.name for path in (ROOT / "overlays").glob("*/environment.yaml")} - {*kinds_of("pipelines")}
)
LOGIN = "overlay: eks-irsa\nhost: mlflow.acme.example\nauth: {}\n"
Objects = dict[str, dict[str, Any]]


def test_checks__are_those_that_a_waiver_can_name() -> None:
    assert list(AUDIT) == list(CHECKLIST) == sorted(CHECKLIST)
    assert not CHECKLIST.keys() & POLICY.keys()


@pytest.mark.parametrize("name", REFERENCES)
def test_reports(name: str, command_line: Run, golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    answer = command_line("audit", name, "--as-of=2026-11-21")
    golden.check(GOLDEN / f"{name}.txt", answer.out)
    assert (answer.code, answer.err) == (1 if "\nfails\n" in answer.out else 0, "")


def test_reports__as_json(command_line: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    report = json.loads(command_line("audit", "prod", "--output=json").out)
    assert [error.message for error in Draft7Validator(report_schema()).iter_errors(report)] == []
    assert {each["check"] for each in report["audit"]["checks"]} == set(CHECKLIST)
    [login] = [each for each in report["audit"]["checks"] if each["check"] == "login"]
    assert (login["state"], login["path"], login["line"]) == ("failed", "overlays/prod/environment.yaml", 7)


def test_waivers__a_check_that_is_waived_is_no_failure(project: Project, run: Run) -> None:
    project.add(
        "dev",
        "overlay: local\nwaivers:\n"
        "  - {rule: several-replicas, reason: one person works here, expires: '2030-01-31'}\n"
        "  - {rule: backups, reason: snapshots every night, expires: '2030-01-31'}\n"
        "  - {rule: host-names, reason: an old one, expires: '2030-01-31'}\n",
    )
    answer = run("audit", "dev", "--as-of=2026-11-21")
    assert (answer.code, answer.err) == (0, "")
    assert "snapshots every night (until 2030-01-31); the database is a file on one volume" in answer.out
    assert "remove the waiver: there is nothing to waive" in answer.out
    # The compiler itself has nothing to say of them, and a last day is a last day.
    assert run("check", "dev", "--as-of=2026-11-21").out == ""
    late = run("audit", "dev", "--as-of=2031-01-01")
    assert (late.code, set(late.codes())) == (1, {"expired-waiver"})


# What breaks a check


@pytest.fixture(scope="module")
def compiled() -> dict[str, Compilation]:
    """The builds that are broken here."""
    workspace = Workspace(ROOT)
    return {name: compile_environment(workspace, name) for name in ("prod", "minio-postgres", "aws-keys", "local")}


def objects(manifests: Sequence[Manifest]) -> Objects:
    """The documents of a build, by kind and the beginning of the name."""
    return {f"{each.ref.kind} {each.ref.name}": each.data for each in manifests}


def result(compilation: Compilation, check: str, change: Callable[[Objects], Any] | None = None) -> Result:
    """What comes of a check when a build is changed."""
    manifests = [replace(each, data=deepcopy(each.data)) for each in compilation.manifests]
    documents = objects(manifests)
    if change:
        change(documents)
    kept = [each for each in manifests if any(each.data is data for data in documents.values())]
    overlay = compilation.overlay
    assert overlay is not None
    return next(each for each in audit(overlay, kept) if each.name == check)


def settings(documents: Objects) -> dict[str, str]:
    found: dict[str, str] = next(data for name, data in documents.items() if name.startswith("ConfigMap mlflow-env"))[
        "data"
    ]
    return found


def server(documents: Objects) -> dict[str, Any]:
    found: dict[str, Any] = documents["Deployment mlflow"]["spec"]["template"]["spec"]
    return found


def setup(documents: Objects, **told: str) -> None:
    """Tells the Job that sets MinIO up something."""
    job = next(data for name, data in documents.items() if name.startswith("Job minio-setup"))
    variables = job["spec"]["template"]["spec"]["containers"][0]["env"]
    variables[:] = [each for each in variables if each["name"] not in told]
    variables += [{"name": name, "value": value} for name, value in told.items()]


BREAKS: list[tuple[str, str, Callable[[Objects], Any], str]] = [
    ("backups", "minio-postgres", lambda _: None, "on one volume in the cluster"),
    (
        "bucket-access",
        "minio-postgres",
        lambda found: found.pop(next(name for name in found if "minio-setup-" in name and "ConfigMap" in name)),
        "more than its bucket",
    ),
    (
        "database-encryption",
        "prod",
        lambda found: settings(found).update(PGSSLMODE="require"),
        "is not verified",
    ),
    (
        "database-encryption",
        "minio-postgres",
        lambda found: [found.pop(name) for name in list(found) if name.startswith("NetworkPolicy")],
        "no NetworkPolicy",
    ),
    (
        "database-password",
        "prod",
        lambda found: (
            server(found)["containers"][0].setdefault("env", []).append({"name": "PGPASSWORD", "value": "mlflow123"})
        ),
        "PGPASSWORD",
    ),
    (
        "database-password",
        "prod",
        lambda found: settings(found).update(MLFLOW_BACKEND_STORE_URI="postgresql://mlflow:mlflow123@db/mlflow"),
        "MLFLOW_BACKEND_STORE_URI",
    ),
    (
        "host-names",
        "prod",
        lambda found: settings(found).update(MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE="true"),
        "no request fails",
    ),
    ("host-names", "prod", lambda found: settings(found).update(MLFLOW_SERVER_ALLOWED_HOSTS="localhost,*"), "any name"),
    ("login", "prod", lambda _: None, "Ingress mlflow"),
    (
        "network-policies",
        "prod",
        lambda found: (found.pop("NetworkPolicy mlflow-server"), found.pop("NetworkPolicy default-deny")),
        "no NetworkPolicy binds its ingress",
    ),
    ("pinned-images", "prod", lambda found: server(found)["containers"][0].update(image="mlflow:latest"), "latest"),
    (
        "rights",
        "prod",
        lambda found: [
            found["ServiceAccount mlflow"].update(automountServiceAccountToken=True),
            server(found).update(automountServiceAccountToken=True),
        ],
        "token",
    ),
    ("several-replicas", "prod", lambda found: found["Deployment mlflow"]["spec"].update(replicas=1), "one pod"),
    ("several-replicas", "prod", lambda found: found.pop("PodDisruptionBudget mlflow"), "a drain"),
    ("store-of-secrets", "minio-postgres", lambda _: None, "mlflow-database"),
    ("traffic-encryption", "prod", lambda found: found["Ingress mlflow"]["spec"].pop("tls"), "Ingress mlflow"),
    (
        "traffic-encryption",
        "prod",
        lambda found: found["Ingress mlflow"]["spec"]["tls"][0].update(hosts=["other.acme.example"]),
        "Ingress mlflow",
    ),
    (
        "traffic-encryption",
        "aws-keys",
        lambda found: found["Service mlflow"]["spec"].update(type="LoadBalancer"),
        "Service mlflow",
    ),
    ("login", "aws-keys", lambda found: found["Service mlflow"]["spec"].update(type="NodePort"), "Service mlflow"),
    ("access-keys", "aws-keys", lambda _: None, "keys that never end"),
    ("maintained-store", "minio-postgres", lambda _: None, "CVE-2026-40344"),
]


@pytest.mark.parametrize(
    ("check", "name", "change", "said"), BREAKS, ids=[f"{check}-{name}" for check, name, _, _ in BREAKS]
)
def test_fails(
    compiled: dict[str, Compilation], check: str, name: str, change: Callable[[Objects], Any], said: str
) -> None:
    verdict = result(compiled[name], check, change).verdict
    assert (str(verdict.state), bool(verdict.todo)) == ("failed", True)
    assert said in verdict.reason
    assert "mlflow123" not in verdict.reason


@pytest.mark.parametrize(
    ("check", "name", "change", "state"),
    [
        ("traffic-encryption", "prod", lambda found: found.pop("Ingress mlflow"), "passed"),
        (
            "traffic-encryption",
            "prod",
            lambda found: [
                found["Ingress mlflow"]["spec"].pop("tls"),
                server(found)["containers"][0]["readinessProbe"]["httpGet"].update(scheme="HTTPS"),
            ],
            "passed",
        ),
        (
            "login",
            "prod",
            lambda found: server(found)["containers"][0].update(command=["mlflow", "server", "--app-name=basic-auth"]),
            "passed",
        ),
        ("several-replicas", "prod", lambda found: found["Deployment mlflow"]["spec"].update(replicas=2), "passed"),
        ("bucket-encryption", "prod", lambda found: settings(found).pop("MLFLOW_S3_UPLOAD_EXTRA_ARGS"), "passed"),
        (
            "bucket-encryption",
            "prod",
            lambda found: [
                settings(found).pop("MLFLOW_S3_UPLOAD_EXTRA_ARGS"),
                settings(found).update(MLFLOW_S3_ENDPOINT_URL="https://s3.acme.example"),
            ],
            "unseen",
        ),
        (
            "access-keys",
            "aws-keys",
            lambda found: settings(found).update(MLFLOW_S3_ENDPOINT_URL="https://s3.acme.example"),
            "unseen",
        ),
        ("backups", "prod", lambda _: None, "unseen"),
        ("bucket-versioning", "local", lambda _: None, "unseen"),
        ("rotation", "local", lambda _: None, "passed"),
        ("bucket-versioning", "minio-postgres", lambda found: setup(found, VERSIONING="enable"), "passed"),
        ("bucket-versioning", "minio-postgres", lambda found: setup(found, VERSIONING="suspend"), "unseen"),
        ("bucket-lifecycle", "minio-postgres", lambda found: setup(found, NONCURRENT_DAYS="30"), "passed"),
        (
            "maintained-store",
            "minio-postgres",
            lambda found: found["StatefulSet minio"]["spec"]["template"]["spec"]["containers"][0].update(image="own:1"),
            "unseen",
        ),
        ("maintained-store", "aws-keys", lambda _: None, "passed"),
    ],
)
def test_other_ways(
    compiled: dict[str, Compilation], check: str, name: str, change: Callable[[Objects], Any], state: str
) -> None:
    """What is as good, and what a build cannot show."""
    verdict = result(compiled[name], check, change).verdict
    assert str(verdict.state) == state
    assert bool(verdict.todo) is (state == "unseen")


def test_secrets__of_an_operator(project: Project) -> None:
    operator = "externalSecrets: {store: vault}\n"
    given = (ROOT / "overlays" / "aws-keys" / "environment.yaml").read_text(encoding="utf-8")
    project.add("all", given + operator)
    project.add("most", given + operator.replace("}", ", except: [s3-credentials]}"))
    states = [
        str(result(compile_environment(project.workspace, name), check).verdict.state)
        for name in ("all", "most")
        for check in ("store-of-secrets", "rotation")
    ]
    assert states == ["passed", "passed", "unseen", "unseen"]


def test_waivers__of_no_last_day_waive_nothing() -> None:
    """What another key asks for by itself is no decision about production."""
    overlay = Overlay(waivers=(Waiver("host-names", "implied", ()),))
    [found] = [each for each in audit(overlay, []) if each.name == "host-names"]
    assert str(found.verdict.state) == "failed"


def test_audit__is_of_servers_alone(command_line: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    answer = command_line("audit", "kfp-keys")
    assert (answer.code, answer.out) == (2, "")
    assert "installs Kubeflow Pipelines" in answer.err
