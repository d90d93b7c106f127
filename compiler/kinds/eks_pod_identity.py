"""Artifacts in Amazon S3, reached through an IAM role that EKS Pod Identity binds to the service account: there are no keys.

The binding is an association of the cluster, made outside of it: `aws eks create-pod-identity-association --namespace <namespace>
--service-account mlflow --role-arn <role> --cluster-name <cluster>`. Change it, and restart the server, to change the role.

The database is PostgreSQL inside the cluster unless `database.host` names another.
"""

from compiler.kind import Kind

KIND = Kind(
    name="eks-pod-identity",
    store="s3",
    identity="pod-identity",
    engine="postgres",
    secrets="existing",
    requires={
        ("artifacts", "bucket"): "artifacts are kept in a bucket that you created",
        ("artifacts", "region"): "requests to S3 are signed for the region of the bucket",
    },
)
