"""Artifacts in Google Cloud Storage, reached with the key file of a service account, from a Secret.

For clusters outside of Google Cloud; on GKE, `gke-workload-identity` needs no key.

The database is PostgreSQL inside the cluster unless `database.host` names another.
"""

from compiler.kind import Kind

KIND = Kind(
    name="gcs-keys",
    store="gcs",
    identity="keys",
    engine="postgres",
    secrets="existing",
    requires={("artifacts", "bucket"): "artifacts are kept in a bucket that you created"},
)
