"""The part `maintenance`: what runs on a schedule, and what it reaches."""

from __future__ import annotations

import pytest

from compiler.overlay import BACKUP, GC, RESTORE, Ref
from compiler.stores.minio import SETUP
from tests.parts import KEYS, MINIO, MYSQL, ROLE, Values, changes, findings, merged, planned, understood

POD = "spec.jobTemplate.spec.template.spec"


def test_gc__is_only_there_where_it_is_asked_for() -> None:
    assert not [name for name in planned(MINIO).components if name.startswith("maintenance")]
    assert [name for name in planned(MINIO, maintenance={"gc": {}}).components if name.startswith("maintenance")] == [
        "maintenance-gc"
    ]


def test_gc__runs_when_and_on_what_it_is_told() -> None:
    found = changes(
        planned(MINIO, maintenance={"gc": {"schedule": "30 2 * * SUN", "olderThan": "90d", "suspend": True}}), GC
    )
    assert found["spec.schedule"] == "30 2 * * SUN"
    assert found["spec.suspend"] is True
    assert found[f"{POD}.containers[name=gc].args"] == ["--older-than", "90d"]


def test_gc__cleans_every_workspace_where_there_are_several() -> None:
    asked = {"mlflow": {"env": {"MLFLOW_ENABLE_WORKSPACES": "true"}}, "maintenance": {"gc": {}}}
    assert changes(planned(MINIO, **asked), GC)[f"{POD}.containers[name=gc].args"][-1] == "--all-workspaces"


def test_gc__asks_the_server_where_it_is() -> None:
    place = f"{POD}.containers[name=gc].env[name=MLFLOW_TRACKING_URI].value"
    assert changes(planned(MINIO, maintenance={"gc": {}}), GC)[place] == "http://mlflow:5000"
    more = {"service": {"port": 80}, "mlflow": {"staticPrefix": "/mlflow"}, "maintenance": {"gc": {}}}
    assert changes(planned(MINIO, **more), GC)[place] == "http://mlflow:80/mlflow"


@pytest.mark.parametrize(
    ("values", "container", "variable"),
    [
        (MINIO, "initContainers[name=wait-for-schema]", "PGPASSWORD"),
        (MINIO, "containers[name=gc]", "PGPASSWORD"),
        (MYSQL, "initContainers[name=option-file]", "MYSQL_PWD"),
    ],
)
def test_gc__takes_the_password_of_the_named_secret(values: Values, container: str, variable: str) -> None:
    database = {"existingSecret": "own", "passwordKey": "word"}
    found = changes(planned(values, secrets="existing", database=database, maintenance={"gc": {}}), GC)
    reference = f"{POD}.{container}.env[name={variable}].valueFrom.secretKeyRef"
    assert (found[f"{reference}.name"], found[f"{reference}.key"]) == ("own", "word")


def test_gc__logs_in_as_the_administrator() -> None:
    overlay = planned(MINIO, secrets="existing", auth={"existingSecret": "own"}, maintenance={"gc": {}})
    assert "maintenance-gc-login" in overlay.components
    route = f"{POD}.containers[name=gc].env[name=MLFLOW_TRACKING_PASSWORD].valueFrom.secretKeyRef.name"
    assert changes(overlay, GC)[route] == "own"


def test_gc__verifies_the_database_and_pulls_its_image_as_the_server_does() -> None:
    database = {"engine": "mysql", "host": "db.acme.example", "tls": {"mode": "verify-full", "caSecret": "ca"}}
    image = {"image": {"pullPolicy": "Always"}}
    overlay = planned(KEYS, database=database, mlflow=image, maintenance={"gc": {}})
    found = changes(overlay, GC)
    assert found[f"{POD}.volumes[name=database-ca].secret.secretName"] == "ca"
    pulled = [route for route in found if route.endswith("imagePullPolicy")]
    names = ("initContainers[name=option-file]", "initContainers[name=wait-for-schema]", "containers[name=gc]")
    assert pulled == [f"{POD}.{name}.imagePullPolicy" for name in names]


def test_gc__components_come_before_those_that_change_them() -> None:
    database = {"host": "db.acme.example", "tls": {"mode": "verify-full", "caSecret": "ca"}}
    order = planned(KEYS, database=database, maintenance={"gc": {}}, networkPolicy={"enabled": False}).components
    assert order.index("database-external") < order.index("maintenance-gc") < order.index("database-ca")
    assert order.index("database-ca") < order.index("driver-postgres") < order.index("networkpolicy-off")


def test_gc__is_refused_where_it_could_not_work() -> None:
    assert findings({"overlay": "local"}, maintenance={"gc": {}}) == ["wrong-kind"]
    assert findings(KEYS, mlflow={"mode": "direct"}, maintenance={"gc": {}}) == ["conflicting-keys"]
    assert findings(KEYS, mlflow={"mode": "presigned"}, maintenance={"gc": {}}) == []
    assert findings(KEYS, tls={"existingSecret": "cert"}, maintenance={"gc": {}}) == ["conflicting-keys"]
    oidc = {
        "mode": "oidc",
        "issuer": "https://login.acme.example",
        "clientId": "mlflow",
        "emailDomains": ["acme.example"],
    }
    more = {"host": "mlflow.acme.example", "ingress": {"tlsSecret": "cert"}, "auth": oidc}
    assert findings(KEYS, **more) == []
    assert findings(KEYS, **more, maintenance={"gc": {}}) == ["conflicting-keys"]


@pytest.mark.parametrize("schedule", ["@daily", "0 3 * * 0", "*/15 0-6,22 1 JAN-MAR,12 MON-FRI", "59 23 31 12 6"])
def test_schedule__of_cron(schedule: str) -> None:
    assert understood(MINIO, maintenance={"gc": {"schedule": schedule}}).overlay is not None


@pytest.mark.parametrize(
    "schedule",
    [
        "",
        "daily",
        "@reboot",
        "60 0 * * *",
        "0 24 * * *",
        "0 0 32 * *",
        "0 0 0 * *",
        "0 0 * 13 *",
        "0 0 * * 7",
        "0 0 * *",
        "0  0 * * *",
        "TZ=UTC 0 0 * * *",
        "*/0 * * * *",
    ],
)
def test_schedule__that_the_api_server_refuses(schedule: str) -> None:
    assert understood(MINIO, maintenance={"gc": {"schedule": schedule}}).overlay is None


BACKED_UP: Values = {"maintenance": {"backup": {}}}
BESIDE: Values = {**BACKED_UP, "artifacts": {"prefix": "artifacts"}}
JOBS = [(BACKUP, "containers", "initContainers[name=dump]"), (RESTORE, "initContainers", "containers[name=load]")]
AZURE: Values = {"storageAccount": "acme", "container": "mlflow"}
IDENTITY = "11111111-2222-3333-4444-555555555555"


def place(values: Values) -> str:
    """Where the backups of an environment lie."""
    found = changes(planned(values), BACKUP)
    return str(found[f"{POD}.containers[name=store].env[name=BACKUP_PLACE].value"])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (merged(KEYS, BESIDE), "s3://acme/backups/mlflow"),
        (merged(KEYS, {**BESIDE, "namespace": "ml", "maintenance": {"backup": {"prefix": "own"}}}), "s3://acme/own"),
        (merged(KEYS, {"maintenance": {"backup": {"bucket": "other"}}}), "s3://other/backups/mlflow"),
        (merged(MINIO, BACKED_UP), "s3://mlflow-backups/backups/mlflow"),
        (
            merged({"overlay": "azure-keys", "artifacts": AZURE}, BESIDE),
            "wasbs://mlflow@acme.blob.core.windows.net/backups/mlflow",
        ),
    ],
)
def test_backup__lies_beside_the_artifacts(values: Values, expected: str) -> None:
    assert place(values) == expected


@pytest.mark.parametrize(
    "more",
    [
        BACKED_UP,
        {"artifacts": {"prefix": "backups"}, **BACKED_UP},
        {"artifacts": {"prefix": "a"}, "maintenance": {"backup": {"prefix": "a"}}},
        {"artifacts": {"prefix": "a"}, "maintenance": {"backup": {"prefix": "a/b"}}},
        {"maintenance": {"backup": {"bucket": "acme"}}},
    ],
)
def test_backup__never_lies_where_the_server_hands_it_out(more: Values) -> None:
    assert findings(KEYS, **more) == ["conflicting-keys"]


def test_backup__of_minio_has_a_bucket_of_its_own() -> None:
    route = "spec.template.spec.containers[name=setup].env[name=BACKUP_BUCKET].value"
    assert changes(planned(MINIO, artifacts={"bucket": "runs"}, **BACKED_UP), SETUP)[route] == "runs-backups"
    assert route not in changes(planned(MINIO), SETUP)
    assert findings(MINIO, artifacts={"bucket": "b" * 56}, **BACKED_UP) == ["bad-bucket"]
    assert findings(MINIO, artifacts={"bucket": "b" * 55}, **BACKED_UP) == []


@pytest.mark.parametrize(("target", "of_store", "of_database"), JOBS)
def test_backup__reaches_the_databases_that_the_server_has(target: Ref, of_store: str, of_database: str) -> None:
    database = {"host": "db.acme.example", "port": 6432, "name": "runs", "user": "tracker", "existingSecret": "own"}
    database["registry"] = {"name": "models"}
    found = changes(planned(KEYS, **BESIDE, database=database, auth={"database": "users"}), target)
    container = f"{POD}.{of_database}.env"
    names = {"DATABASE_HOST": "db.acme.example", "DATABASE_PORT": "6432", "DATABASE_USER": "tracker"}
    for name, value in {**names, "DATABASES": "runs models users"}.items():
        assert found[f"{container}[name={name}].value"] == value
    assert found[f"{container}[name=PGPASSWORD].valueFrom.secretKeyRef.name"] == "own"


@pytest.mark.parametrize(
    ("tls", "options"),
    [
        ({"mode": "disable"}, "--ssl-mode=DISABLED"),
        ({}, "--ssl-mode=REQUIRED"),
        (
            {"mode": "verify-full", "caSecret": "ca"},
            "--ssl-mode=VERIFY_IDENTITY --ssl-ca=/etc/mlflow/database-ca/ca.crt",
        ),
    ],
)
def test_backup__trusts_mysql_as_far_as_the_server_does(tls: Values, options: str) -> None:
    database = {"engine": "mysql", "host": "db.acme.example", "tls": tls}
    found = changes(planned(KEYS, **BESIDE, database=database), BACKUP)
    assert found[f"{POD}.initContainers[name=dump].env[name=DATABASE_TLS].value"] == options


@pytest.mark.parametrize(("target", "group", "_"), JOBS)
def test_backup__logs_in_to_the_store_as_the_server_does(target: Ref, group: str, _: str) -> None:
    container = f"{POD}.{group}[name=store]"

    def found(values: Values, **more: object) -> Values:
        return changes(planned(values, **merged(BESIDE, dict(more))), target)

    own = found(KEYS, artifacts={"existingSecret": "own"})
    assert own[f"{container}.envFrom"] == [{"configMapRef": {"name": "mlflow-env"}}, {"secretRef": {"name": "own"}}]
    assert f"{container}.envFrom" not in found(ROLE)
    google = found({"overlay": "gcs-keys", "artifacts": {"bucket": "acme"}})
    assert google[f"{container}.env[name=GOOGLE_APPLICATION_CREDENTIALS].value"] == "/etc/mlflow/gcs-keys/keyfile.json"
    assert google[f"{container}.volumeMounts[name=gcs-keys].mountPath"] == "/etc/mlflow/gcs-keys"
    azure = found({"overlay": "azure-workload-identity", "artifacts": {**AZURE, "clientId": IDENTITY}})
    label = "spec.jobTemplate.spec.template.metadata.labels.azure.workload.identity/use"
    assert azure[label] == "true"
    private = {"endpoint": "https://s3.acme.example", "caSecret": "ca"}
    authority = found({"overlay": "s3-compatible", "artifacts": {"bucket": "acme", **private}})
    assert authority[f"{POD}.volumes[name=artifacts-ca].secret"]["secretName"] == "ca"
    assert authority[f"{container}.volumeMounts[name=artifacts-ca].readOnly"] is True
    account = found(ROLE, serviceAccount={"create": False, "name": "there"})
    assert account[f"{POD}.serviceAccountName"] == "there"


@pytest.mark.parametrize(("target", "group", "other"), JOBS)
def test_backup__has_the_room_that_it_is_given(target: Ref, group: str, other: str) -> None:
    found = changes(planned(MINIO, maintenance={"backup": {"size": "2Gi", "keep": 3}}), target)
    assert found[f"{POD}.volumes[name=backup].emptyDir.sizeLimit"] == "2Gi"
    for container in (f"{group}[name=store]", other):
        assert found[f"{POD}.{container}.resources.limits.ephemeral-storage"] == f"{2 * 1024**2 + 512 * 1024}Ki"


def test_backup__uses_the_programs_of_the_right_database() -> None:
    database = {"host": "db.acme.example"}
    image = "registry.example/postgres:18.1"
    overlay = planned(KEYS, **merged(BESIDE, {"maintenance": {"backup": {"image": image}}}), database=database)
    assert ("docker.io/library/postgres", "registry.example/postgres", "18.1") in [
        (each.name, each.repository, each.tag) for each in overlay.images
    ]
    assert findings(MINIO, maintenance={"backup": {"image": image}}) == ["conflicting-keys"]
    more = merged(BESIDE, {"maintenance": {"backup": {"image": "postgres"}}})
    assert findings(KEYS, **more, database=database) == ["unpinned-image"]


def test_backup__is_refused_without_an_object_store() -> None:
    assert findings({"overlay": "local"}, **BACKED_UP) == ["wrong-kind"]
    assert findings({"overlay": "local", "database": {"engine": "postgres"}}, **BACKED_UP) == ["wrong-kind"]


def test_maintenance__asks_for_something() -> None:
    assert understood(MINIO, maintenance={}).overlay is None
