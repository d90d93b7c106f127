"""The kinds of overlay, written out: a new one is a module here and a line in this table."""

import sys

from compiler.kind import Kind, System
from compiler.kinds import (
    aws_keys,
    azure_keys,
    azure_workload_identity,
    eks_irsa,
    eks_pod_identity,
    gcs_keys,
    gke_workload_identity,
    kfp_irsa,
    kfp_keys,
    kfp_pod_identity,
    local,
    minio_mysql,
    minio_postgres,
    oss_keys,
    s3_compatible,
    versitygw_mysql,
    versitygw_postgres,
)

KINDS: dict[str, Kind] = {
    "aws-keys": aws_keys.KIND,
    "s3-compatible": s3_compatible.KIND,
    "eks-irsa": eks_irsa.KIND,
    "eks-pod-identity": eks_pod_identity.KIND,
    "gke-workload-identity": gke_workload_identity.KIND,
    "gcs-keys": gcs_keys.KIND,
    "azure-workload-identity": azure_workload_identity.KIND,
    "azure-keys": azure_keys.KIND,
    "oss-keys": oss_keys.KIND,
    "minio-mysql": minio_mysql.KIND,
    "minio-postgres": minio_postgres.KIND,
    "versitygw-mysql": versitygw_mysql.KIND,
    "versitygw-postgres": versitygw_postgres.KIND,
    "local": local.KIND,
    "kfp-keys": kfp_keys.KIND,
    "kfp-irsa": kfp_irsa.KIND,
    "kfp-pod-identity": kfp_pod_identity.KIND,
}


def kinds_of(system: System) -> list[str]:
    """The names of the kinds that install a system."""
    return [name for name, kind in KINDS.items() if kind.system == system]


def summary(name: str) -> str:
    """What a kind is, in the first paragraph of its docstring."""
    module = sys.modules[f"compiler.kinds.{name.replace('-', '_')}"]
    return (module.__doc__ or "").partition("\n\n")[0].strip()
