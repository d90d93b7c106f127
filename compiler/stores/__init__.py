"""The stores of artifacts, written out: a new one is a module here and a line in this table."""

from compiler import kind, store
from compiler.stores import azure, gcs, minio, oss, s3, volume

STORES: dict[kind.Store, store.Store] = {
    "s3": s3,
    "minio": minio,
    "gcs": gcs,
    "azure": azure,
    "oss": oss,
    "volume": volume,
}
