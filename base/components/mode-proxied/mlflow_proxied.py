"""A plug-in of MLflow: an S3 store that clients reach through the server alone.

MLflow offers signed URLs for a store whose class has the mixins for them, and clients follow the offer unasked. This class
is the store without the mixins. It is registered for `s3://` by an entry point, which is how MLflow takes plug-ins:
https://mlflow.org/docs/latest/ml/plugins/
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from mlflow.entities import FileInfo
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.s3_artifact_repo import S3ArtifactRepository


def with_md5(params: dict[str, Any], **_: Any) -> None:
    """Adds the digest that some stores, as Alibaba's, want where several objects are deleted. Amazon's client left it out."""
    digest = hashlib.md5(params["body"], usedforsecurity=False).digest()
    params["headers"]["Content-MD5"] = base64.b64encode(digest).decode()


class Store(S3ArtifactRepository):
    """MLflow's S3 store, for every store that speaks the protocol."""

    def _get_s3_client(self) -> Any:
        client = super()._get_s3_client()
        client.meta.events.register("before-call.s3.DeleteObjects", with_md5, unique_id="mlflow-proxied")
        return client


class ProxiedS3Repository(ArtifactRepository):
    """Keeps artifacts in S3 and signs no URL."""

    def __init__(self, artifact_uri: str, *args: Any, **kwargs: Any) -> None:
        """Takes what every artifact repository takes: the URI to keep artifacts under, and MLflow's own settings."""
        super().__init__(artifact_uri, *args, **kwargs)
        self._store = Store(artifact_uri, *args, **kwargs)

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        """Stores one file."""
        self._store.log_artifact(local_file, artifact_path)

    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> None:
        """Stores every file of a directory."""
        self._store.log_artifacts(local_dir, artifact_path)

    def list_artifacts(self, path: str | None = None) -> list[FileInfo]:
        """Lists what is stored directly under a path."""
        return list(self._store.list_artifacts(path))

    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        self._store._download_file(remote_file_path, local_path)

    def delete_artifacts(self, artifact_path: str | None = None) -> None:
        """Deletes everything under a path."""
        self._store.delete_artifacts(artifact_path)

    def upload_archived_trace_data_bytes(self, data: bytes) -> None:
        """Stores an archived trace."""
        self._store.upload_archived_trace_data_bytes(data)
