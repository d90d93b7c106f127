"""Kubeflow Pipelines with its artifacts in Amazon S3, reached through IAM roles that EKS Pod Identity gives to service
accounts: there are no keys. Its own MinIO or SeaweedFS is taken away.

With `profiles` it serves many users, each profile with a role and prefixes of its own.
"""

from compiler.kind import Kind

KIND = Kind(
    name="kfp-pod-identity",
    system="pipelines",
    store="s3",
    identity="pod-identity",
    engine="none",
    secrets="existing",
    requires={
        ("artifacts", "bucket"): "pipelines and their artifacts are kept in a bucket that you created",
        ("artifacts", "region"): "requests to S3 are signed for the region of the bucket",
    },
    examples={("artifacts", "bucket"): "acme-pipelines", ("artifacts", "region"): "eu-west-1"},
)
