"""Where artifacts are kept. The kind says in which store, and how the server logs in to it.

- `aws-keys`, `s3-compatible`: a bucket of S3, or of any store that speaks its protocol (`endpoint`, with `caSecret` where a
  public authority did not sign its certificate), with access keys from the Secret `existingSecret`.
- `eks-irsa`, `eks-pod-identity`: a bucket of Amazon S3, as the IAM role of the pod.
- `gke-workload-identity`, `gcs-keys`: a bucket of Google Cloud Storage, as the identity of the pod or with a key file.
- `azure-workload-identity`, `azure-keys`: a container of Azure Blob Storage, as the identity of the pod, or with an access
  key or connection string.
- `oss-keys`: a bucket of Alibaba Cloud OSS, through its S3 interface.
- `minio-*`: a bucket in a MinIO that the overlay runs, which its set-up Job creates together with a user that may use that
  bucket alone. The server never sees the root user's keys. MinIO gets no fixes any more: [stores.md](stores.md).
- `versitygw-*`: a bucket in a VersityGW that the overlay runs, which belongs to a user that reaches no other. It has neither
  `versioning` nor `lifecycle`. [stores.md](stores.md) has how to move to it from MinIO.
- `local`: a volume of the server itself.

Where the pod has an identity, no keys can shadow it: the variables that clients of the cloud would take first are removed
when the server starts, wherever they come from, and a build that sets one is refused.

`prefix` puts everything under a path of the bucket, so that a bucket can be shared. Experiments keep the location that they were
created with: changing bucket or prefix later strands the artifacts of old ones.

The bucket of `minio-*` keeps what is overwritten or deleted with `versioning: true`, and deletes old versions after
`lifecycle.noncurrentVersionDays`: until then a run that garbage collection took is still there, and takes room. `versioning:
false` suspends it. Other rules of the bucket are left alone. Uploads that never ended go after a day, or after
`lifecycle.incompleteUploadDays`, which is a setting of the whole MinIO. The documents of
`cloud` have the same for a bucket of yours.

The server uploads to S3 in parts by itself, as boto3 does from 8 MiB on. `MLFLOW_MULTIPART_UPLOAD_*` and
`MLFLOW_ENABLE_*MULTIPART_*` are settings of clients, for `mlflow.mode: presigned`; chunks of Google Cloud Storage and the
time limit of transfers are the server's own: `MLFLOW_GCS_UPLOAD_CHUNK_SIZE`, `MLFLOW_GCS_DOWNLOAD_CHUNK_SIZE` and
`MLFLOW_ARTIFACT_UPLOAD_DOWNLOAD_TIMEOUT`, in `mlflow.env`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from compiler.diagnostic import Finding
from compiler.kind import Kind
from compiler.overlay import ARTIFACT_SERVER, Change, Overlay, setting
from compiler.part import Schema, object_of
from compiler.route import Route
from compiler.store import Artifacts
from compiler.stores import STORES

if TYPE_CHECKING:
    from compiler.environment import Environment

KEYS: dict[str, Schema] = {
    "artifacts": object_of(
        "Where artifacts are kept.", {key: schema for store in STORES.values() for key, schema in store.KEYS.items()}
    )
}


def read(values: Mapping[str, Any], kind: Kind) -> Artifacts:
    """The store of an environment."""
    given = values.get("artifacts", {})
    return Artifacts(kind.store, frozenset(given), STORES[kind.store].read(given, kind))


def check(environment: Environment) -> Iterable[Finding]:
    """Keys that mean nothing to the store, and what the store itself finds."""
    store = STORES[environment.kind.store]
    for key in sorted(environment.artifacts.given - store.KEYS.keys()):
        owners = " or ".join(each.NAME for each in STORES.values() if key in each.KEYS)
        message = f"artifacts.{key} belongs to {owners}, and '{environment.kind.name}' keeps artifacts in {store.NAME}"
        yield Finding(("artifacts", key), "wrong-kind", message, "remove it, or use another overlay", at_key=True)
    yield from store.check(environment)


def plan(environment: Environment) -> Overlay:
    """The place that artifacts go to, and what the store asks for."""
    artifacts = environment.artifacts
    because: Route = ("artifacts", "bucket")
    name, why = "MLFLOW_ARTIFACTS_DESTINATION", "where the server keeps what clients send"
    if environment.mlflow.mode == "direct":
        name, why = "MLFLOW_DEFAULT_ARTIFACT_ROOT", "where clients keep artifacts themselves"
    place = Overlay(changes=(setting(name, artifacts.uri, because, why),))
    if environment.mlflow.mode == "split" and not environment.host:
        place += Overlay(changes=(_located(environment.namespace.name),))
    return place + STORES[artifacts.store].plan(environment)


def _located(namespace: str) -> Change:
    """Where clients inside the cluster send artifacts, whatever server they talk to."""
    root = f"mlflow-artifacts://{ARTIFACT_SERVER.name}.{namespace}.svc:5000/"
    return setting("MLFLOW_DEFAULT_ARTIFACT_ROOT", root, ("mlflow", "mode"), "the Service of the server of artifacts")
