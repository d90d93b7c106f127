"""The MLflow server: its version and image, how many processes it runs, and how clients reach artifacts.

- `mode: proxied` (the default) sends every artifact through the server, both ways: clients need neither credentials nor a
  way to the store, and an experiment's location is `mlflow-artifacts:/`. `mode: presigned` is the same but for downloads and
  large uploads, which go to the store itself by URLs that the server signs: less load, but clients have to reach the store.
  `mode: split` has a second server take the load, which serves artifacts alone: see `artifactServer`.
  `mode: direct` gives clients the store's own URI; they need credentials for it.
- `jobs` turns on MLflow's job runner with its seven consumers. It costs more than a gigabyte of memory, so it is off.
- `jobs` are queued in files of each pod. MLflow can queue them in Redis, where `MLFLOW_SERVER_JOB_HUEY_REDIS_URL` names one, but
  its image has no client of Redis. With an image of your own that has the package `redis`, put the variable, which may hold a
  password, into a Secret of `envFrom`.
- `env` holds plain settings. What is secret belongs into a Secret that `envFrom` names.
- The memory of the server follows from `workers` and `jobs`; see `resources`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from compiler.diagnostic import Finding
from compiler.formats import DIGEST, REPOSITORY, TAG, whole
from compiler.identity import SHADOWS
from compiler.kind import Kind
from compiler.oidc import Oidc
from compiler.overlay import MIGRATION, POD, SERVER, Change, Image, Overlay, PodChange, Secret, setting
from compiler.part import Schema, choice, formatted, object_of, printable, secret_name, text
from compiler.route import Named, Route
from compiler.secrecy import credential_name
from compiler.stores import STORES

if TYPE_CHECKING:
    from compiler.environment import Environment

VERSION = "3.17.2"
"""The version that the base runs and the proofs were made with."""
_OLDEST = (3, 9, 0)
_PREFIXED_JOBS = (3, 18, 0)
"""The first version whose job runner knows the prefix: mlflow/server/__init__.py, where it sets the tracking URI of jobs."""
_TOLD_TO_SIGN = (3, 18, 0)
"""The first version that offers signed transfers only where two settings of the server say so: mlflow/server/handlers.py."""
_IMAGE = "ghcr.io/mlflow/mlflow"

KEYS: dict[str, Schema] = {
    "mlflow": object_of(
        "The MLflow server.",
        {
            "version": text(
                "The version of MLflow.",
                r"[0-9]+\.[0-9]+\.[0-9]+(?:rc[0-9]+)?",
                "a whole version like 3.17.2",
                maxLength=32,
                default=VERSION,
            ),
            "image": object_of(
                "The image. It needs the drivers of the database and of the store, as the official -full images have them.",
                {
                    "repository": formatted("The image without tag.", REPOSITORY, default=_IMAGE),
                    "tag": text(
                        "The tag; `v<version>-full` without it.",
                        TAG,
                        "a tag: letters, digits, '_', '.' and '-'",
                        examples=["v3.17.2-full"],
                    ),
                    "digest": text(
                        "The digest, which pins the image for good.",
                        DIGEST,
                        "sha256: and 64 hexadecimal digits",
                    ),
                    "pullPolicy": choice(
                        "When the image is pulled.",
                        {
                            "IfNotPresent": "When the node does not have it.",
                            "Always": "Whenever a pod starts.",
                            "Never": "Not at all: the node has it already.",
                        },
                        default="IfNotPresent",
                    ),
                    "pullSecrets": {
                        "type": "array",
                        "description": "Secrets with credentials for the registry, for every pod of the overlay.",
                        "items": secret_name("The name of a Secret of type kubernetes.io/dockerconfigjson."),
                    },
                },
            ),
            "workers": {
                "type": "integer",
                "description": "Server processes in each pod. Its memory is worked out from them.",
                "minimum": 1,
                "maximum": 32,
                "default": 2,
            },
            "jobs": {
                "type": "boolean",
                "description": "Whether the server runs MLflow's background jobs.",
                "default": False,
            },
            "mode": choice(
                "The way that artifacts take.",
                {
                    "proxied": "Through the server, both ways.",
                    "presigned": "Through the server, but large downloads by URLs that it signs.",
                    "split": "As proxied, but through a server of artifacts alone, beside the first: see artifactServer.",
                    "direct": "Clients reach the store themselves, with credentials of their own.",
                },
                default="proxied",
            ),
            "staticPrefix": text(
                "The path that the server is served under.",
                r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)+",
                "a path like /mlflow, without a slash at its end and without the steps . and ..",
                maxLength=512,
                examples=["/mlflow"],
            ),
            "logLevel": choice(
                "How much the server logs.",
                {
                    "DEBUG": "Everything, and much of it.",
                    "INFO": "What it does.",
                    "WARNING": "What may be wrong.",
                    "ERROR": "What failed.",
                    "CRITICAL": "What stops it.",
                },
                default="INFO",
            ),
            "args": {
                "type": "array",
                "description": "More arguments of `mlflow server`, for options that have no key here.",
                "items": printable("An argument."),
            },
            "env": {
                "type": "object",
                "description": "More environment variables, none of them secret.",
                "additionalProperties": printable("The value of the variable."),
                "propertyNames": {
                    "pattern": whole("[A-Za-z_][A-Za-z0-9_]{0,252}"),
                    "patternErrorMessage": "the name of an environment variable: letters, digits and '_', at most 253",
                },
            },
            "envFrom": {
                "type": "array",
                "description": "Secrets and ConfigMaps whose keys become environment variables.",
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "minProperties": 1,
                    "maxProperties": 1,
                    "properties": {
                        "secretRef": object_of("A Secret.", {"name": secret_name("Its name.")}, required=["name"]),
                        "configMapRef": object_of(
                            "A ConfigMap.", {"name": secret_name("Its name.")}, required=["name"]
                        ),
                    },
                },
            },
        },
    )
}

_OWNED = {
    "MLFLOW_HOST": "the server has to listen on every address of the pod",
    "MLFLOW_PORT": "the Service and the probes use port 5000",
    "MLFLOW_WORKERS": "set mlflow.workers",
    "MLFLOW_STATIC_PREFIX": "set mlflow.staticPrefix",
    "MLFLOW_LOGGING_LEVEL": "set mlflow.logLevel",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "set mlflow.jobs",
    "MLFLOW_SERVE_ARTIFACTS": "set mlflow.mode",
    "MLFLOW_SERVER_ALLOWED_HOSTS": "it is worked out from host, namespace and ingress: set host",
    "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": "it is worked out from host and ingress: set host",
    "MLFLOW_BACKEND_STORE_URI": "it is worked out from the key database",
    "MLFLOW_READ_REPLICA_BACKEND_STORE_URI": "set database.readHost",
    "MLFLOW_REGISTRY_STORE_URI": "set database.registry",
    "MLFLOW_ARTIFACTS_DESTINATION": "it is worked out from the key artifacts",
    "MLFLOW_DEFAULT_ARTIFACT_ROOT": "it is worked out from artifacts and mlflow.mode",
    "MLFLOW_ARTIFACTS_ONLY": "a server beside a database serves more than artifacts, and does not start with it",
    "MLFLOW_EXPOSE_PROMETHEUS": "set the key metrics",
    "PYTHONPATH": "it leads to the plug-in that keeps artifacts behind the server",
    "MLFLOW_S3_ENDPOINT_URL": "set artifacts.endpoint",
    "AWS_DEFAULT_REGION": "set artifacts.region",
    "AWS_REGION": "set artifacts.region",
    "AWS_CA_BUNDLE": "set artifacts.caSecret",
    "AWS_REQUEST_CHECKSUM_CALCULATION": "it is worked out from artifacts.endpoint",
    "AWS_RESPONSE_CHECKSUM_VALIDATION": "it is worked out from artifacts.endpoint",
    "MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE": "set artifacts.addressingStyle",
    "MLFLOW_SQLALCHEMYSTORE_POOL_SIZE": "it is worked out from database.maxConnections",
    "MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW": "it is worked out from database.maxConnections",
    "MSSQL_PASSWORD": "set database.existingSecret",
    "PGPASSWORD": "set database.existingSecret",
    "AWS_ACCESS_KEY_ID": "set artifacts.existingSecret",
    "AWS_SECRET_ACCESS_KEY": "set artifacts.existingSecret",
    "AZURE_STORAGE_ACCESS_KEY": "set artifacts.existingSecret",
    "AZURE_STORAGE_CONNECTION_STRING": "set artifacts.existingSecret, and artifacts.credential: connection-string",
    "GOOGLE_APPLICATION_CREDENTIALS": "set artifacts.existingSecret",
}
_OPTIONS = {
    "--host": "MLFLOW_HOST",
    "-h": "MLFLOW_HOST",
    "--port": "MLFLOW_PORT",
    "-p": "MLFLOW_PORT",
    "--workers": "MLFLOW_WORKERS",
    "-w": "MLFLOW_WORKERS",
    "--static-prefix": "MLFLOW_STATIC_PREFIX",
    "--serve-artifacts": "MLFLOW_SERVE_ARTIFACTS",
    "--no-serve-artifacts": "MLFLOW_SERVE_ARTIFACTS",
    "--allowed-hosts": "MLFLOW_SERVER_ALLOWED_HOSTS",
    "--cors-allowed-origins": "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS",
    "--backend-store-uri": "MLFLOW_BACKEND_STORE_URI",
    "--read-replica-backend-store-uri": "MLFLOW_READ_REPLICA_BACKEND_STORE_URI",
    "--registry-store-uri": "MLFLOW_REGISTRY_STORE_URI",
    "--artifacts-destination": "MLFLOW_ARTIFACTS_DESTINATION",
    "--default-artifact-root": "MLFLOW_DEFAULT_ARTIFACT_ROOT",
    "--artifacts-only": "MLFLOW_ARTIFACTS_ONLY",
    "--expose-prometheus": "MLFLOW_EXPOSE_PROMETHEUS",
}


@dataclass(frozen=True)
class Mlflow:
    """The settings of the server; `image_tag` is never empty."""

    version: str
    repository: str
    tag: str
    digest: str | None
    pull_policy: str
    pull_secrets: tuple[str, ...]
    workers: int
    jobs: bool
    mode: Literal["proxied", "presigned", "split", "direct"]
    static_prefix: str
    log_level: str
    args: tuple[str, ...]
    env: dict[str, str]
    env_from: tuple[dict[str, Any], ...]

    @property
    def release(self) -> tuple[int, ...]:
        """The version as numbers, without what marks a candidate."""
        return tuple(int(number) for number in self.version.split("rc", maxsplit=1)[0].split("."))

    @property
    def artifact_paths(self) -> tuple[str, ...]:
        """The paths that lead to the server of artifacts, where there is one."""
        apis = ("api", "ajax-api") if self.mode == "split" else ()
        return tuple(f"{self.static_prefix}/{api}/2.0/mlflow-artifacts" for api in apis)


def read(values: Mapping[str, Any], kind: Kind) -> Mlflow:
    """The server's settings."""
    given = values.get("mlflow", {})
    image = given.get("image", {})
    version = given.get("version", VERSION)
    return Mlflow(
        version=version,
        repository=image.get("repository", _IMAGE),
        tag=image.get("tag", f"v{version}-full"),
        digest=image.get("digest"),
        pull_policy=image.get("pullPolicy", "IfNotPresent"),
        pull_secrets=tuple(image.get("pullSecrets", ())),
        workers=given.get("workers", 2),
        jobs=given.get("jobs", False),
        mode=given.get("mode", "proxied"),
        static_prefix=given.get("staticPrefix", ""),
        log_level=given.get("logLevel", "INFO"),
        args=tuple(given.get("args", ())),
        env=dict(sorted(given.get("env", {}).items())),
        env_from=tuple(given.get("envFrom", ())),
    )


def _because(mlflow: Mlflow) -> Route:
    """What the image follows from: the version alone, unless another image is named."""
    official = (mlflow.repository, mlflow.tag, mlflow.digest) == (_IMAGE, f"v{mlflow.version}-full", None)
    return ("mlflow", "version") if official else ("mlflow", "image")


def check(environment: Environment) -> Iterable[Finding]:
    """Versions that the base cannot run, settings that are worked out, secrets in plain sight."""
    mlflow = environment.mlflow
    yield from _version(mlflow)
    if mlflow.tag == "latest" and not mlflow.digest:
        yield Finding(
            ("mlflow", "image", "tag"),
            "unpinned-image",
            "the tag 'latest' names another image tomorrow",
            "name a version, or add the digest",
        )
    shadows = SHADOWS.get((environment.kind.store, environment.kind.identity), ())
    for name in mlflow.env:
        yield from _shadow(name) if name in shadows else _variable(name)
    for key in ("kmsKeyArn", "uploadArgs"):
        if key in environment.artifacts.given and "MLFLOW_S3_UPLOAD_EXTRA_ARGS" in mlflow.env:
            route: Route = ("mlflow", "env", "MLFLOW_S3_UPLOAD_EXTRA_ARGS")
            message = f"the arguments of uploads follow from artifacts.{key}"
            yield Finding(route, "reserved-setting", message, "remove one of the two", at_key=True)
    for index, argument in enumerate(mlflow.args):
        # A value may be glued to a short option: -w4.
        option = argument.split("=", 1)[0] if argument.startswith("--") else argument[:2]
        if option in _OPTIONS:
            message = f"the argument {option} is not yours to set"
            yield Finding(("mlflow", "args", index), "reserved-setting", message, _OWNED[_OPTIONS[option]])
    if mlflow.jobs and mlflow.static_prefix and mlflow.release < _PREFIXED_JOBS:
        yield Finding(
            ("mlflow", "jobs"),
            "conflicting-keys",
            f"the job runner of MLflow {mlflow.version} looks for the server without mlflow.staticPrefix, so that no job works",
            f"set mlflow.version to {'.'.join(map(str, _PREFIXED_JOBS))} or later, or remove one of the two keys",
            at_key=True,
        )
    if reason := STORES[environment.kind.store].CLOSED.get(mlflow.mode):
        yield Finding(
            ("mlflow", "mode"),
            "unreachable-store",
            f"mode '{mlflow.mode}' {reason}",
            "use mode: proxied, or a kind whose store clients can reach",
        )


def _version(mlflow: Mlflow) -> Iterator[Finding]:
    if mlflow.release < _OLDEST:
        oldest = ".".join(map(str, _OLDEST))
        yield Finding(
            ("mlflow", "version"),
            "unsupported-version",
            f"MLflow {mlflow.version} is older than {oldest}, "
            "the first with an image that holds the drivers of databases and stores",
            f"use {oldest} or later; the default is {VERSION}",
        )


def _shadow(name: str) -> Iterator[Finding]:
    message = f"{name} would be taken instead of the identity of the pod"
    yield Finding(
        ("mlflow", "env", name), "shadowed-identity", message, "remove it, or use a kind with keys", at_key=True
    )


def _variable(name: str) -> Iterator[Finding]:
    route: Route = ("mlflow", "env", name)
    if name in _OWNED:
        yield Finding(route, "reserved-setting", f"the variable {name} is not yours to set", _OWNED[name], at_key=True)
    elif credential_name(name):
        yield Finding(
            route,
            "secret-in-plain-sight",
            f"{name} looks like a secret, and env is committed and readable in a ConfigMap",
            f"put it into a Secret, as the key {name}, and name that: mlflow: {{envFrom: [{{secretRef: {{name: ...}}}}]}}",
            at_key=True,
        )


def plan(environment: Environment) -> Overlay:
    """The image, the server's settings, and the probes that follow from the prefix."""
    mlflow = environment.mlflow
    return Overlay(
        components=tuple(_mode(environment)),
        changes=tuple(_settings(environment)) + tuple(_pod(environment)),
        pods=tuple(_pull_secrets(mlflow)),
        images=(Image(_IMAGE, mlflow.repository, mlflow.tag, mlflow.digest, _because(mlflow)),),
        secrets=tuple(_secrets(mlflow)),
        config_maps=tuple(source["configMapRef"]["name"] for source in mlflow.env_from if "configMapRef" in source),
    )


def _mode(environment: Environment) -> Iterator[str]:
    """The components of the mode: a second server comes before whatever changes both."""
    mode = environment.mlflow.mode
    if mode == "split":
        yield "mode-split"
    if mode in ("proxied", "split") and STORES[environment.kind.store].SIGNS:
        yield "mode-proxied"


def _secrets(mlflow: Mlflow) -> Iterator[Secret]:
    for index, source in enumerate(mlflow.env_from):
        if "secretRef" in source:
            yield Secret(source["secretRef"]["name"], (), ("mlflow", "envFrom", index), in_cluster=False)
    for index, name in enumerate(mlflow.pull_secrets):
        yield Secret(name, (), ("mlflow", "image", "pullSecrets", index), in_cluster=False, type="docker-registry")


def _pull_secrets(mlflow: Mlflow) -> Iterator[PodChange]:
    """For every pod: who mirrors one image mirrors them all."""
    if mlflow.pull_secrets:
        names = [{"name": name} for name in mlflow.pull_secrets]
        yield PodChange("imagePullSecrets", names, ("mlflow", "image", "pullSecrets"), "credentials of the registry")


def _settings(environment: Environment) -> Iterator[Change]:
    mlflow = environment.mlflow
    yield setting("MLFLOW_WORKERS", str(mlflow.workers), ("mlflow", "workers"), "server processes in each pod")
    yield setting(
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION",
        str(mlflow.jobs).lower(),
        ("mlflow", "jobs"),
        "the job runner and its consumers",
    )
    yield setting("MLFLOW_LOGGING_LEVEL", mlflow.log_level, ("mlflow", "logLevel"), "how much the server logs")
    proxied = str(mlflow.mode != "direct").lower()
    yield setting("MLFLOW_SERVE_ARTIFACTS", proxied, ("mlflow", "mode"), "whether artifacts go through the server")
    if mlflow.mode == "presigned" and mlflow.release >= _TOLD_TO_SIGN:
        for direction in ("UPLOAD", "DOWNLOAD"):
            name = f"MLFLOW_ENABLE_PROXY_MULTIPART_{direction}"
            yield setting(name, "true", ("mlflow", "mode"), "clients are offered signed URLs")
    if mlflow.static_prefix:
        yield setting(
            "MLFLOW_STATIC_PREFIX", mlflow.static_prefix, ("mlflow", "staticPrefix"), "the path it is served under"
        )
    for name, value in mlflow.env.items():
        yield setting(name, value, ("mlflow", "env", name), "set by hand")


def _pod(environment: Environment) -> Iterator[Change]:
    mlflow = environment.mlflow
    server = (*POD, "containers", Named("mlflow"))
    # Behind a proxy in its own pod, the probes find the prefix themselves.
    if mlflow.static_prefix and not isinstance(environment.auth, Oidc):
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            path = f"{mlflow.static_prefix}/health"
            because: Route = ("mlflow", "staticPrefix")
            yield Change(SERVER, (*server, probe, "httpGet", "path"), path, because, "the prefix covers /health too")
    if mlflow.args:
        yield Change(SERVER, (*server, "args"), list(mlflow.args), ("mlflow", "args"), "more options of mlflow server")
    if mlflow.env_from:
        settings = {"configMapRef": {"name": "mlflow-env"}}
        sources = [settings, *mlflow.env_from]
        yield Change(
            SERVER, (*server, "envFrom"), sources, ("mlflow", "envFrom"), "variables from Secrets and ConfigMaps"
        )

    first = (("initContainers", "option-file"),) if environment.database.engine == "mysql" else ()
    for target, containers in (
        (SERVER, (*first, ("initContainers", "wait-for-schema"), ("containers", "mlflow"))),
        (MIGRATION, (*first, ("containers", "migrate"))),
    ):
        if mlflow.pull_policy != "IfNotPresent":
            for group, name in containers:
                route = (*POD, group, Named(name), "imagePullPolicy")
                yield Change(
                    target, route, mlflow.pull_policy, ("mlflow", "image", "pullPolicy"), "when the image is pulled"
                )
