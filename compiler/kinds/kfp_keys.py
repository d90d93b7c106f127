"""Kubeflow Pipelines with its artifacts in a store outside the cluster, reached with access keys from Secrets: Amazon S3, or any
store that speaks its protocol. Its own MinIO or SeaweedFS is taken away.

With `profiles` it serves many users, each profile with keys and prefixes of its own.
"""

from compiler.kind import Kind

KIND = Kind(
    name="kfp-keys",
    system="pipelines",
    store="s3",
    identity="keys",
    engine="none",
    secrets="existing",
    requires={
        ("artifacts", "bucket"): "pipelines and their artifacts are kept in a bucket that you created",
    },
    examples={("artifacts", "bucket"): "acme-pipelines", ("artifacts", "region"): "eu-west-1"},
)
