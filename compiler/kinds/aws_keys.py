"""Artifacts in Amazon S3, or in a store that speaks its protocol, reached with access keys from a Secret.

The database is PostgreSQL inside the cluster unless `database.host` names another.
"""

from compiler.kind import Kind

KIND = Kind(
    name="aws-keys",
    store="s3",
    identity="keys",
    engine="postgres",
    secrets="existing",
    requires={
        ("artifacts", "bucket"): "artifacts are kept in a bucket that you created",
        ("artifacts", "region"): "requests to S3 are signed for the region of the bucket",
    },
)
