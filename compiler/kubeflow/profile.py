"""The objects of a profile: what upstream's controller of profiles would make for the embedded store, for the store of one's own.

Source: pipelines-profile-controller/sync.py of upstream's manifests, at the tags of the releases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compiler.block import inside
from compiler.kubeflow.layout import NAMESPACE
from compiler.kubeflow.settings import artifact_repository, providers
from compiler.kubeflow.tracking import of_namespace

if TYPE_CHECKING:
    from compiler.kubeflow.installation import Installation, Profile

LABELS = {"app.kubernetes.io/part-of": "kubeflow-pipelines", "app.kubernetes.io/managed-by": "mlflow-overlays"}
EDITOR = "default-editor"
"""The service account of a profile's pipelines and notebooks."""
_DEFAULT = "default-v1"


def objects(installation: Installation, profile: Profile) -> tuple[dict[str, Any], ...]:
    """The objects of a profile, the Profile first."""
    store = installation.artifacts
    keys = installation.keys_of(profile)
    launcher = {
        "defaultPipelineRoot": store.uri(store.layout.root(profile.name)),
        "providers": inside(providers(store, keys)),
        **of_namespace(installation),
    }
    repository = inside(artifact_repository(store, keys, store.layout.key(profile.name)))
    default = {"workflows.argoproj.io/default-artifact-repository": _DEFAULT}
    metadata = {
        "METADATA_GRPC_SERVICE_HOST": f"metadata-grpc-service.{NAMESPACE}",
        "METADATA_GRPC_SERVICE_PORT": "8080",
    }
    return (
        _profile(profile),
        _config_map("kfp-launcher", profile, launcher),
        _config_map("artifact-repositories", profile, {_DEFAULT: repository}, default),
        _config_map("metadata-grpc-configmap", profile, metadata),
    )


def _profile(profile: Profile) -> dict[str, Any]:
    spec: dict[str, Any] = {"owner": {"kind": "User", "name": profile.owner}}
    if profile.role_arn:
        # Without annotateOnly, Kubeflow would rewrite the trust of the role.
        role = {"awsIamRole": profile.role_arn, "annotateOnly": True}
        spec["plugins"] = [{"kind": "AwsIamForServiceAccount", "spec": role}]
    return {
        "apiVersion": "kubeflow.org/v1",
        "kind": "Profile",
        "metadata": {"name": profile.name, "labels": LABELS},
        "spec": spec,
    }


def _config_map(
    name: str, profile: Profile, data: dict[str, str], annotations: dict[str, str] | None = None
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "namespace": profile.name, "labels": LABELS}
    if annotations:
        metadata["annotations"] = annotations
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
