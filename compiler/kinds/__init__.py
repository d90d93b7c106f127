"""The kinds of overlay, written out: a new one is a module here and a line in this table."""

import sys

from compiler.kind import Kind
from compiler.kinds import aws_keys, eks_irsa, minio_mysql, minio_postgres

KINDS: dict[str, Kind] = {
    "aws-keys": aws_keys.KIND,
    "eks-irsa": eks_irsa.KIND,
    "minio-mysql": minio_mysql.KIND,
    "minio-postgres": minio_postgres.KIND,
}


def summary(name: str) -> str:
    """What a kind is, in the first paragraph of its docstring."""
    module = sys.modules[f"compiler.kinds.{name.replace('-', '_')}"]
    return (module.__doc__ or "").partition("\n\n")[0].strip()
