"""Artifacts in Amazon S3, reached through an IAM role that is bound to the service account (IRSA): there are no keys.

The database is PostgreSQL inside the cluster unless `database.host` names another.
"""

from compiler.kind import Kind

KIND = Kind(
    name="eks-irsa",
    store="s3",
    identity="irsa",
    engine="postgres",
    secrets="existing",
    requires={
        ("artifacts", "bucket"): "artifacts are kept in a bucket that you created",
        ("artifacts", "region"): "requests to S3 are signed for the region of the bucket",
        ("artifacts", "roleArn"): "the server's service account assumes this role, and has no other credentials",
    },
)
