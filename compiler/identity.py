"""What would be taken instead of an identity that the cluster gives a pod: clients of clouds look for keys first."""

from __future__ import annotations

from collections.abc import Mapping

from compiler.kind import Identity, Store

_FILES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE")
_AWS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", *_FILES)
_AZURE_STORAGE = ("AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGE_ACCESS_KEY")
_AZURE_LOGIN = ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_USERNAME", "AZURE_PASSWORD")

SHADOWS: Mapping[tuple[Store, Identity], tuple[str, ...]] = {
    ("s3", "irsa"): _AWS,
    ("s3", "pod-identity"): (*_AWS, "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"),
    ("gcs", "workload-identity"): ("GOOGLE_APPLICATION_CREDENTIALS",),
    ("azure", "workload-identity"): (*_AZURE_STORAGE, *_AZURE_LOGIN),
}
"""The variables that come before the identity, by the store and how the server logs in to it.

Sources: botocore's `create_credential_resolver`, google-auth's `default`, MLflow's `AzureBlobArtifactRepository` and
azure-identity's `DefaultAzureCredential`, which asks `EnvironmentCredential` first.
"""
