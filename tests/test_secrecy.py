"""A credential is recognized by the name of its key, and no report shows a line of a Secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler.report import FORMATS
from compiler.secrecy import credential_name, mistyped_credential, reveals, secret_lines
from compiler.understand import mend, understand
from tests.conftest import Project, Run

VALUE = "hunter2Value"

CREDENTIALS = """
    password passwords adminPassword ADMIN_PASSWORD admin-password dbPasswd MLFLOW_CRYPTO_KEK_PASSPHRASE kek DB_PWD
    apiKey API_KEY x-api-key accessKey secretAccessKey secretKey clientSecret client_secret cookieSecret token tokens
    authToken authtoken HF_TOKEN privateKey PRIVATE-KEY credentials MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY
""".split()  # noqa: SIM905 - read more easily
PLACES = """
    existingSecret existingSecrets passwordKey secretName secretRef secretKeyRef tlsSecret caSecret pullSecrets
    imagePullSecrets secrets externalSecrets TOKENIZERS_PARALLELISM PASSWORD_FILE token_path bypass compass replicas
""".split()  # noqa: SIM905 - read more easily


@pytest.mark.parametrize("name", CREDENTIALS)
def test_name__of_a_credential_in_any_spelling(name: str) -> None:
    assert credential_name(name)
    assert reveals(f"  {name}: {VALUE}")
    assert reveals(f'{{"a": 1, "{name}": "{VALUE}"}}')
    assert reveals(f"- {{name: {name}, value: {VALUE}}}")


@pytest.mark.parametrize("name", PLACES)
def test_name__of_a_place_is_none(name: str) -> None:
    assert not credential_name(name)
    assert not reveals(f"  {name}: mlflow-database")


def test_name__mistyped() -> None:
    assert all(map(mistyped_credential, ("pasword", "adminPasswort", "passphase", "credentails")))
    assert not any(map(mistyped_credential, ("paswordKey", "replica", "overlays")))


def test_line__with_what_cannot_be_a_name_where_one_goes() -> None:
    assert reveals("database: {passwordKey: 'S3cr3t!'}")
    assert not reveals("automountServiceAccountToken: false")
    assert not reveals("- {name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: a, key: password}}}")


# Environments

KEYS = (
    "database: {password: %s}",
    "database: {passwordKey: '%s!'}",
    "database: {existingSecret: '%s!'}",
    "database: {Password: %s}",
    "database: {pasword: %s}",
    "auth: {password: %s}",
    "auth: {adminPassword: %s}",
    "auth: {admin-passwords: %s}",
    "dbPassword: %s",
    "artifacts: {secretAccessKey: %s}",
    "artifacts: {sessionToken: %s}",
    "mlflow: {env: {MLFLOW_CRYPTO_KEK_PASSPHRASE: %s}}",
    "mlflow: {env: {myApiKey: %s}}",
)


@pytest.mark.parametrize("key", KEYS)
def test_environment__is_refused_with_a_credential_that_no_format_shows(key: str) -> None:
    content = f"overlay: minio-postgres\n{key % VALUE}\n".encode()
    found = understand("dev", "environment.yaml", content).diagnostics
    assert {each.code for each in found} <= {"secret-in-plain-sight", "bad-value"}
    assert found
    for format_ in FORMATS.values():
        assert VALUE not in format_(found)
    assert not any("did you mean" in each.hint for each in found)
    assert mend("dev", "environment.yaml", content).content == content


def test_environment__names_are_still_put_right() -> None:
    found = understand("dev", "environment.yaml", b"overlay: local\ntls: {exisitngSecret: server-tls}\n").diagnostics
    assert any("did you mean 'existingSecret'?" in each.hint for each in found)


# Manifests

HEAD = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"
SECRETS = {
    "twice": f"{HEAD}stringData:\n  a: x\n  a: {VALUE}\n",
    "flow": f"{{apiVersion: v1, kind: Secret, metadta: {{name: a}}, stringData: {{a: {VALUE}}}}}\n",
    "json": f'{{"apiVersion": "v1", "kind": "Secret", "metadta": {{}}, "stringData": {{"a": "{VALUE}"}}}}\n',
    "tag": f"{HEAD}stringData:\n  a: !!int {VALUE}\n",
    "alias": f"{HEAD}stringData:\n  a: *{VALUE}\n",
    "syntax": f"{HEAD}stringData:\n  a: 'x' {VALUE}\n  b: [\n",
    "type": f"{HEAD}stringData: {VALUE}\n",
    "field": f"{HEAD}stringDta: {{a: {VALUE}}}\n",
    "list": f"apiVersion: v1\nkind: List\nitems:\n- {{apiVersion: v1, kind: Secret, dta: {{a: {VALUE}}}}}\n",
    "after": f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: b}}\n---\n{HEAD}stringData:\n  a: 1\n  a: {VALUE}\n",
    "quoted": f"apiVersion: v1\n'kind': 'Secret'\nmetadata: {{name: a}}\nstringData:\n  a: x\n  a: {VALUE}\n",
    "container": (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n"
        f"  - {{name: a, image: 'a:1', env: [{{name: DB_PASSWORD, value: {VALUE}, vlue: 1}}]}}\n"
    ),
}


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("format_", FORMATS)
def test_validate__shows_no_line_of_a_secret(tmp_path: Path, run: Run, name: str, format_: str) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(SECRETS[name], encoding="utf-8")
    answer = run("validate", str(file), "--output", format_)
    assert answer.code == 1
    assert VALUE not in answer.out + answer.err


def test_validate__shows_lines_beside_a_secret(tmp_path: Path, run: Run) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(
        f"{HEAD}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: b}}\ndta: {{a: shown}}\n", encoding="utf-8"
    )
    assert "dta: {a: shown}" in run("validate", str(file)).out


def test_lines__of_sealed_secrets_and_of_references_to_stores_are_shown() -> None:
    lines = (
        "kind: SealedSecret",
        "spec: {encryptedData: {a: b}}",
        "---",
        "kind: SecretStore",
        "# a Secret",
        "---",
        "kind: Secret",
    )
    assert secret_lines(lines) == {6, 7}
    assert secret_lines(("secretGenerator:", "- name: a", "  literals: [a=b]")) == {1, 2, 3}
    assert not secret_lines(("secretGenerator:", "- name: a", "  envs: [secrets/a.env]"))


def test_check__shows_no_line_of_a_secret_in_custom(project: Project, run: Run, tmp_path: Path) -> None:
    custom = tmp_path / "custom"
    custom.mkdir()
    (custom / "kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [secret.yaml]\n", encoding="utf-8"
    )
    for name in ("flow", "twice", "syntax", "field"):
        (custom / "secret.yaml").write_text(SECRETS[name], encoding="utf-8")
        project.add(name, b"overlay: local\n", custom)
        answer = run("check", name)
        assert answer.code == 1
        assert VALUE not in answer.out + answer.err
