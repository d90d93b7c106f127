"""Artifacts in Google Cloud Storage, reached as the service account of the pod (Workload Identity Federation for GKE): there are
no keys.

Give the Kubernetes service account `mlflow` of the namespace the role `roles/storage.objectUser` of the bucket; or, with
`artifacts.googleServiceAccount`, give the role to that account, and let the Kubernetes one stand for it
(`roles/iam.workloadIdentityUser`).

The database is PostgreSQL inside the cluster unless `database.host` names another.
"""

from compiler.kind import Kind

KIND = Kind(
    name="gke-workload-identity",
    store="gcs",
    identity="workload-identity",
    engine="postgres",
    secrets="existing",
    requires={("artifacts", "bucket"): "artifacts are kept in a bucket that you created"},
)
