"""Kubeflow Pipelines with its artifacts in Amazon S3, reached through IAM roles that are bound to service accounts (IRSA): there
are no keys. Its own MinIO or SeaweedFS is taken away.

With `profiles` it serves many users, each profile with a role and prefixes of its own.
"""

from compiler.kind import Kind

KIND = Kind(
    name="kfp-irsa",
    system="pipelines",
    store="s3",
    identity="irsa",
    engine="none",
    secrets="existing",
    requires={
        ("artifacts", "bucket"): "pipelines and their artifacts are kept in a bucket that you created",
        ("artifacts", "region"): "requests to S3 are signed for the region of the bucket",
        ("artifacts", "roleArn"): "the API server and the UI assume this role, and have no other credentials",
    },
    examples={
        ("artifacts", "bucket"): "acme-pipelines",
        ("artifacts", "region"): "eu-west-1",
        ("artifacts", "roleArn"): "arn:aws:iam::123456789012:role/kfp-backend",
    },
)
