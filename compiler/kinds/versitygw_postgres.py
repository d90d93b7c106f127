"""Everything inside the cluster: artifacts in VersityGW, runs in PostgreSQL. For development and for clusters without a cloud.

Passwords are created once, beside the overlay, in files that git ignores.
"""

from compiler.kind import Kind

KIND = Kind(
    name="versitygw-postgres", store="versitygw", identity="keys", engine="postgres", secrets="generated", requires={}
)
