"""Everything inside the cluster: artifacts in VersityGW, runs in MySQL. For development and for clusters without a cloud.

Passwords are created once, beside the overlay, in files that git ignores.
"""

from compiler.kind import Kind

KIND = Kind(
    name="versitygw-mysql", store="versitygw", identity="keys", engine="mysql", secrets="generated", requires={}
)
