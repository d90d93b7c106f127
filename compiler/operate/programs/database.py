# mypy: disable-error-code="import-not-found,import-untyped"
"""Looks at the databases with all that the server's pod has: sent into that pod beside schema.py, never imported.

Prints one line of JSON, a list of databases: what schema.py says of each, what the user may not do there, how many connections
are in use, and the experiments that keep artifacts where the server does not serve them.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from importlib import import_module
from typing import Any

from sqlalchemy import text

# Sent along with this program.
schema: Any = import_module("schema")
SHOWN = 20
RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")
GRANTS = (*RIGHTS, "CREATE", "ALTER", "DROP", "INDEX", "REFERENCES", "TRIGGER")
"""What MLflow's migrations need on MySQL, beside what the server does."""
TABLES = """
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
  AND NOT has_table_privilege(oid, :right) ORDER BY relname
"""
USED = "SELECT count(*) FROM pg_stat_activity WHERE usename = current_user"
BYPASSING = """
SELECT experiment_id, name, artifact_location FROM experiments
  WHERE artifact_location NOT LIKE 'mlflow-artifacts:%' ORDER BY experiment_id
"""


def on_postgres(connection: Any) -> tuple[list[str], list[int]]:
    """What the user may not do, and how many connections it uses and may use."""
    lacks = []
    if not connection.scalar(text("SELECT has_schema_privilege(current_user, 'public', 'CREATE')")):
        lacks.append("CREATE on schema public")
    for right in RIGHTS:
        tables = list(connection.scalars(text(TABLES), {"right": right}))
        lacks += [f"{right} on {', '.join(tables[:3])}{' and others' if len(tables) > 3 else ''}"] if tables else []
    own = int(connection.scalar(text("SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user")))
    whole = int(connection.scalar(text("SELECT current_setting('max_connections')")))
    return lacks, [int(connection.scalar(text(USED))), own if own >= 0 else whole]


def on_mysql(connection: Any, database: str) -> tuple[list[str], list[int]]:
    """The same, from what MySQL grants."""
    granted: set[str] = set()
    for line in connection.scalars(text("SHOW GRANTS")):
        found = re.match(r"GRANT (.*?) ON (\S+)", line.replace("`", ""))
        if found and found[2].replace("\\", "") in ("*.*", f"{database}.*"):
            granted |= {right.strip() for right in found[1].split(",")}
    lacks = [] if "ALL PRIVILEGES" in granted else [right for right in GRANTS if right not in granted]
    used = connection.execute(text("SHOW STATUS LIKE 'Threads_connected'")).one()[1]
    most = connection.execute(text("SHOW VARIABLES LIKE 'max_connections'")).one()[1]
    return lacks, [int(used), int(most)]


def on_sqlite(file: str) -> tuple[list[str], list[int]]:
    """Whether the file can be written."""
    return ([] if os.access(file, os.W_OK) else [f"write {file}"]), []


def looked(target: Any) -> dict[str, Any]:
    """What there is to say of one database."""
    finding = schema.look(target)
    found: dict[str, Any] = {"name": target.name, "state": finding.state.name, "detail": finding.detail}
    if finding.state.name not in ("HEAD", "OLDER", "NEWER", "EMPTY"):
        return found
    backend = target.url.get_backend_name()
    with target.connection() as connection:
        if backend == "postgresql":
            found["lacks"], found["connections"] = on_postgres(connection)
        elif backend == "mysql":
            found["lacks"], found["connections"] = on_mysql(connection, target.url.database)
        elif backend == "sqlite":
            found["lacks"], found["connections"] = on_sqlite(target.url.database)
        if finding.state.name == "HEAD" and target.revisions == "alembic_version":
            rows = [list(row) for row in connection.execute(text(BYPASSING))]
            found["bypassing"] = [[str(value) for value in row] for row in rows[:SHOWN]]
            found["bypassing_count"] = len(rows)
    return found


def main() -> None:
    """Prints what was seen."""
    with contextlib.redirect_stdout(sys.stderr):
        try:
            found = [looked(target) for target in schema.databases()]
        except schema.SettingError as error:
            found = [{"name": "the setting", "state": "SETTING", "detail": str(error)}]
    sys.stdout.write(f"\n{json.dumps(found)}\n")


if __name__ == "__main__":
    main()
