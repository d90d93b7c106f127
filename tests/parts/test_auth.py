"""The part `auth`: MLflow's own login."""

from __future__ import annotations

import pytest

from compiler.overlay import SERVER, Ref
from compiler.pipeline import compile_environment
from tests.conftest import Project
from tests.parts import KEYS, MINIO, MYSQL, changes, findings, planned, secrets, settings, understood

WAIT = "spec.template.spec.initContainers[name=wait-for-schema]"


def test_auth__without_the_key_there_is_no_login() -> None:
    overlay = planned(MINIO)
    assert "auth-basic" not in overlay.components
    assert "MLFLOW_AUTH_DATABASE_URI" not in settings(MINIO)


def test_auth__users_have_a_database_of_their_own_on_the_same_server() -> None:
    found = settings(MINIO, auth={})
    assert found["MLFLOW_AUTH_DATABASE_URI"] == "postgresql+psycopg2://mlflow@postgres:5432/mlflow_auth"
    assert found["LOGIN_ADMIN_USER"] == "admin"
    assert found["LOGIN_DEFAULT_PERMISSION"] == "READ"
    given = {"database": "users", "adminUser": "root@acme", "defaultPermission": "NO_PERMISSIONS"}
    database = {"engine": "mysql", "host": "db.acme.example", "user": "a@b", "tls": {"mode": "require"}}
    found = settings(KEYS, database=database, auth=given)
    assert found["MLFLOW_AUTH_DATABASE_URI"] == (
        "mysql+pymysql://a%40b@db.acme.example:3306/users"
        "?read_default_file=/run/mlflow-database/my.cnf&ssl_check_hostname=false"
    )
    assert found["LOGIN_ADMIN_USER"] == "root@acme"
    assert found["LOGIN_DEFAULT_PERMISSION"] == "NO_PERMISSIONS"


@pytest.mark.parametrize(("values", "store"), [(MINIO, "postgres"), (MYSQL, "mysql")])
def test_auth__a_database_in_the_cluster_creates_that_of_users(values: dict[str, str], store: str) -> None:
    found = changes(planned(values, auth={"database": "users"}), Ref("apps/v1", "StatefulSet", store))
    route = "spec.template.spec.initContainers[name=create].env[name=MLFLOW_AUTH_DATABASE].value"
    assert found[route] == "users"
    assert route not in changes(planned(values), Ref("apps/v1", "StatefulSet", store))


def test_auth__one_secret_for_the_administrator_and_for_sessions() -> None:
    assert secrets(planned(MINIO, auth={}))["mlflow-auth"] == ["admin-password", "session-key"]
    overlay = planned(KEYS, auth={"existingSecret": "login"})
    assert secrets(overlay)["login"] == ["admin-password", "session-key"]
    found = changes(overlay, SERVER)
    assert found[f"{WAIT}.env[name=LOGIN_ADMIN_PASSWORD].valueFrom.secretKeyRef.name"] == "login"
    session = "spec.template.spec.containers[name=mlflow].env[name=MLFLOW_FLASK_SERVER_SECRET_KEY]"
    assert found[f"{session}.valueFrom.secretKeyRef.name"] == "login"


def test_auth__contradictions() -> None:
    assert findings(MINIO, auth={"database": "mlflow"}) == ["conflicting-keys"]
    assert findings(MINIO, auth={"existingSecret": "mine"}) == ["conflicting-keys"]
    assert findings(MINIO, secrets="existing", auth={"existingSecret": "mine"}) == []
    assert findings(MINIO, auth={}, mlflow={"args": ["--app-name", "x"]}) == ["reserved-setting"]
    assert findings(MINIO, mlflow={"args": ["--app-name", "x"]}) == []
    assert findings(MYSQL, auth={"database": "sys"}) == ["reserved-name"]


@pytest.mark.parametrize("user", ["", "a:b", "ü", "x" * 65, "a b"])
def test_auth__administrators_that_no_client_could_name(user: str) -> None:
    assert understood(MINIO, auth={"adminUser": user}).overlay is None


@pytest.mark.parametrize(
    "text",
    [
        "overlay: minio-mysql\nauth: {}\nmetrics: {}\n",
        "overlay: minio-mysql\nsecrets: existing\nauth: {existingSecret: login}\n",
        (
            "overlay: aws-keys\nartifacts: {bucket: acme, region: us-east-1}\nauth: {}\n"
            "database: {engine: mysql, host: db.acme.example, tls: {mode: verify-ca, caSecret: ca}}\n"
        ),
    ],
)
def test_auth__the_option_file_of_mysql_is_written_first(text: str, project: Project) -> None:
    project.add("example", text)
    compilation = compile_environment(project.workspace, "example")
    assert compilation.diagnostics == []
    [deployment] = [each.data for each in compilation.manifests if each.ref == SERVER]
    pod = deployment["spec"]["template"]["spec"]
    assert [each["name"] for each in pod["initContainers"]] == ["option-file", "wait-for-schema"]
    assert pod["initContainers"][1]["command"] == ["python", "/opt/mlflow-login/login.py"]
    assert pod["containers"][0]["command"] == ["mlflow", "server", "--app-name", "basic-auth"]
