"""What follows from a change, where a whole environment would say no more: pairs, differences, versions, and what is masked."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from compiler.change import Consequence, Outcome, consequences
from compiler.change.migration import migrated
from compiler.change.owner import foreign
from compiler.change.pair import lasting, pairs
from compiler.change.revisions import revisions
from compiler.change.settings import Side, numbers, version
from compiler.compare import Cause, Comparison, Told
from compiler.manifest import Manifest
from compiler.quantity import number
from compiler.route import show
from compiler.tell import entries, text

SETTINGS = "{kind: ConfigMap, apiVersion: v1, metadata: {name: mlflow-env, namespace: here}, data: {%s}}"
DATABASE = """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: %s, namespace: here}
spec: {template: {spec: {containers: [{name: one, image: "registry.acme.example/own:%s"}]}}}
"""


def objects(*texts: str) -> list[Manifest]:
    return [Manifest(each) for written in texts for each in yaml.safe_load_all(written)]


def outcomes(before: list[Manifest], after: list[Manifest], *wanted: Outcome) -> list[str]:
    return [each.message for each in consequences(before, after) if each.outcome in wanted]


# Which object is which


def config(name: str, **data: str) -> Manifest:
    return Manifest(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "here"}, "data": data}
    )


def test_pairs__an_object_that_is_named_for_its_content_is_the_same_one() -> None:
    old, new = config("a-2gk7b4mt5h", key="1"), config("a-5mh8t2bk4g", key="2")
    [pair] = pairs([old], [new])
    assert (pair.before, pair.after, pair.renamed) == (old, new, True)
    assert [show(each.route) for each in pair.differences] == ["data.key"]


def test_pairs__the_same_name_comes_before_the_same_stem() -> None:
    """A ConfigMap whose name only looks as if it had a hash."""
    old = [config("a-2gk7b4mt5h"), config("a-5mh8t2bk4g")]
    new = [config("a-5mh8t2bk4g"), config("a-7kk7b4mt5h")]
    found = pairs(old, new)
    assert [(each.before and each.before.ref.name, each.ref.name) for each in found] == [
        ("a-5mh8t2bk4g", "a-5mh8t2bk4g"),
        ("a-2gk7b4mt5h", "a-7kk7b4mt5h"),
    ]


def test_pairs__another_version_of_an_api_is_the_same_object_and_another_namespace_is_not() -> None:
    old = Manifest(
        {"apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget", "metadata": {"name": "a", "namespace": "here"}}
    )
    new = Manifest(
        {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "a", "namespace": "here"}}
    )
    there = Manifest({**new.data, "metadata": {"name": "a", "namespace": "there"}})
    assert [bool(pair.before and pair.after) for pair in pairs([old], [new])] == [True]
    assert [bool(pair.before and pair.after) for pair in pairs([old], [there])] == [False, False]


@pytest.mark.parametrize(
    ("name", "image", "stem"),
    [
        ("mlflow-migrate-v3-17-2-full-db736f76", "ghcr.io/mlflow/mlflow:v3.17.2-full", "mlflow-migrate"),
        ("mlflow-migrate-v3-17-2-full-db736f76", "ghcr.io/mlflow/mlflow:v3.18.0-full", "mlflow-migrate-v3-17-2-full"),
        ("setup-db736f76", "minio@sha256:00", "setup"),
        ("of-mine", "minio:1", "of-mine"),
    ],
)
def test_pairs__a_job_without_version_and_digest(name: str, image: str, stem: str) -> None:
    pod = {"spec": {"containers": [{"name": "one", "image": image}]}}
    job = Manifest({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {"template": pod}})
    assert lasting(job) == stem


def difference(old: Any, new: Any) -> list[str]:
    metadata = {"name": "a", "namespace": "here"}
    sides = ({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": each} for each in (old, new))
    [pair] = pairs(*([Manifest(side)] for side in sides))
    return [
        f"{show(each.route)}: {each.old!r} {each.new!r}"
        for each in pair.differences
        if isinstance(each.old, str | list)
    ]


def test_differences__items_are_found_by_name() -> None:
    old = {"env": [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]}
    assert difference(old, {"env": [{"name": "b", "value": "3"}, {"name": "a", "value": "1"}]}) == [
        "spec.env[name=b].value: '2' '3'"
    ]
    assert difference(old, {"env": [old["env"][1], old["env"][0]]}) == ["spec.env: ['a', 'b'] ['b', 'a']"]
    assert difference({"args": ["a", "b"]}, {"args": ["a", "c"]}) == ["spec.args[1]: 'b' 'c'"]
    assert difference({"args": ["a"]}, {"args": ["a", "c"]}) == ["spec.args: ['a'] ['a', 'c']"]


# Versions


@pytest.mark.parametrize(
    ("engine", "old", "new", "starts"),
    [
        ("postgres", "17.11-bookworm", "17.12-bookworm", True),
        ("postgres", "17.11-bookworm", "18.1", False),
        ("postgres", "17.11", "16.4", False),
        ("postgres", "17.11@sha256:00", "latest", True),
        ("mysql", "8.4.10", "8.4.11", True),
        ("mysql", "8.4.10", "8.4.9", False),
        ("mysql", "8.0.40", "8.4.10", True),
        ("mysql", "8.4.10", "9.7.0", True),
        ("mysql", "8.0.40", "9.7.0", False),
        ("other", "8.0.40", "1.0", True),
    ],
)
def test_database__starts_on_the_volume_that_there_is(engine: str, old: str, new: str, starts: bool) -> None:
    before, after = (objects(DATABASE % (engine, tag)) for tag in (old, new))
    assert (outcomes(before, after, Outcome.BROKEN) == []) is starts


@pytest.mark.parametrize(
    ("image", "known"),
    [
        ("ghcr.io/mlflow/mlflow:v3.17.2-full", "3.17.2"),
        ("registry.acme.example:5000/mlflow:3.18.0rc1@sha256:00", "3.18.0rc1"),
        ("registry.acme.example:5000/mlflow:1.4.0", ""),
        ("registry.acme.example/mlflow:team-3.17.2", ""),
        ("registry.acme.example/mlflow@sha256:00", ""),
    ],
)
def test_version__of_an_image(image: str, known: str) -> None:
    assert version(image) == known


def test_version__a_candidate_comes_before_what_it_is_for() -> None:
    assert sorted(["3.18.0", "3.18.0rc1", "3.9.0", "3.10.1"], key=numbers) == ["3.9.0", "3.10.1", "3.18.0rc1", "3.18.0"]


def test_revisions__are_known_as_far_as_versions_are() -> None:
    assert revisions("3.17.0", "3.17.2") == ()
    assert revisions("3.17.2", "3.18.0") == ("dc11669786a5", "f4a9b2c7d1e6")
    assert revisions("3.17.2", "4.0.0") is None


SERVER = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: mlflow, namespace: here}
spec: {template: {spec: {containers: [{name: mlflow, image: "%s"}]}}}
"""


def server(image: str, *more: str) -> Side:
    return Side(tuple(objects(SERVER % image, *more)))


@pytest.mark.parametrize(
    ("old", "new", "outcome", "words"),
    [
        (
            "3.17.2",
            "4.0.0",
            Outcome.MIGRATED,
            "MLflow 3.17.2 becomes 4.0.0: the migration changes the database, and only",
        ),
        ("4.0.0", "3.17.2", Outcome.BROKEN, "unless the two share it"),
        ("3.17.2", "3.17.0", Outcome.MIGRATED, "both have the same schema, so the database stays as it is"),
    ],
)
def test_migration__of_versions_that_nobody_knows_and_of_one_schema(
    old: str, new: str, outcome: Outcome, words: str
) -> None:
    before, after = server(f"mlflow:v{old}"), server(f"mlflow:v{new}")
    [found] = migrated(pairs(before.manifests, after.manifests), before, after)
    assert found.outcome is outcome
    assert words in found.message


@pytest.mark.parametrize(
    ("more", "hint"),
    [
        (
            "{kind: CronJob, apiVersion: batch/v1, metadata: {name: mlflow-backup, namespace: here}}",
            "-n here before-3-18-0 --from=cronjob/mlflow-backup",
        ),
        (
            SETTINGS % "MLFLOW_BACKEND_STORE_URI: 'sqlite:////var/lib/mlflow/mlflow.db'",
            "copy /var/lib/mlflow/mlflow.db",
        ),
        (SETTINGS % "MLFLOW_BACKEND_STORE_URI: 'mysql://db/mlflow'", "maintenance.backup"),
    ],
)
def test_migration__a_backup_comes_first(more: str, hint: str) -> None:
    before, after = server("mlflow:v3.17.2", more), server("mlflow:v3.18.0", more)
    [found] = migrated(pairs(before.manifests, after.manifests), before, after)
    assert hint in found.hint


# Data


def moved(old: str, new: str) -> list[Consequence]:
    found = consequences(objects(SETTINGS % old), objects(SETTINGS % new))
    return [each for each in found if each.outcome is Outcome.STRANDED]


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        (
            "MLFLOW_ARTIFACTS_DESTINATION: 's3://a'",
            "MLFLOW_ARTIFACTS_DESTINATION: 's3://b'",
            "aws s3 sync s3://a s3://b",
        ),
        (
            "MLFLOW_ARTIFACTS_DESTINATION: 'gs://a'",
            "MLFLOW_ARTIFACTS_DESTINATION: 'gs://b'",
            "gcloud storage rsync --recursive gs://a gs://b",
        ),
        ("MLFLOW_ARTIFACTS_DESTINATION: 's3://a'", "MLFLOW_ARTIFACTS_DESTINATION: 'gs://a'", "rclone"),
        (
            "MLFLOW_ARTIFACTS_DESTINATION: 's3://a', MLFLOW_S3_ENDPOINT_URL: 'https://one.example'",
            "MLFLOW_ARTIFACTS_DESTINATION: 's3://a', MLFLOW_S3_ENDPOINT_URL: 'https://two.example'",
            "rclone",
        ),
        ("MLFLOW_DEFAULT_ARTIFACT_ROOT: 's3://a'", "MLFLOW_DEFAULT_ARTIFACT_ROOT: 's3://b'", "keep the old place"),
    ],
)
def test_artifacts__stay_where_they_are(old: str, new: str, hint: str) -> None:
    [found] = moved(old, new)
    assert hint in found.hint


def test_artifacts__presigned_and_proxied_are_one_place() -> None:
    place = "MLFLOW_ARTIFACTS_DESTINATION: 's3://a'"
    assert moved(place, f"{place}, MLFLOW_S3_UPLOAD_EXTRA_ARGS: '{{}}'") == []


@pytest.mark.parametrize(
    ("old", "new", "stays"),
    [
        ("postgresql://u@a/m", "postgresql+psycopg2://u@a/m", False),
        ("postgresql://u@a/m", "postgresql://v@a/m", False),
        ("postgresql://u@a/m", "postgresql://u@b/m", True),
        ("postgresql://u@a/m", "postgresql://u@a/n", True),
        ("postgresql://u@a/m", "mysql://u@a/m", True),
        ("sqlite:////one.db", "sqlite:////two.db", True),
    ],
)
def test_database__another_host_name_or_engine_is_another_database(old: str, new: str, stays: bool) -> None:
    assert bool(moved(f"MLFLOW_BACKEND_STORE_URI: '{old}'", f"MLFLOW_BACKEND_STORE_URI: '{new}'")) is stays


@pytest.mark.parametrize(
    ("old", "new", "stays"),
    [
        ("", "mysql://u@a/r", True),
        ("mysql://u@a/r", "", True),
        ("mysql://u@a/r", "mysql://u@a/r", False),
        ("", "", False),
    ],
)
def test_database__registered_models_are_with_the_runs_where_nothing_is_said(old: str, new: str, stays: bool) -> None:
    runs = "MLFLOW_BACKEND_STORE_URI: 'mysql://u@a/m'"
    sides = (f"{runs}, MLFLOW_REGISTRY_STORE_URI: '{each}'" if each else runs for each in (old, new))
    assert [each.message.partition(" stay")[0] for each in moved(*sides)] == ["registered models"] * stays


# What is masked


def test_secrets__no_value_is_told() -> None:
    """Neither that of a Secret, nor what looks like a credential elsewhere, as somebody may have put it into a cluster."""
    secret = "{kind: Secret, apiVersion: v1, metadata: {name: own, namespace: here}, immutable: true, data: {key: %s}}"
    uri = SETTINGS % "MLFLOW_BACKEND_STORE_URI: 'postgresql://mlflow:%s@db/mlflow'"
    gone = "{kind: Secret, apiVersion: v1, metadata: {name: gone, namespace: here}, data: {key: b2xkLWdvbmU=}}"
    before = objects(secret % "b2xkLXZhbHVl", uri % "old-value", gone)
    after = objects(secret % "bmV3LXZhbHVl", uri % "new-value")
    told = tuple(Told(each, tuple(Cause(cause) for cause in each.causes)) for each in consequences(before, after))
    comparison = Comparison("dev", "HEAD", told)
    for written in (text(comparison, ()), str(entries(comparison))):
        assert "(secret)" in written
        assert "own" in written
        for value in ("b2xk", "bmV3", "old-value", "new-value"):
            assert value not in written


def test_quantities__are_compared_as_numbers() -> None:
    assert number("1Gi") == number("1024Mi") == 1024**3
    assert (number("1500m"), number("1e3"), number("2k"), number(2), number("0.0.0.0"), number("")) == (
        1.5,
        1000,
        2000,
        2,
        0,
        0,
    )


# Advice

SECRET = "{kind: Secret, apiVersion: v1, metadata: {name: keys, namespace: here}}"
POD = "{kind: Deployment, apiVersion: apps/v1, metadata: {name: a, namespace: %s}, spec: {template: {spec: %s}}}"
USES = {
    "variable": "{containers: [{name: a, env: [{name: A, valueFrom: {secretKeyRef: {name: keys, key: a}}}]}]}",
    "optional": "{containers: [{name: a, env: [{name: A, valueFrom: {secretKeyRef: {name: keys, key: a, optional: true}}}]}]}",
    "variables": "{containers: [{name: a, envFrom: [{secretRef: {name: keys}}]}]}",
    "init": "{initContainers: [{name: a, envFrom: [{secretRef: {name: keys}}]}]}",
    "volume": "{volumes: [{name: a, secret: {secretName: keys}}]}",
    "optional volume": "{volumes: [{name: a, secret: {secretName: keys, optional: true}}]}",
    "projected": "{volumes: [{name: a, projected: {sources: [{secret: {name: keys}}]}}]}",
    "csi": "{volumes: [{name: a, csi: {driver: x, nodePublishSecretRef: {name: keys}}}]}",
    "pull": "{imagePullSecrets: [{name: keys}]}",
}
OTHERS = {
    "tls": (
        "{kind: Ingress, apiVersion: networking.k8s.io/v1, "
        "metadata: {name: a, namespace: here}, spec: {tls: [{secretName: keys}]}}"
    ),
    "account": "{kind: ServiceAccount, apiVersion: v1, metadata: {name: a, namespace: here}, imagePullSecrets: [{name: keys}]}",
    "gateway": (
        "{kind: Gateway, apiVersion: gateway.networking.k8s.io/v1, metadata: {name: a, namespace: here}, "
        "spec: {listeners: [{tls: {certificateRefs: [{name: keys}]}}]}}"
    ),
    "annotation": (
        "{kind: Ingress, apiVersion: networking.k8s.io/v1, "
        "metadata: {name: a, namespace: here, annotations: {nginx.ingress.kubernetes.io/auth-secret: here/keys}}}"
    ),
}


@pytest.mark.parametrize(
    "user", [*(POD % ("here", each) for each in USES.values()), *OTHERS.values()], ids=[*USES, *OTHERS]
)
def test_left__nothing_is_deleted_that_is_still_referred_to(user: str) -> None:
    after = objects(user)
    [found] = [each for each in consequences([*after, *objects(SECRET)], after) if each.outcome is Outcome.LEFT]
    assert "delete" not in found.hint
    assert found.hint.startswith("keep it")


def test_left__what_nothing_refers_to_may_be_deleted() -> None:
    after = objects(POD % ("here", "{containers: []}"))
    elsewhere = objects(POD % ("there", USES["variable"]))
    [found] = [
        each for each in consequences([*after, *objects(SECRET)], [*after, *elsewhere]) if each.outcome is Outcome.LEFT
    ]
    assert found.hint == "after applying: kubectl delete secret keys -n here"


# Whose an object is

HELM = "{kind: %s, apiVersion: v1, metadata: {name: a, namespace: here, labels: {%s}, annotations: {%s}}}"
OURS = "app.kubernetes.io/part-of: mlflow"


@pytest.mark.parametrize(
    ("kind", "labels", "notes", "said"),
    [
        (
            "Service",
            "app.kubernetes.io/managed-by: Helm",
            "meta.helm.sh/release-name: tracking",
            "the Helm release tracking",
        ),
        ("Service", f"app.kubernetes.io/managed-by: Helm, {OURS}", "", "managed by Helm"),
        ("Secret", "app.kubernetes.io/managed-by: Helm", "", "managed by Helm"),
        ("Deployment", "app: mlflow", "", "without the label"),
        ("Deployment", OURS, "", ""),
        ("Secret", "", "", ""),
        ("Namespace", "", "", ""),
    ],
)
def test_foreign__objects_of_a_release_or_of_nobody(kind: str, labels: str, notes: str, said: str) -> None:
    [live] = objects(HELM % (kind, labels, notes))
    [ours] = objects(HELM % (kind, OURS, ""))
    found = [each.message for each in foreign([live.data], [ours])]
    assert len(found) == bool(said)
    assert all(said in each for each in found)
    [other] = objects((HELM % (kind, OURS, "")).replace("name: a", "name: b"))
    assert not list(foreign([live.data], [other]))
