"""The part `auth`: MLflow's own login."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.oidc import POLICY
from compiler.overlay import SERVER, Ref
from compiler.peer import ANYWHERE
from compiler.pipeline import compile_environment
from tests.conftest import ROOT, Project
from tests.parts import KEYS, MINIO, MYSQL, Values, changes, findings, merged, planned, secrets, settings, understood

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
        "?read_default_file=/run/mlflow-database/my.cnf&program_name=mlflow-overlays&ssl_check_hostname=false"
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
    assert pod["containers"][0]["command"] == ["mlflow", "server", "--app-name=basic-auth"]


@pytest.mark.parametrize("kind", ["eks-irsa", "eks-pod-identity", "gke-workload-identity", "azure-workload-identity"])
def test_auth__leaves_the_identity_of_the_pod_unshadowed(kind: str, project: Project) -> None:
    """The command that takes variables away stays; the login is added at its end."""
    text = (ROOT / "overlays" / kind / "environment.yaml").read_text(encoding="utf-8")
    project.add("example", f"{text}auth: {{}}\n")
    [server] = [each.data for each in compile_environment(project.workspace, "example").manifests if each.ref == SERVER]
    command = server["spec"]["template"]["spec"]["containers"][0]["command"]
    assert command[0] == "env"
    assert command[-3:] == ["mlflow", "server", "--app-name=basic-auth"]


def test_auth__beside_sqlite_is_a_file_too(project: Project) -> None:
    project.add("example", "overlay: local\nauth: {}\n")
    compilation = compile_environment(project.workspace, "example")
    assert compilation.diagnostics == []
    assert (
        settings({"overlay": "local"}, auth={})["MLFLOW_AUTH_DATABASE_URI"]
        == "sqlite:////var/lib/mlflow/mlflow_auth.db"
    )


# A provider of OpenID Connect

OIDC: Values = {
    "host": "mlflow.acme.example",
    "ingress": {"className": "nginx", "clusterIssuer": "letsencrypt"},
    "auth": {
        "mode": "oidc",
        "issuer": "https://login.acme.example/realms/acme",
        "clientId": "mlflow",
        "emailDomains": ["acme.example"],
    },
}
PROXY = "spec.template.spec.containers[name=oauth2-proxy]"
HEAD = f"{PROXY}.env[name=OAUTH2_PROXY_"


def _proxy(**more: Any) -> dict[str, Any]:
    found = changes(planned(MINIO, **merged(OIDC, more)), SERVER)
    return {
        place.removeprefix(HEAD).removesuffix("].value"): value
        for place, value in found.items()
        if place.startswith(HEAD)
    }


def test_oidc__the_proxy_knows_its_issuer_and_its_host() -> None:
    assert _proxy() == {
        "OIDC_ISSUER_URL": "https://login.acme.example/realms/acme",
        "CLIENT_ID": "mlflow",
        "EMAIL_DOMAINS": "acme.example",
        "REDIRECT_URL": "https://mlflow.acme.example/oauth2/callback",
    }


def test_oidc__groups_and_tokens_of_others() -> None:
    tokens = [{"issuer": "https://a.example/x", "audience": "a"}, {"issuer": "https://b.example", "audience": "b"}]
    found = _proxy(auth={"allowedGroups": ["data science", "admins"], "tokens": tokens, "emailDomains": ["a.b", "*"]})
    assert found["ALLOWED_GROUPS"] == "data science,admins"
    assert found["EXTRA_JWT_ISSUERS"] == "https://a.example/x=a,https://b.example=b"
    assert found["EMAIL_DOMAINS"] == "a.b,*"


def test_oidc__everything_stays_under_the_prefix() -> None:
    found = _proxy(mlflow={"staticPrefix": "/team.a"})
    assert found["REDIRECT_URL"] == "https://mlflow.acme.example/team.a/oauth2/callback"
    assert found["PROXY_PREFIX"] == "/team.a/oauth2"
    assert found["SKIP_AUTH_ROUTES"] == r"GET=^/team\.a/health$"


def test_oidc__probes_of_the_server_are_left_to_the_component() -> None:
    """It answers to nobody but its own pod, so a path of httpGet would be a second handler."""
    probe = "spec.template.spec.containers[name=mlflow].readinessProbe.httpGet.path"
    prefix = {"staticPrefix": "/a"}
    assert changes(planned(MINIO, mlflow=prefix), SERVER)[probe] == "/a/health"
    assert probe not in changes(planned(MINIO, **merged(OIDC, {"mlflow": prefix})), SERVER)


def test_oidc__it_is_instead_of_mlflows_own_login() -> None:
    overlay = planned(MINIO, **OIDC)
    assert "auth-oidc" in overlay.components
    assert "auth-basic" not in overlay.components
    assert "MLFLOW_AUTH_DATABASE_URI" not in settings(MINIO, **OIDC)


def test_oidc__secrets_are_a_persons_to_create() -> None:
    """The provider made one of the two, so that nothing is made up even where everything else is."""
    overlay = planned(MINIO, **OIDC)
    assert secrets(overlay)["mlflow-oidc"] == ["client-secret", "cookie-secret"]
    assert "mlflow-oidc" not in {secret.name for secret in overlay.generated_secrets()}
    named = planned(MINIO, **merged(OIDC, {"auth": {"existingSecret": "login"}}))
    assert secrets(named)["login"] == ["client-secret", "cookie-secret"]
    assert changes(named, SERVER)["spec.template.spec.volumes[name=oauth2-proxy].secret.secretName"] == "login"


def test_oidc__an_authority_of_ones_own() -> None:
    overlay = planned(MINIO, **merged(OIDC, {"auth": {"caSecret": "ca"}}))
    assert "auth-oidc-ca" in overlay.components
    assert secrets(overlay)["ca"] == ["ca.crt"]
    assert changes(overlay, SERVER)["spec.template.spec.volumes[name=issuer-ca].secret.secretName"] == "ca"
    assert "auth-oidc-ca" not in planned(MINIO, **OIDC).components


def test_oidc__the_image_and_how_it_is_pulled() -> None:
    reference = "registry.acme.example/oauth2-proxy:v8@sha256:" + "0" * 64
    overlay = planned(
        MINIO, **merged(OIDC, {"auth": {"image": reference}, "mlflow": {"image": {"pullPolicy": "Always"}}})
    )
    assert [each.repository for each in overlay.images if each.name.endswith("/oauth2-proxy")] == [
        "registry.acme.example/oauth2-proxy"
    ]
    assert changes(overlay, SERVER)[f"{PROXY}.imagePullPolicy"] == "Always"


def test_oidc__the_policy_leads_to_every_issuer() -> None:
    def rules(*issuers: str, **auth: Any) -> Any:
        auth = {"issuer": issuers[0], **auth}
        return changes(planned(MINIO, **merged(OIDC, {"auth": auth})), POLICY)["spec.egress"]

    [inside] = rules("https://dex.login.svc:5554/dex")
    assert inside["ports"] == [{"port": 5554, "protocol": "TCP"}]
    assert inside["to"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "login"}}}]
    tokens = [{"issuer": f"https://{name}.b.example", "audience": "a"} for name in ("a", "b")]
    first, second = rules("https://dex.login.svc:5554/dex", tokens=tokens)
    assert first == inside
    assert second == {"to": ANYWHERE, "ports": [{"port": 443, "protocol": "TCP"}]}
    [short] = rules("https://gitlab.com")
    assert short["to"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "com"}}}, *ANYWHERE]
    closed = planned(MINIO, **merged(OIDC, {"networkPolicy": {"enabled": False}}))
    assert changes(closed, POLICY) == {}


@pytest.mark.parametrize(
    ("auth", "codes"),
    [
        ({}, []),
        ({"adminUser": "root"}, ["conflicting-keys"]),
        ({"database": "users"}, ["conflicting-keys"]),
        ({"defaultPermission": "READ"}, ["conflicting-keys"]),
        ({"issuer": "http://login.acme.example"}, ["bad-value"]),
        ({"issuer": "https://login.acme.example?x=y"}, ["bad-value"]),
        ({"issuer": "https://user@login.acme.example"}, ["bad-value"]),
        ({"clientId": "a,b"}, ["bad-value"]),
        ({"emailDomains": []}, ["bad-value"]),
        ({"emailDomains": ["a,b"]}, ["bad-value"]),
        ({"emailDomains": ["@acme.example"]}, ["bad-value"]),
        ({"allowedGroups": ["a,b"]}, ["bad-value"]),
        ({"tokens": [{"issuer": "https://a.example"}]}, ["missing-key"]),
        ({"tokens": [{"issuer": "https://a.example", "audience": "a=b"}]}, ["bad-value"]),
        ({"image": "registry.acme.example/oauth2-proxy"}, ["unpinned-image"]),
    ],
)
def test_oidc__what_a_login_needs(auth: dict[str, Any], codes: list[str]) -> None:
    assert findings(MINIO, **merged(OIDC, {"auth": auth})) == codes


def test_oidc__needs_a_host_with_tls() -> None:
    auth = OIDC["auth"]
    host = "mlflow.acme.example"
    assert findings(MINIO, auth=auth) == ["missing-key"]
    assert findings(MINIO, auth=auth, host=host) == ["host-unserved"]
    assert findings(MINIO, auth=auth, host=host, ingress={"className": "nginx"}) == ["conflicting-keys", "plain-http"]
    plain = {"parentRef": {"name": "public"}, "tls": False}
    assert findings(MINIO, auth=auth, host=host, gateway=plain) == ["conflicting-keys", "plain-http"]
    assert findings(MINIO, auth={"mode": "oidc"}) == ["missing-key"] * 4
    assert findings(MINIO, auth={"issuer": "https://login.acme.example"}) == ["conflicting-keys"]
