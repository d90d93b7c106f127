"""Artifacts in Alibaba Cloud OSS, reached through its S3 interface with the access keys of a RAM user, from a Secret.

The address follows from the region; `artifacts.endpoint` is for another one, like
`https://s3.oss-cn-hangzhou-internal.aliyuncs.com`. A RAM role (RRSA) is not supported: no client in MLflow's image knows it.

The database is PostgreSQL inside the cluster unless `database.host` names another.
"""

from compiler.kind import Kind

KIND = Kind(
    name="oss-keys",
    store="oss",
    identity="keys",
    engine="postgres",
    secrets="existing",
    requires={
        ("artifacts", "bucket"): "artifacts are kept in a bucket that you created",
        ("artifacts", "region"): "the address of the store follows from the region of the bucket",
    },
)
