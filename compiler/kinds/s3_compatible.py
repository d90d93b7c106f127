"""Artifacts in a store of yours that speaks the protocol of S3, reached with access keys from a Secret: MinIO, Ceph, Garage,
SeaweedFS, R2 and the like. A certificate that no public authority signed takes `artifacts.caSecret`.

The database is PostgreSQL inside the cluster unless `database.host` names another.
"""

from compiler.kind import Kind

KIND = Kind(
    name="s3-compatible",
    store="s3",
    identity="keys",
    engine="postgres",
    secrets="existing",
    requires={
        ("artifacts", "bucket"): "artifacts are kept in a bucket that you created",
        ("artifacts", "endpoint"): "the server has to know the address of the store",
    },
)
