"""Everything in one pod on one volume: artifacts in its files, runs in SQLite. For a single small server.

With `database.engine: postgres` or `mysql`, or a `database.host`, runs are recorded there, and the volume holds artifacts alone.
"""

from compiler.kind import Kind

KIND = Kind(name="local", store="volume", identity="none", engine="sqlite", secrets="existing", requires={})
