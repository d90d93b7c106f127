"""How each client of Kubeflow Pipelines is told of the store: the API server, the UI, Argo Workflows and the launcher of steps.

Sources, at the tags of the releases: backend/src/apiserver/client_manager, frontend/server/configs.ts and minio-helper.ts,
backend/src/v2/config and objectstore; Argo Workflows' documentation of artifact repositories.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from compiler.block import inside
from compiler.kubeflow.layout import NAMESPACE
from compiler.kubeflow.release import RELEASES
from compiler.overlay import POD, Change, Overlay, Ref, Secret, SecretKey
from compiler.route import Named, Route

if TYPE_CHECKING:
    from compiler.kubeflow.installation import Installation, Keys, Store

API_SERVER = Ref("apps/v1", "Deployment", "ml-pipeline")
UI = Ref("apps/v1", "Deployment", "ml-pipeline-ui")
INSTALL = Ref("v1", "ConfigMap", "pipeline-install-config")
CONTROLLER = Ref("v1", "ConfigMap", "workflow-controller-configmap")
LAUNCHER = Ref("v1", "ConfigMap", "kfp-launcher")
_API_ENV: Route = (*POD, "containers", Named("ml-pipeline-api-server"), "env")
_UI_ENV: Route = (*POD, "containers", Named("ml-pipeline-ui"), "env")
ROLE: Route = ("metadata", "annotations", "eks.amazonaws.com/role-arn")
ACCOUNTS = ("ml-pipeline", "ml-pipeline-ui")
"""The service accounts of the API server and the UI."""
RUNNERS = ("pipeline-runner", "kubeflow-pipelines-viewer")
"""Those of steps and of viewers, where there is one user: with profiles, each has its own."""
_BUCKET: Route = ("artifacts", "bucket")
_REGION: Route = ("artifacts", "region")
_SECRET: Route = ("artifacts", "existingSecret")


def stored(installation: Installation) -> Overlay:
    """The settings of all, and how the API server and the UI log in."""
    store = installation.artifacts
    changes = [*_install(installation), *_api_server(store), *_ui(store), *_runs(installation)]
    components = ("pipelines-external-store", "pipelines-keys" if store.keys else "pipelines-role")
    changes += _keys(store.keys) if store.keys else _roles(installation)
    signed = RELEASES[installation.pipelines.version].signed and store.keys is None
    return Overlay(components=components, changes=tuple(changes)) + (_signed() if signed else Overlay())


def _signed() -> Overlay:
    """Without a secret key of the store, addresses of TensorBoard would be signed with nothing, and so by anybody."""
    key = SecretKey("signing_secret", "what the UI signs addresses of TensorBoard with: any random text", "...")
    secret = Secret("kubeflow-pipelines--tensorboard-proxy", (key,), ("pipelines", "version"), in_cluster=False)
    return Overlay(components=("pipelines-viewer-secret",), secrets=(secret,))


def _install(installation: Installation) -> Iterator[Change]:
    store = installation.artifacts
    root = store.uri(store.layout.root(NAMESPACE))
    yield Change(INSTALL, ("data", "bucketName"), store.bucket, _BUCKET, "the bucket of everything")
    yield Change(INSTALL, ("data", "defaultPipelineRoot"), root, _BUCKET, "where artifacts of version 2 go")
    if RELEASES[installation.pipelines.version].structured:
        why = "the beginning of keys that the UI tells the owner of an artifact by"
        yield Change(INSTALL, ("data", "ARTIFACT_NAMESPACE_KEY_PREFIX"), store.layout.first, _BUCKET, why)


def _api_server(store: Store) -> Iterator[Change]:
    where: Route = ("artifacts", "endpoint") if store.endpoint else _REGION
    for name, value, because, why in (
        ("HOST", store.host, where, "where the store is"),
        ("PORT", str(store.port or ""), where, "the usual port where it is empty"),
        ("SECURE", str(store.secure).lower(), where, "whether the store is reached by TLS"),
        ("REGION", store.region, _REGION, "requests are signed for it"),
        ("PIPELINEPATH", store.layout.pipelines, _BUCKET, "where definitions of pipelines go"),
    ):
        yield Change(API_SERVER, (*_API_ENV, Named(f"OBJECTSTORECONFIG_{name}"), "value"), value, because, why)


def _ui(store: Store) -> Iterator[Change]:
    where: Route = ("artifacts", "endpoint") if store.endpoint else _REGION
    values = {
        "AWS_REGION": store.region,
        "AWS_S3_ENDPOINT": store.host,
        "AWS_SSL": str(store.secure).lower(),
        "MINIO_HOST": store.host,
        "MINIO_PORT": str(store.port or (443 if store.secure else 80)),
        "MINIO_SSL": str(store.secure).lower(),
        "ARGO_ARCHIVE_ARTIFACTORY": store.scheme,
        "ARGO_ARCHIVE_BUCKETNAME": store.bucket,
        "ARGO_KEYFORMAT": store.layout.key(),
    }
    for name, value in values.items():
        yield Change(UI, (*_UI_ENV, Named(name), "value"), value, where, "the UI reads artifacts and logs there")


def _runs(installation: Installation) -> Iterator[Change]:
    """What holds for runs in the namespace of the installation, and for those of a namespace that says nothing else."""
    store = installation.artifacts
    repository = inside(artifact_repository(store, store.keys, store.layout.key()))
    why = "where Argo Workflows keeps artifacts and logs"
    yield Change(CONTROLLER, ("data", "artifactRepository"), repository, _BUCKET, why)
    root = store.uri(store.layout.root(NAMESPACE))
    yield Change(LAUNCHER, ("data", "defaultPipelineRoot"), root, _BUCKET, "where steps keep artifacts")
    why = "how steps reach the store"
    yield Change(LAUNCHER, ("data", "providers"), inside(providers(store, store.keys)), _BUCKET, why)


def _keys(keys: Keys) -> Iterator[Change]:
    for target, env, names in (
        (API_SERVER, _API_ENV, ("OBJECTSTORECONFIG_ACCESSKEY", "OBJECTSTORECONFIG_SECRETACCESSKEY")),
        (UI, _UI_ENV, ("MINIO_ACCESS_KEY", "MINIO_SECRET_KEY")),
        (UI, _UI_ENV, ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")),
    ):
        for name, key in zip(names, (keys.access_key, keys.secret_key), strict=True):
            reference = (*env, Named(name), "valueFrom", "secretKeyRef")
            yield Change(target, (*reference, "name"), keys.secret, _SECRET, "the Secret with the access keys")
            yield Change(target, (*reference, "key"), key, _SECRET, "what the Secret calls it")


def _roles(installation: Installation) -> Iterator[Change]:
    arn = installation.artifacts.role_arn
    if arn is None:
        return
    for account in (*ACCOUNTS, *(() if installation.profiles else RUNNERS)):
        yield Change(Ref("v1", "ServiceAccount", account), ROLE, arn, ("artifacts", "roleArn"), "the role of its pods")


def artifact_repository(store: Store, keys: Keys | None, key: str) -> dict[str, Any]:
    """Where Argo Workflows keeps artifacts. In: the keys that runs log in with, None for a role; the format of keys."""
    s3: dict[str, Any] = {
        "endpoint": store.address,
        "insecure": not store.secure,
        "bucket": store.bucket,
        "region": store.region,
        "keyFormat": key,
    }
    if keys is None:
        return {"archiveLogs": True, "s3": {**s3, "useSDKCreds": True}}
    login = {
        "accessKeySecret": {"name": keys.secret, "key": keys.access_key},
        "secretKeySecret": {"name": keys.secret, "key": keys.secret_key},
    }
    return {"archiveLogs": True, "s3": {**s3, **login}}


def providers(store: Store, keys: Keys | None) -> dict[str, Any]:
    """How the launcher of steps reaches the store. In: the keys that steps log in with, None for a role."""
    credentials: dict[str, Any] = {"fromEnv": True}
    if keys:
        secret = {"secretName": keys.secret, "accessKeyKey": keys.access_key, "secretKeyKey": keys.secret_key}
        credentials = {"fromEnv": False, "secretRef": secret}
    default = {
        "endpoint": store.address,
        "region": store.region,
        "disableSSL": not store.secure,
        "forcePathStyle": not store.virtual,
        "credentials": credentials,
    }
    return {store.scheme: {"default": default}}
