"""The MLflow that runs of pipelines are recorded in: an environment of the same project.

The plug-in of the API server reads `plugins.mlflow` of its file /config/config.json, as a whole: no variable stands for a part of
it. So the file that the image has is replaced by one that says the same otherwise. With many users, the keys of the login are
taken from `plugins.mlflow` of the kfp-launcher in the namespace of a run alone. Steps are handed the address, and no authority.

Sources, at tag 2.17.0 of github.com/kubeflow/pipelines: backend/src/apiserver/config/config.json, initConfig of
backend/src/apiserver/main.go, backend/src/apiserver/plugins/mlflow and backend/src/common/plugins/mlflow.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from compiler.diagnostic import Finding
from compiler.kubeflow.layout import NAMESPACE
from compiler.kubeflow.release import RELEASES
from compiler.kubeflow.settings import API_SERVER
from compiler.oidc import Oidc
from compiler.overlay import POD, Change, Overlay, Ref, Secret, SecretKey
from compiler.route import Route

if TYPE_CHECKING:
    from compiler.environment import Environment
    from compiler.kubeflow.installation import Installation, Tracking

CONFIG = Ref("v1", "ConfigMap", "kfp-mlflow-config")
FILE = "config.json"
KEY = "plugins.mlflow"
"""The key of kfp-launcher that a namespace has its login in."""
SECRET = "kfp-mlflow-credentials"  # noqa: S105 - a name
_BECAUSE: Route = ("pipelines", "mlflow", "environment")
_LOGIN = {"usernameKey": "username", "passwordKey": "password"}
SHIPPED: dict[str, dict[str, Any]] = {
    "2.17.0": {
        "DBConfig": {
            "MySQLConfig": {"DataSourceName": "", "DBName": "mlpipeline", "GroupConcatMaxLen": "4194304"},
            "PostgreSQLConfig": {"DBName": "mlpipeline"},
            "ConMaxLifeTime": "120s",
        },
        "ObjectStoreConfig": {"BucketName": "mlpipeline", "PipelinePath": "pipelines"},
        "DBDriverName": "mysql",
        "ARCHIVE_CONFIG_LOG_FILE_NAME": "main.log",
        "ARCHIVE_CONFIG_LOG_PATH_PREFIX": "/artifacts",
        "InitConnectionTimeout": "6m",
        "DEFAULTPIPELINERUNNERSERVICEACCOUNT": "pipeline-runner",
        "CacheEnabled": "true",
        "CRON_SCHEDULE_TIMEZONE": "UTC",
        "CACHE_IMAGE": "ghcr.io/containerd/busybox",
        "CACHE_NODE_RESTRICTIONS": "false",
    }
}
"""What the file of the image says of all else, by release; without the keys of the embedded store, which variables replace."""


def check(installation: Installation) -> Iterator[Finding]:
    """An MLflow that is not there, or that the plug-in cannot reach or log in to."""
    asked = installation.pipelines.tracking
    if asked is None:
        return
    yield from _able(installation)
    if installation.others is None:
        return
    there = installation.tracked
    if there is None:
        message = f"'{asked.environment}' is no environment of MLflow in this project"
        known = ", ".join(sorted(installation.others)) or "none"
        yield Finding(_BECAUSE, "unknown-value", message, f"the environments of MLflow are: {known}")
        return
    yield from _reached(installation, there)


def _able(installation: Installation) -> Iterator[Finding]:
    here, version = ("pipelines", "mlflow"), installation.pipelines.version
    if installation.pipelines.deploykf:
        message = "the Pipelines that deployKF installs have no plug-in for MLflow"
        yield Finding(here, "conflicting-keys", message, "remove one of the two", at_key=True)
    elif not RELEASES[version].plugin:
        first = next(release.version for release in RELEASES.values() if release.plugin)
        message = f"{version} has no plug-in for MLflow"
        yield Finding(here, "unsupported-version", message, f"use {first} or later, or remove mlflow", at_key=True)


def _reached(installation: Installation, there: Environment) -> Iterator[Finding]:
    file = f"overlays/{there.name}/environment.yaml"
    if isinstance(there.auth, Oidc):
        message = f"{there.name} asks for a login by OpenID Connect, and the plug-in knows passwords alone"
        yield Finding(_BECAUSE, "unreachable-server", message, f"set auth.mode: basic in {file}, or remove mlflow")
    if there.tls:
        message = f"the pods of {there.name} speak TLS, and steps of pipelines cannot be told its authority"
        yield Finding(_BECAUSE, "unreachable-server", message, f"remove tls from {file}, or remove mlflow")
    policy = there.network_policy
    if policy.enabled and policy.clients is not None:
        wanted = dict.fromkeys((NAMESPACE, *installation.namespaces))
        missing = [each for each in wanted if each not in {*policy.clients, there.namespace.name}]
        if missing:
            message = f"the policy of {there.name} keeps {', '.join(missing)} out"
            clients = ", ".join([*policy.clients, *missing])
            hint = f"write into {file}: networkPolicy: {{clients: [{clients}]}}"
            yield Finding(_BECAUSE, "unreachable-server", message, hint)


def plan(installation: Installation) -> Overlay:
    """The file of the API server, and the Secrets of its logins; nothing where the MLflow is not known."""
    asked, there = installation.pipelines.tracking, installation.tracked
    if asked is None or there is None:
        return Overlay()
    text = json.dumps(configuration(installation, asked, there), indent=2)
    digest = hashlib.sha256(text.encode()).hexdigest()
    mark = (*POD[:-1], "metadata", "annotations", "mlflow-overlays/config")
    changes = [
        Change(CONFIG, ("data", FILE), text, _BECAUSE, "where the API server records runs"),
        Change(API_SERVER, mark, digest[:16], _BECAUSE, "the API server reads its file when it starts"),
    ]
    secrets = [_secret(namespace) for namespace in installation.namespaces] if there.auth else []
    return Overlay(components=("pipelines-mlflow",), changes=tuple(changes), secrets=tuple(secrets))


def configuration(installation: Installation, asked: Tracking, there: Environment) -> dict[str, Any]:
    """The file of the API server: all that the image has, and where MLflow is."""
    settings: dict[str, Any] = {"authType": "basic-auth" if there.auth else "none", "workspacesEnabled": False}
    if there.auth and not installation.profiles:
        settings["credentialSecretRef"] = _LOGIN
    if asked.experiment:
        settings["defaultExperimentName"] = asked.experiment
    if asked.variables:
        settings["injectUserEnvVars"] = True
    if there.origin:
        settings["mlflowBaseURL"] = there.origin + there.mlflow.static_prefix
    plugin = {"endpoint": endpoint(there), "settings": settings}
    return {**SHIPPED[installation.pipelines.version], "plugins": {"mlflow": plugin}}


def endpoint(there: Environment) -> str:
    """Where pods of the cluster find an MLflow."""
    host = f"mlflow.{there.namespace.name}.svc.cluster.local"
    return f"http://{host}:{there.service.port}{there.mlflow.static_prefix}"


def of_namespace(installation: Installation) -> dict[str, str]:
    """What the kfp-launcher of a profile says of the login; nothing where there is none."""
    there = installation.tracked
    return {KEY: json.dumps({"settings": {"credentialSecretRef": _LOGIN}})} if there and there.auth else {}


def _secret(namespace: str) -> Secret:
    keys = (
        SecretKey("username", "a user of MLflow that runs are recorded as", "pipelines", random=False),
        SecretKey("password", "the password of that user", "..."),
    )
    return Secret(SECRET, keys, _BECAUSE, in_cluster=False, namespace=namespace)
