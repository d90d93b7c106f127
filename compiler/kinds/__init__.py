"""The kinds of overlay, written out: a new one is a module here and a line in this table."""

from compiler.kind import Kind
from compiler.kinds import aws_keys, eks_irsa, minio_mysql, minio_postgres

KINDS: dict[str, Kind] = {
    "aws-keys": aws_keys.KIND,
    "eks-irsa": eks_irsa.KIND,
    "minio-mysql": minio_mysql.KIND,
    "minio-postgres": minio_postgres.KIND,
}
