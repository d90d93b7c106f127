"""Everything inside the cluster: artifacts in MinIO, runs in MySQL. For development and for clusters without a cloud.

Passwords are created once, beside the overlay, in files that git ignores. MinIO gets no fixes any more:
`versitygw-mysql` has a store that does.
"""

from compiler.kind import Kind

KIND = Kind(name="minio-mysql", store="minio", identity="keys", engine="mysql", secrets="generated", requires={})
