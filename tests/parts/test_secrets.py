"""Which Secrets an environment refers to, which keys each has, and who creates them."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from compiler.document import secrets_page
from compiler.emit import emit
from tests.conftest import ROOT
from tests.parts import KEYS, MINIO, MYSQL, ROLE, Values, findings, planned, secrets

STORE = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
ROOT_KEYS = ["MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"]
OURS = {"host": "db.acme.example", "tls": {"mode": "verify-full", "caSecret": "db-ca"}}


@pytest.mark.parametrize(
    ("values", "more", "expected", "generated"),
    [
        (
            MINIO,
            {},
            {
                "mlflow-artifacts": STORE,
                "minio-root": ROOT_KEYS,
                "mlflow-database": ["password"],
                "postgres-superuser": ["password"],
            },
            ["minio-root", "mlflow-artifacts", "mlflow-database", "postgres-superuser"],
        ),
        (
            MYSQL,
            {},
            {
                "mlflow-artifacts": STORE,
                "minio-root": ROOT_KEYS,
                "mlflow-database": ["password"],
                "mysql-root": ["password"],
            },
            ["minio-root", "mlflow-artifacts", "mlflow-database", "mysql-root"],
        ),
        (
            MYSQL,
            {"secrets": "existing", "artifacts": {"existingSecret": "s3"}, "database": {"existingSecret": "db"}},
            {"s3": STORE, "minio-root": ROOT_KEYS, "db": ["password"], "mysql-root": ["password"]},
            [],
        ),
        (
            KEYS,
            {},
            {"mlflow-artifacts": STORE, "mlflow-database": ["password"], "postgres-superuser": ["password"]},
            [],
        ),
        (
            KEYS,
            {"secrets": "generated"},
            {"mlflow-artifacts": STORE, "mlflow-database": ["password"], "postgres-superuser": ["password"]},
            ["mlflow-database", "postgres-superuser"],
        ),
        (
            KEYS,
            {"database": OURS},
            {"mlflow-artifacts": STORE, "mlflow-database": ["password"], "db-ca": ["ca.crt"]},
            [],
        ),
        (ROLE, {"database": OURS}, {"mlflow-database": ["password"], "db-ca": ["ca.crt"]}, []),
        (
            MINIO,
            {"database": {"host": "db.acme.example"}},
            {"mlflow-artifacts": STORE, "minio-root": ROOT_KEYS, "mlflow-database": ["password"]},
            ["minio-root", "mlflow-artifacts"],
        ),
        (
            ROLE,
            {
                "database": {"host": "db.acme.example"},
                "mlflow": {"envFrom": [{"secretRef": {"name": "more"}}], "image": {"pullSecrets": ["registry"]}},
                "host": "a.example",
                "ingress": {"tlsSecret": "cert"},
            },
            {"mlflow-database": ["password"], "more": [], "registry": [], "cert": []},
            [],
        ),
    ],
)
def test_secrets__of_each_environment(
    values: Values, more: dict[str, Any], expected: dict[str, list[str]], generated: list[str]
) -> None:
    overlay = planned(values, **more)
    assert secrets(overlay) == expected
    assert sorted(secret.name for secret in overlay.generated_secrets()) == generated


def test_secrets__one_for_everything_has_all_the_keys() -> None:
    overlay = planned(
        KEYS, artifacts={"existingSecret": "all"}, database={"existingSecret": "all", "passwordKey": "pw"}
    )
    assert secrets(overlay)["all"] == [*STORE, "pw"]
    page = secrets_page("example", overlay)
    assert page.count("kubectl create secret generic all ") == 1
    assert all(f"--from-literal={key}=" in page for key in secrets(overlay)["all"])


@pytest.mark.parametrize("values", [MINIO, MYSQL, KEYS, ROLE])
def test_page__names_every_secret_and_key(values: Values) -> None:
    for choice in ("existing", "generated"):
        overlay = planned(values, secrets=choice)
        page = secrets_page("example", overlay)
        generated = {secret.name for secret in overlay.generated_secrets()}
        for secret in overlay.secrets:
            command = f"kubectl create secret {secret.type} {secret.name} -n {overlay.namespace}"
            assert (command in page) is (secret.name not in generated)
            for key in secret.keys:
                assert f"`{key.key}`" in page


@pytest.mark.parametrize(
    ("values", "more", "codes"),
    [
        (KEYS, {"secrets": "generated", "database": {"host": "db.acme.example"}}, ["nothing-to-generate"]),
        (ROLE, {"secrets": "generated", "database": {"host": "db.acme.example"}}, ["nothing-to-generate"]),
        (ROLE, {"secrets": "generated"}, []),
        (MINIO, {"database": {"host": "db.acme.example"}}, []),
        (MINIO, {"artifacts": {"existingSecret": "s3"}}, ["conflicting-keys"]),
        (MINIO, {"database": {"existingSecret": "db"}}, ["conflicting-keys"]),
        (MINIO, {"database": {"existingSecret": "db", "host": "db.acme.example"}}, []),
        (MINIO, {"secrets": "existing", "database": {"existingSecret": "db"}}, []),
        (KEYS, {"secrets": "generated", "artifacts": {"existingSecret": "s3"}}, []),
        (KEYS, {"secrets": "none"}, ["unknown-value"]),
    ],
)
def test_check__only_what_runs_inside_is_generated(values: Values, more: dict[str, Any], codes: list[str]) -> None:
    assert findings(values, **more) == codes


EXTERNAL: Values = {"store": "vault", "prefix": "prod/"}


def written(values: Values, **more: Any) -> dict[str, Any]:
    """The specs of the ExternalSecrets of an environment, by the name of each."""
    tree = emit("example", planned(values, **more))
    texts = [text for path, text in tree.items() if path.startswith("externalsecrets-")]
    assert len(texts) <= 1
    found = [each for text in texts for each in yaml.safe_load_all(text)]
    return {each["metadata"]["name"]: each["spec"] for each in found}


def test_external__makes_every_secret_that_the_overlay_names() -> None:
    mlflow = {"envFrom": [{"secretRef": {"name": "more"}}], "image": {"pullSecrets": ["registry"]}}
    more = {"host": "a.example", "ingress": {"tlsSecret": "cert"}, "mlflow": mlflow, "auth": {}}
    overlay = planned(KEYS, **more, externalSecrets=EXTERNAL)
    found = written(KEYS, **more, externalSecrets=EXTERNAL)
    assert set(found) == set(secrets(overlay))
    for name, spec in found.items():
        assert spec["target"]["name"] == name
        wanted = {"cert": ["tls.crt", "tls.key"], "registry": [".dockerconfigjson"], "more": []}
        assert [each["secretKey"] for each in spec.get("data", [])] == wanted.get(name, secrets(overlay)[name])
        assert {each["remoteRef"]["key"] for each in spec.get("data", [])} <= {f"prod/{name}"}
    assert found["more"]["dataFrom"][0]["extract"]["key"] == "prod/more"
    assert found["cert"]["target"]["template"]["type"] == "kubernetes.io/tls"
    assert found["registry"]["target"]["template"]["type"] == "kubernetes.io/dockerconfigjson"


def test_external__asks_the_store_as_it_is_told() -> None:
    given = {"store": "vault", "storeKind": "ClusterSecretStore", "refreshInterval": "5m"}
    spec = written(KEYS, externalSecrets={**given, "names": {"mlflow-database": "db"}})["mlflow-database"]
    assert spec["secretStoreRef"] == {"name": "vault", "kind": "ClusterSecretStore"}
    assert spec["refreshInterval"] == "5m"
    remote = spec["data"][0]["remoteRef"]
    assert (remote["key"], remote["property"]) == ("db", "password")


def test_external__leaves_to_others_what_is_theirs() -> None:
    assert "mlflow-database" not in written(KEYS, externalSecrets={**EXTERNAL, "except": ["mlflow-database"]})
    outside = {"host": "db.acme.example", "tls": {"mode": "verify-full", "caSecret": "ca"}}
    assert set(written(MINIO, secrets="generated", database=outside, externalSecrets=EXTERNAL)) == {
        "ca",
        "mlflow-database",
    }
    assert written(KEYS) == {}


def test_external__names_are_those_of_the_environment() -> None:
    assert findings(KEYS, externalSecrets={**EXTERNAL, "names": {"x": "y"}}) == ["unknown-key"]
    assert findings(KEYS, externalSecrets={**EXTERNAL, "except": ["x"]}) == ["unknown-key"]
    assert findings(MINIO, externalSecrets=EXTERNAL) == ["conflicting-keys"]


def test_external__has_a_page_of_what_the_store_needs() -> None:
    page = emit("example", planned(KEYS, externalSecrets={**EXTERNAL, "except": ["mlflow-artifacts"]}))["SECRETS.md"]
    assert "| `mlflow-database` | `prod/mlflow-database` | `password` |" in page
    assert "kubectl create secret generic mlflow-artifacts" in page
    assert "kubectl create secret generic mlflow-database" not in page


def _defaulted(value: Any, schema: Values) -> Any:
    """A value with every default of its schema, as an API server fills them in."""
    if isinstance(value, list):
        return [_defaulted(each, schema["items"]) for each in value]
    if not isinstance(value, dict):
        return value
    properties = schema.get("properties", {})
    added = {key: inner["default"] for key, inner in properties.items() if "default" in inner and key not in value}
    return {**{key: _defaulted(each, properties.get(key, {})) for key, each in value.items()}, **added}


def test_external__is_what_an_api_server_makes_of_it() -> None:
    """No default is left out, so that a comparison with the cluster finds no difference."""
    file = ROOT / "compiler" / "crds" / "externalsecrets.external-secrets.io.json"
    versions = json.loads(file.read_text(encoding="utf-8"))["spec"]["versions"]
    schema = next(each["schema"]["openAPIV3Schema"] for each in versions if each["name"] == "v1")["properties"]["spec"]
    mlflow = {"envFrom": [{"secretRef": {"name": "more"}}], "image": {"pullSecrets": ["registry"]}}
    found = written(KEYS, mlflow=mlflow, externalSecrets={"store": "vault"})
    assert len(found) > 3
    for spec in found.values():
        assert _defaulted(spec, schema) == spec
