"""Which Secrets an environment refers to, which keys each has, and who creates them."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.document import secrets_page
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
