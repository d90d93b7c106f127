"""The stores of artifacts, written out: a new one is a module here and a line in this table."""

from compiler import kind, store
from compiler.overlay import Ref
from compiler.stores import azure, gcs, minio, oss, s3, versitygw, volume

STORES: dict[kind.Store, store.Store] = {
    "s3": s3,
    "minio": minio,
    "versitygw": versitygw,
    "gcs": gcs,
    "azure": azure,
    "oss": oss,
    "volume": volume,
}

SETUPS: dict[kind.Store, Ref] = {"minio": minio.SETUP, "versitygw": versitygw.SETUP}
"""The stores that run in the cluster, each with the Job that creates its buckets."""
