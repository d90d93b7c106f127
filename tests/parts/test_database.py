"""The database: its URI, its TLS, its Secret, its volume, and the way to it."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from compiler.overlay import MIGRATION, SERVER, Ref
from compiler.parts.database import POLICY
from tests.parts import KEYS, MINIO, MYSQL, Values, changes, findings, planned, secrets, settings

URI = "MLFLOW_BACKEND_STORE_URI"
POSTGRES = Ref("apps/v1", "StatefulSet", "postgres")
MYSQL_SET = Ref("apps/v1", "StatefulSet", "mysql")
OURS: dict[str, Any] = {"host": "db.acme.example"}
OPTIONS = "read_default_file=/run/mlflow-database/my.cnf&program_name=mlflow-overlays"
AUTHORITY = "ssl_ca=/etc/mlflow/database-ca/ca.crt"


@pytest.mark.parametrize(
    ("values", "database", "uri"),
    [
        (MINIO, {}, "postgresql+psycopg2://mlflow@postgres:5432/mlflow"),
        (MYSQL, {}, f"mysql+pymysql://mlflow@mysql:3306/mlflow?{OPTIONS}"),
        (KEYS, {}, "postgresql+psycopg2://mlflow@postgres:5432/mlflow"),
        (KEYS, {"engine": "mysql"}, f"mysql+pymysql://mlflow@mysql:3306/mlflow?{OPTIONS}"),
        (MINIO, {"name": "runs", "user": "tracker"}, "postgresql+psycopg2://tracker@postgres:5432/runs"),
        (KEYS, OURS, "postgresql+psycopg2://mlflow@db.acme.example:5432/mlflow"),
        (KEYS, {**OURS, "port": 6432}, "postgresql+psycopg2://mlflow@db.acme.example:6432/mlflow"),
        (KEYS, {**OURS, "user": "u@host"}, "postgresql+psycopg2://u%40host@db.acme.example:5432/mlflow"),
        (KEYS, {**OURS, "user": "u$1.a-b"}, "postgresql+psycopg2://u%241.a-b@db.acme.example:5432/mlflow"),
        (KEYS, {**OURS, "name": "a$b-c"}, "postgresql+psycopg2://mlflow@db.acme.example:5432/a$b-c"),
        (
            KEYS,
            {**OURS, "engine": "mysql"},
            f"mysql+pymysql://mlflow@db.acme.example:3306/mlflow?{OPTIONS}&ssl_check_hostname=false",
        ),
        (
            KEYS,
            {**OURS, "engine": "mysql", "tls": {"mode": "disable"}},
            f"mysql+pymysql://mlflow@db.acme.example:3306/mlflow?{OPTIONS}",
        ),
        (
            KEYS,
            {**OURS, "engine": "mysql", "tls": {"mode": "verify-ca", "caSecret": "ca"}},
            f"mysql+pymysql://mlflow@db.acme.example:3306/mlflow?{OPTIONS}&{AUTHORITY}&ssl_check_hostname=false",
        ),
        (
            KEYS,
            {**OURS, "engine": "mysql", "tls": {"mode": "verify-full", "caSecret": "ca"}},
            f"mysql+pymysql://mlflow@db.acme.example:3306/mlflow?{OPTIONS}&{AUTHORITY}&ssl_check_hostname=true",
        ),
    ],
)
def test_uri__names_driver_user_host_and_tls(values: Values, database: dict[str, Any], uri: str) -> None:
    assert settings(values, database=database)[URI] == uri


@pytest.mark.parametrize("user", ["a@b", "a$b", "a.b-c_d", "_a", "A@B@C"])
@pytest.mark.parametrize("engine", ["postgres", "mysql"])
def test_uri__is_read_back_as_it_was_meant_and_has_no_password(user: str, engine: str) -> None:
    uri = urlsplit(settings(KEYS, database={**OURS, "engine": engine, "user": user, "name": "a$b", "port": 1234})[URI])
    assert uri.password is None
    assert unquote(uri.username or "") == user
    assert (uri.hostname, uri.port, unquote(uri.path)) == ("db.acme.example", 1234, "/a$b")
    if engine == "mysql":
        assert parse_qs(uri.query)["read_default_file"] == ["/run/mlflow-database/my.cnf"]


@pytest.mark.parametrize(
    ("values", "database", "fine"),
    [
        (MYSQL, {"user": "u" * 32}, True),
        (MYSQL, {"user": "u" * 33}, False),
        (KEYS, {**OURS, "engine": "mysql", "user": "u" * 33}, False),
        (KEYS, {**OURS, "user": "u" * 63}, True),
        (KEYS, {**OURS, "user": "postgres"}, True),
        (MINIO, {"user": "postgres"}, False),
        (MINIO, {"name": "postgres"}, False),
        (MINIO, {"name": "template1"}, False),
        (MYSQL, {"name": "mysql"}, False),
        (MYSQL, {"name": "information_schema"}, False),
    ],
)
def test_names__that_the_database_cannot_take(values: Values, database: dict[str, Any], *, fine: bool) -> None:
    """MySQL's users have 32 characters at most; a new database has users and databases of its own already."""
    assert (findings(values, database=database) == []) is fine


@pytest.mark.parametrize(
    ("database", "expected"),
    [
        ({}, {}),
        (OURS, {"PGSSLMODE": "require"}),
        ({**OURS, "tls": {"mode": "disable"}}, {"PGSSLMODE": "disable"}),
        (
            {**OURS, "tls": {"mode": "verify-ca", "caSecret": "ca"}},
            {"PGSSLMODE": "verify-ca", "PGSSLROOTCERT": "/etc/mlflow/database-ca/ca.crt"},
        ),
        (
            {**OURS, "tls": {"mode": "verify-full", "caSecret": "ca"}},
            {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": "/etc/mlflow/database-ca/ca.crt"},
        ),
        ({**OURS, "engine": "mysql", "tls": {"mode": "verify-full", "caSecret": "ca"}}, {}),
    ],
)
def test_tls__of_postgres_is_a_setting_of_its_client(database: dict[str, Any], expected: dict[str, str]) -> None:
    found = settings(KEYS, database=database)
    assert {name: value for name, value in found.items() if name.startswith("PG")} == expected


@pytest.mark.parametrize("engine", ["postgres", "mysql"])
def test_tls__the_authority_is_mounted_wherever_the_database_is_reached(engine: str) -> None:
    overlay = planned(KEYS, database={**OURS, "engine": engine, "tls": {"mode": "verify-full", "caSecret": "db-ca"}})
    assert "database-ca" in overlay.components
    assert secrets(overlay)["db-ca"] == ["ca.crt"]
    for target in (SERVER, MIGRATION):
        assert changes(overlay, target)["spec.template.spec.volumes[name=database-ca].secret.secretName"] == "db-ca"


@pytest.mark.parametrize(
    ("values", "database", "components"),
    [
        (MINIO, {}, ["database-postgres", "driver-postgres"]),
        (MYSQL, {}, ["database-mysql", "driver-mysql"]),
        (KEYS, {}, ["database-postgres", "driver-postgres"]),
        (KEYS, {"engine": "mysql"}, ["database-mysql", "driver-mysql"]),
        (KEYS, OURS, ["database-external", "driver-postgres"]),
        (KEYS, {**OURS, "engine": "mysql"}, ["database-external", "driver-mysql"]),
        (MINIO, OURS, ["database-external", "driver-postgres"]),
    ],
)
def test_components__one_driver_and_one_database(
    values: Values, database: dict[str, Any], components: list[str]
) -> None:
    """In this order: the driver says which init container is the first, after all others have patched theirs."""
    found = planned(values, database=database).components
    assert [each for each in found if each.startswith(("driver-", "database-"))] == components


@pytest.mark.parametrize(
    ("values", "database", "places"),
    [
        (
            KEYS,
            OURS,
            {
                SERVER: [
                    "initContainers[name=wait-for-schema].env[name=PGPASSWORD]",
                    "containers[name=mlflow].env[name=PGPASSWORD]",
                ],
                MIGRATION: ["containers[name=migrate].env[name=PGPASSWORD]"],
            },
        ),
        (
            KEYS,
            {**OURS, "engine": "mysql"},
            {
                SERVER: ["initContainers[name=option-file].env[name=MYSQL_PWD]"],
                MIGRATION: ["initContainers[name=option-file].env[name=MYSQL_PWD]"],
            },
        ),
        (MINIO, {}, {POSTGRES: ["initContainers[name=create].env[name=MLFLOW_PASSWORD]"]}),
        (MYSQL, {}, {MYSQL_SET: ["initContainers[name=create].env[name=MLFLOW_PASSWORD]"]}),
    ],
)
def test_secret__is_renamed_wherever_the_password_is_read(
    values: Values, database: dict[str, Any], places: dict[Ref, list[str]]
) -> None:
    named = {**database, "existingSecret": "db-user", "passwordKey": "pw"}
    overlay = planned(values, secrets="existing", database=named)
    for target, routes in places.items():
        found = {place: value for place, value in changes(overlay, target).items() if "secretKeyRef" in place}
        for route in routes:
            place = f"spec.template.spec.{route}.valueFrom.secretKeyRef"
            assert (found[f"{place}.name"], found[f"{place}.key"]) == ("db-user", "pw")
    assert secrets(overlay)["db-user"] == ["pw"]
    assert "mlflow-database" not in secrets(overlay)
    default = planned(values, secrets="existing", database=database)
    assert not [change for change in default.changes if "secretKeyRef" in change.route]


def test_names__are_what_the_database_is_created_with() -> None:
    overlay = planned(MINIO, database={"name": "runs", "user": "tracker"})
    create = "spec.template.spec.initContainers[name=create].env"
    found = changes(overlay, POSTGRES)
    assert found[f"{create}[name=MLFLOW_DATABASE].value"] == "runs"
    assert found[f"{create}[name=MLFLOW_USER].value"] == "tracker"
    assert changes(planned(MINIO), POSTGRES) == {}


def test_volume__has_the_size_and_class_that_are_asked_for() -> None:
    found = changes(planned(MYSQL, database={"storage": {"size": "20Gi", "className": "fast"}}), MYSQL_SET)
    assert found["spec.volumeClaimTemplates[0].spec.resources.requests.storage"] == "20Gi"
    assert found["spec.volumeClaimTemplates[0].spec.storageClassName"] == "fast"
    only_size = changes(planned(MYSQL, database={"storage": {"size": "20Gi"}}), MYSQL_SET)
    assert list(only_size) == ["spec.volumeClaimTemplates[0].spec.resources.requests.storage"]


@pytest.mark.parametrize(
    ("reference", "repository", "tag", "digest"),
    [
        ("postgres:18.1", "postgres", "18.1", None),
        ("registry.example:5000/team/pg:18", "registry.example:5000/team/pg", "18", None),
        (
            "registry.example:5000/team/pg@sha256:" + "0" * 64,
            "registry.example:5000/team/pg",
            None,
            "sha256:" + "0" * 64,
        ),
        ("pg:18@sha256:" + "0" * 64, "pg", "18", "sha256:" + "0" * 64),
    ],
)
def test_image__is_taken_apart(reference: str, repository: str, tag: str | None, digest: str | None) -> None:
    image = planned(MINIO, database={"image": reference}).images[-1]
    assert (image.name, image.repository, image.tag, image.digest) == (
        "docker.io/library/postgres",
        repository,
        tag,
        digest,
    )


@pytest.mark.parametrize("reference", ["postgres", "postgres:latest", "registry.example:5000/postgres"])
def test_image__has_to_be_pinned(reference: str) -> None:
    assert findings(MINIO, database={"image": reference}) == ["unpinned-image"]


def test_policy__leads_to_the_database_alone() -> None:
    [rule] = changes(planned(KEYS, database={"host": "10.1.2.3", "port": 6432}), POLICY)["spec.egress"]
    assert rule == {"to": [{"ipBlock": {"cidr": "10.1.2.3/32"}}], "ports": [{"port": 6432, "protocol": "TCP"}]}
    assert changes(planned(MINIO), POLICY) == {}
    assert changes(planned(KEYS, database=OURS, networkPolicy={"enabled": False}), POLICY) == {}


@pytest.mark.parametrize(
    ("values", "database", "codes"),
    [
        (MINIO, {"storage": {"size": "1Gi"}}, []),
        (MINIO, {**OURS, "storage": {"size": "1Gi"}}, ["conflicting-keys"]),
        (MINIO, {**OURS, "image": "postgres:18"}, ["conflicting-keys"]),
        (MINIO, {"port": 6432}, ["conflicting-keys"]),
        (MINIO, {"tls": {"mode": "require"}}, ["conflicting-keys"]),
        (MINIO, {"tls": {"caSecret": "ca"}}, ["conflicting-keys", "conflicting-keys"]),
        (MINIO, {"engine": "mysql"}, ["wrong-kind"]),
        (MINIO, {"engine": "postgres"}, []),
        (KEYS, {"engine": "mysql"}, []),
        (KEYS, {**OURS, "tls": {"mode": "verify-full"}}, ["missing-key"]),
        (KEYS, {**OURS, "tls": {"mode": "verify-ca"}}, ["missing-key"]),
        (KEYS, {**OURS, "tls": {"caSecret": "ca"}}, ["conflicting-keys"]),
        (KEYS, {**OURS, "tls": {"mode": "disable", "caSecret": "ca"}}, ["conflicting-keys"]),
        (KEYS, {**OURS, "tls": {"mode": "verify-ca", "caSecret": "ca"}}, []),
        (KEYS, {**OURS, "port": 0}, ["bad-value"]),
        (KEYS, {**OURS, "port": 65536}, ["bad-value"]),
        (KEYS, {**OURS, "port": "5432"}, ["wrong-type"]),
        (KEYS, {**OURS, "user": "a b"}, ["bad-value"]),
        (KEYS, {**OURS, "user": "a:b"}, ["bad-value"]),
        (KEYS, {**OURS, "name": "a/b"}, ["bad-value"]),
        (KEYS, {**OURS, "name": "a?b"}, ["bad-value"]),
        (KEYS, {**OURS, "name": "a'b"}, ["bad-value"]),
        (KEYS, {**OURS, "name": "a`b"}, ["bad-value"]),
        (KEYS, {**OURS, "password": "x"}, ["secret-in-plain-sight"]),
    ],
)
def test_check__keys_that_contradict_each_other(values: Values, database: dict[str, Any], codes: list[str]) -> None:
    assert findings(values, database=database) == codes


MSSQL = {"engine": "mssql", "host": "sql.acme.example", "existingSecret": "sql"}


def test_mssql__the_uri_asks_for_the_password_and_for_encryption() -> None:
    uri = settings(KEYS, database={**MSSQL, "user": "a@b", "name": "runs"})["MLFLOW_BACKEND_STORE_URI"]
    assert uri == "mssql+pymssql://a%40b@sql.acme.example:1433/runs?plugin=mlflow_mssql&encryption=require"
    plain = settings(KEYS, database={**MSSQL, "tls": {"mode": "disable"}, "port": 14330})["MLFLOW_BACKEND_STORE_URI"]
    assert plain.endswith("@sql.acme.example:14330/mlflow?plugin=mlflow_mssql&encryption=off")


def test_mssql__its_password_is_read_wherever_the_database_is() -> None:
    overlay = planned(KEYS, database={**MSSQL, "passwordKey": "sa"})
    assert "driver-mssql" in overlay.components
    reference = "env[name=MSSQL_PASSWORD].valueFrom.secretKeyRef"
    for target, containers in (
        (SERVER, ("initContainers[name=wait-for-schema]", "containers[name=mlflow]")),
        (MIGRATION, ("containers[name=migrate]",)),
    ):
        found = changes(overlay, target)
        for container in containers:
            assert found[f"spec.template.spec.{container}.{reference}.name"] == "sql"
            assert found[f"spec.template.spec.{container}.{reference}.key"] == "sa"


@pytest.mark.parametrize(
    ("more", "codes"),
    [
        ({}, []),
        ({"host": None}, ["missing-key"]),
        ({"tls": {"mode": "verify-ca"}}, ["conflicting-keys"]),
        ({"tls": {"caSecret": "ca"}}, ["conflicting-keys"]),
    ],
)
def test_mssql__what_it_cannot_be(more: dict[str, Any], codes: list[str]) -> None:
    given = {key: value for key, value in {**MSSQL, **more}.items() if value is not None}
    assert findings(KEYS, database=given) == codes
    assert "conflicting-keys" in findings(KEYS, database=given, auth={})


REPLICA = {"host": "db.acme.example", "readHost": "db-read.acme.example", "existingSecret": "db"}


@pytest.mark.parametrize("engine", ["postgres", "mysql", "mssql"])
def test_replica__is_the_same_database_on_another_host(engine: str) -> None:
    found = settings(KEYS, database={**REPLICA, "engine": engine, "name": "runs", "user": "tracker"})
    first, replica = found["MLFLOW_BACKEND_STORE_URI"], found["MLFLOW_READ_REPLICA_BACKEND_STORE_URI"]
    assert "db.acme.example" in first
    assert replica == first.replace("db.acme.example", "db-read.acme.example")
    assert "MLFLOW_READ_REPLICA_BACKEND_STORE_URI" not in settings(
        KEYS, database={"host": "db", "existingSecret": "db"}
    )


def test_replica__the_policy_opens_the_way_to_both() -> None:
    given = {**REPLICA, "host": "10.1.2.3", "readHost": "10.1.2.4"}
    [rule] = changes(planned(KEYS, database=given), POLICY)["spec.egress"]
    assert [place["ipBlock"]["cidr"] for place in rule["to"]] == ["10.1.2.3/32", "10.1.2.4/32"]
    [rule] = changes(planned(KEYS, database=REPLICA), POLICY)["spec.egress"]
    assert [place["ipBlock"]["cidr"] for place in rule["to"]] == ["0.0.0.0/0", "::/0"]


def test_replica__of_a_database_of_yours_alone() -> None:
    assert findings(MINIO, database={"readHost": "db.acme.example"}) == ["conflicting-keys"]
    assert findings({"overlay": "local"}, database={"readHost": "db.acme.example"}) == ["conflicting-keys"]
    assert findings(MINIO, mlflow={"env": {"MLFLOW_READ_REPLICA_BACKEND_STORE_URI": "x"}}) == ["reserved-setting"]
    assert findings(MINIO, mlflow={"args": ["--read-replica-backend-store-uri=x"]}) == ["reserved-setting"]


def test_mssql__a_login_that_keeps_no_users_goes_with_it() -> None:
    auth = {
        "mode": "oidc",
        "issuer": "https://login.acme.example",
        "clientId": "mlflow",
        "emailDomains": ["acme.example"],
    }
    way_in = {"host": "mlflow.acme.example", "ingress": {"tlsSecret": "mlflow-tls"}}
    assert findings(KEYS, database=MSSQL, auth=auth, **way_in) == []


def test_registry__is_a_database_of_the_same_server_and_user() -> None:
    for values, database in ((KEYS, {"host": "db.acme.example", "port": 5433}), (MINIO, {}), (MYSQL, {})):
        found = settings(values, database={**database, "registry": {}})
        runs, models = urlsplit(found[URI]), urlsplit(found["MLFLOW_REGISTRY_STORE_URI"])
        assert models == runs._replace(path="/mlflow_registry")
        assert runs.path == "/mlflow"
        assert "MLFLOW_REGISTRY_STORE_URI" not in settings(values, database=database)


def test_registry__is_created_in_the_cluster() -> None:
    variable = "spec.template.spec.initContainers[name=create].env[name=MLFLOW_REGISTRY_DATABASE].value"
    for values, store in ((MINIO, POSTGRES), (MYSQL, MYSQL_SET)):
        assert changes(planned(values, database={"registry": {"name": "models"}}), store)[variable] == "models"
        assert variable not in changes(planned(values), store)


@pytest.mark.parametrize(
    ("values", "more", "codes"),
    [
        (MINIO, {"database": {"registry": {"name": "mlflow"}}}, ["conflicting-keys"]),
        (MINIO, {"database": {"registry": {"name": "mlflow_auth"}}, "auth": {}}, ["conflicting-keys"]),
        (MINIO, {"database": {"registry": {"name": "mlflow_auth"}}}, []),
        (MYSQL, {"database": {"registry": {"name": "sys"}}}, ["reserved-name"]),
        (KEYS, {"database": {**REPLICA, "registry": {}}}, ["conflicting-keys"]),
        (KEYS, {"database": {**MSSQL, "registry": {}}}, ["conflicting-keys"]),
        ({"overlay": "local"}, {"database": {"registry": {}}}, ["conflicting-keys"]),
        (MINIO, {"mlflow": {"env": {"MLFLOW_REGISTRY_STORE_URI": "x"}}}, ["reserved-setting"]),
        (MINIO, {"mlflow": {"args": ["--registry-store-uri=x"]}}, ["reserved-setting"]),
    ],
)
def test_registry__what_it_does_not_go_with(values: Values, more: Values, codes: list[str]) -> None:
    assert findings(values, **more) == codes
