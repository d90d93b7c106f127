"""The server: version and image, settings, arguments, and what is not a person's to set."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.overlay import MIGRATION, SERVER
from compiler.parts.mlflow import VERSION
from tests.parts import KEYS, MINIO, MYSQL, ROLE, Values, changes, findings, planned, settings

SERVED = "spec.template.spec.containers[name=mlflow]"


@pytest.mark.parametrize(
    ("mlflow", "repository", "tag", "digest"),
    [
        ({}, "ghcr.io/mlflow/mlflow", f"v{VERSION}-full", None),
        ({"version": "3.10.0"}, "ghcr.io/mlflow/mlflow", "v3.10.0-full", None),
        ({"version": "3.10.0", "image": {"tag": "mine"}}, "ghcr.io/mlflow/mlflow", "mine", None),
        (
            {"image": {"repository": "registry.example:5000/a/mlflow", "digest": "sha256:" + "0" * 64}},
            "registry.example:5000/a/mlflow",
            f"v{VERSION}-full",
            "sha256:" + "0" * 64,
        ),
    ],
)
def test_image__follows_the_version_unless_it_is_named(
    mlflow: dict[str, Any], repository: str, tag: str, digest: str | None
) -> None:
    image = planned(MINIO, mlflow=mlflow).images[0]
    assert (image.name, image.repository, image.tag, image.digest) == ("ghcr.io/mlflow/mlflow", repository, tag, digest)


@pytest.mark.parametrize(
    ("mlflow", "expected"),
    [
        ({}, {"MLFLOW_WORKERS": "2", "MLFLOW_LOGGING_LEVEL": "INFO", "MLFLOW_SERVE_ARTIFACTS": "true"}),
        ({"workers": 4}, {"MLFLOW_WORKERS": "4"}),
        ({"workers": 4.0}, {"MLFLOW_WORKERS": "4"}),
        ({"jobs": True}, {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "true"}),
        ({"jobs": False}, {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}),
        ({"logLevel": "DEBUG"}, {"MLFLOW_LOGGING_LEVEL": "DEBUG"}),
        ({"mode": "presigned"}, {"MLFLOW_SERVE_ARTIFACTS": "true"}),
        ({"mode": "direct"}, {"MLFLOW_SERVE_ARTIFACTS": "false"}),
        ({"staticPrefix": "/a"}, {"MLFLOW_STATIC_PREFIX": "/a"}),
        ({"env": {"A": "b", "C": ""}}, {"A": "b", "C": ""}),
    ],
)
def test_settings__follow_from_the_keys(mlflow: dict[str, Any], expected: dict[str, str]) -> None:
    found = settings(KEYS, mlflow=mlflow)
    assert found.items() >= expected.items()
    assert all(isinstance(value, str) for value in found.values())
    assert ("MLFLOW_STATIC_PREFIX" in found) is ("staticPrefix" in mlflow)


@pytest.mark.parametrize(("version", "told"), [("3.17.2", False), ("3.18.0", True)])
def test_mode__presigned_is_told_to_the_server_that_wants_it(version: str, *, told: bool) -> None:
    found = settings(KEYS, mlflow={"version": version, "mode": "presigned"})
    assert ("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD" in found, "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD" in found) == (
        told,
        told,
    )


@pytest.mark.parametrize(("version", "codes"), [("3.17.2", ["conflicting-keys"]), ("3.18.0", [])])
def test_jobs__need_a_version_that_knows_the_prefix(version: str, codes: list[str]) -> None:
    found = findings(KEYS, mlflow={"version": version, "jobs": True, "staticPrefix": "/tracking"})
    assert found == codes


@pytest.mark.parametrize(("mode", "proxied"), [("proxied", True), ("presigned", False), ("direct", False)])
def test_mode__proxied_takes_back_the_offer_of_signed_urls(mode: str, *, proxied: bool) -> None:
    assert ("mode-proxied" in planned(KEYS, mlflow={"mode": mode}).components) is proxied


@pytest.mark.parametrize("values", [MINIO, MYSQL])
@pytest.mark.parametrize(
    ("mode", "codes"), [("proxied", []), ("presigned", ["unreachable-store"]), ("direct", ["unreachable-store"])]
)
def test_mode__minio_is_open_to_the_server_alone(values: Values, mode: str, codes: list[str]) -> None:
    assert findings(values, mlflow={"mode": mode}) == codes


def test_prefix__moves_every_probe() -> None:
    found = changes(planned(MINIO, mlflow={"staticPrefix": "/a/b"}), SERVER)
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert found[f"{SERVED}.{probe}.httpGet.path"] == "/a/b/health"
    assert not [place for place in changes(planned(MINIO), SERVER) if "Probe" in place]


def test_env_from__keeps_the_settings_first() -> None:
    """So that what a Secret holds wins, as a person who adds one expects, and no setting is lost."""
    sources = [{"secretRef": {"name": "more"}}, {"configMapRef": {"name": "most"}}]
    overlay = planned(MINIO, mlflow={"envFrom": sources})
    assert changes(overlay, SERVER)[f"{SERVED}.envFrom"] == [{"configMapRef": {"name": "mlflow-env"}}, *sources]
    assert overlay.config_maps == ("most",)


@pytest.mark.parametrize(
    ("values", "server", "migration"),
    [
        (MINIO, ["wait-for-schema", "mlflow"], ["migrate"]),
        (MYSQL, ["option-file", "wait-for-schema", "mlflow"], ["option-file", "migrate"]),
        (ROLE, ["wait-for-schema", "mlflow"], ["migrate"]),
    ],
)
def test_pull__policy_and_secrets_of_every_container_of_the_image(
    values: Values, server: list[str], migration: list[str]
) -> None:
    overlay = planned(values, mlflow={"image": {"pullPolicy": "Always", "pullSecrets": ["one", "two"]}})
    for target, containers in ((SERVER, server), (MIGRATION, migration)):
        found = changes(overlay, target)
        assert [
            place.partition("name=")[2].partition("]")[0] for place in found if place.endswith("imagePullPolicy")
        ] == containers
    [every] = overlay.pods
    assert (every.field, every.value) == ("imagePullSecrets", [{"name": "one"}, {"name": "two"}])


@pytest.mark.parametrize(
    ("version", "codes"),
    [
        ("3.9.0", []),
        ("3.10.0", []),
        ("4.0.0rc1", []),
        ("10.0.0", []),
        ("3.8.9", ["unsupported-version"]),
        ("2.22.0", ["unsupported-version"]),
        ("3.17", ["bad-value"]),
        ("v3.17.2", ["bad-value"]),
        ("3.17.2-full", ["bad-value"]),
        ("latest", ["bad-value"]),
    ],
)
def test_version__is_one_that_the_base_can_run(version: str, codes: list[str]) -> None:
    assert findings(MINIO, mlflow={"version": version}) == codes


@pytest.mark.parametrize(
    ("image", "codes"),
    [
        ({"tag": "latest"}, ["unpinned-image"]),
        ({"tag": "latest", "digest": "sha256:" + "0" * 64}, []),
        ({"tag": "v1@sha256:0"}, ["bad-value"]),
        ({"tag": "é"}, ["bad-value"]),
        ({"tag": "a" * 129}, ["bad-value"]),
        ({"digest": "sha256:0"}, ["bad-value"]),
        ({"repository": "Registry.example/a"}, ["bad-value"]),
        ({"repository": "registry.example/a/"}, ["bad-value"]),
        ({"pullPolicy": "always"}, ["unknown-value"]),
        ({"pullSecrets": ["A"]}, ["bad-value"]),
    ],
)
def test_image__is_pinned_and_well_formed(image: dict[str, Any], codes: list[str]) -> None:
    assert findings(MINIO, mlflow={"image": image}) == codes


@pytest.mark.parametrize(
    "name",
    ["MLFLOW_HOST", "MLFLOW_PORT", "MLFLOW_WORKERS", "MLFLOW_BACKEND_STORE_URI", "MLFLOW_SERVER_ALLOWED_HOSTS", "AWS_REGION",
     "AWS_DEFAULT_REGION", "MLFLOW_S3_ENDPOINT_URL", "PYTHONPATH", "PGPASSWORD", "AWS_SECRET_ACCESS_KEY"],
)  # fmt: skip
def test_env__what_is_worked_out_is_reserved(name: str) -> None:
    assert findings(MINIO, mlflow={"env": {name: "x"}}) == ["reserved-setting"]


@pytest.mark.parametrize("values", [MINIO, MYSQL, KEYS, ROLE])
def test_env__every_setting_of_the_overlay_is_reserved_or_a_persons(values: Values) -> None:
    """A setting that is worked out, and set by hand too, would be one value against another."""
    worked_out = settings(
        values,
        host="a.example",
        database={"host": "db.acme.example", "tls": {"mode": "verify-full", "caSecret": "ca"}},
        mlflow={"staticPrefix": "/a"},
        **({} if values in (MINIO, MYSQL) else {"artifacts": {"endpoint": "https://s3.amazonaws.com"}}),
    )
    free = []
    for name in worked_out:
        found = findings(values, host="a.example", ingress={"tlsSecret": "x"}, mlflow={"env": {name: "x"}})
        if not found:
            free.append(name)
    # How an inner client checks what it is sent is a person's where the overlay does not set it.
    assert set(free) <= {
        "PGSSLMODE",
        "PGSSLROOTCERT",
        "AWS_REQUEST_CHECKSUM_CALCULATION",
        "AWS_RESPONSE_CHECKSUM_VALIDATION",
    }


@pytest.mark.parametrize(
    "name",
    ["MY_TOKEN", "db_password", "OPENAI_API_KEY", "MLFLOW_FLASK_SERVER_SECRET_KEY", "SERVICE_CREDENTIALS",
     "MYSQL_PWD", "SSH_PRIVATE_KEY"],
)  # fmt: skip
def test_env__what_is_called_a_secret_is_refused(name: str) -> None:
    assert findings(MINIO, mlflow={"env": {name: "x"}}) == ["secret-in-plain-sight"]


@pytest.mark.parametrize(
    "value", ["AKIA" + "IOSFODNN7EXAMPLE", "mysql://u:hunter2@h/d", "-----BEGIN RSA " + "PRIVATE KEY-----"]
)
def test_env__what_looks_like_a_secret_is_refused_and_not_repeated(value: str) -> None:
    from compiler.report import FORMATS
    from tests.parts import understood

    for mlflow in ({"env": {"A": value}}, {"args": ["--x", value]}):
        compilation = understood(MINIO, mlflow=mlflow)
        assert [each.code for each in compilation.diagnostics] == ["secret-in-plain-sight"]
        for format_ in FORMATS.values():
            assert value not in format_(compilation.diagnostics)


@pytest.mark.parametrize(
    "name", ["1A", "A-B", "A B", "", "A=B", "é"],
)  # fmt: skip
def test_env__a_name_is_a_variables(name: str) -> None:
    assert findings(MINIO, mlflow={"env": {name: "x"}}) == ["bad-value"]


@pytest.mark.parametrize(
    ("args", "codes"),
    [
        (["--x-frame-options", "DENY"], []),
        (["--app-name", "basic-auth"], []),
        (["--host", "0.0.0.0"], ["reserved-setting"]),
        (["--port=80"], ["reserved-setting"]),
        (["-w", "4"], ["reserved-setting"]),
        (["-w4"], ["reserved-setting"]),
        (["-p5001"], ["reserved-setting"]),
        (["-h", "::", "--workers", "1"], ["reserved-setting", "reserved-setting"]),
        (["--backend-store-uri", "sqlite://"], ["reserved-setting"]),
        (["--artifacts-only"], ["reserved-setting"]),
        (["--allowed-hosts", "*"], ["reserved-setting"]),
        ([1], []),
        ([None], ["wrong-type"]),
        ("--x", ["wrong-type"]),
    ],
)
def test_args__what_is_worked_out_is_reserved(args: Any, codes: list[str]) -> None:
    assert findings(MINIO, mlflow={"args": args}) == codes


@pytest.mark.parametrize(
    ("source", "codes"),
    [
        ({"secretRef": {"name": "a"}}, []),
        ({"configMapRef": {"name": "a"}}, []),
        ({}, ["bad-value"]),
        ({"secretRef": {"name": "a"}, "configMapRef": {"name": "a"}}, ["bad-value"]),
        ({"secretRef": {}}, ["missing-key"]),
        ({"secretRef": {"name": "A"}}, ["bad-value"]),
        ({"secretRef": {"name": "a", "optional": True}}, ["unknown-key"]),
        ({"prefix": "A_"}, ["unknown-key"]),
    ],
)
def test_env_from__names_one_source_each(source: dict[str, Any], codes: list[str]) -> None:
    assert findings(MINIO, mlflow={"envFrom": [source]}) == codes
