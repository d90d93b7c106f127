"""Everything inside the cluster: artifacts in MinIO, runs in PostgreSQL. For development and for clusters without a cloud.

Passwords are created once, beside the overlay, in files that git ignores. MinIO gets no fixes any more:
`versitygw-postgres` has a store that does.
"""

from compiler.kind import Kind

KIND = Kind(name="minio-postgres", store="minio", identity="keys", engine="postgres", secrets="generated", requires={})
