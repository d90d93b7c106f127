"""Migrations through a pooler of connections: PgBouncer in transaction mode, as clouds offer it, before a real PostgreSQL."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .programs import ROOT, environment, server
from .running import STRANGE
from .test_replica import ACCOUNT, FIRST, Databases, first
from .test_shutdown import connected, free_port, given
from .wait import until

SETTINGS = """\
[databases]
mlflow = host={host} port={database} dbname=mlflow
[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir =
auth_type = plain
auth_file = {users}
pool_mode = transaction
min_pool_size = 4
"""


@pytest.fixture(scope="module")
def databases() -> Iterator[Databases]:
    """A database, in a folder that its account can reach."""
    with tempfile.TemporaryDirectory(prefix="pooler-") as folder:
        shutil.chown(folder, ACCOUNT)
        with first(Path(folder)) as found:
            yield found


@contextmanager
def pooler(databases: Databases) -> Iterator[int]:
    """The port of a pooler before the database."""
    port, users = free_port(), databases.folder / "users.txt"
    users.write_text('"mlflow" "{}"\n'.format(STRANGE.replace('"', '""')), encoding="utf-8")
    config = databases.folder / "pgbouncer.ini"
    config.write_text(SETTINGS.format(host=FIRST, database=databases.port, port=port, users=users), encoding="utf-8")
    for file in (users, config):
        shutil.chown(file, ACCOUNT)
    program = server("pgbouncer")["programs"]["pgbouncer"]
    command = ["setpriv", f"--reuid={ACCOUNT}", "--regid=nogroup", "--clear-groups", program, str(config)]
    log = databases.folder / "pgbouncer.log"
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            until("the pooler listens", lambda: connected(port), 60, otherwise=log.read_text).close()
            yield port
        finally:
            process.kill()


def test_migrations_in_a_row_find_no_lock_of_the_one_before(databases: Databases, tmp_path: Path) -> None:
    """Behind a pooler that keeps sessions for the next client, each migration gets its lock at once"""
    python = environment("requirements.lock").home / "bin" / "python"
    command = [str(python), str(ROOT / "base" / "mlflow" / "schema.py"), "migrate", "--timeout=60"]
    with pooler(databases) as port:
        uri = f"postgresql://mlflow@{FIRST}:{port}/mlflow?sslmode=disable"
        told = given(tmp_path, port, MLFLOW_BACKEND_STORE_URI=uri, PGPASSWORD=STRANGE)
        for _ in range(2):
            done = subprocess.run(command, env=told, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
            assert "another migration is running" not in done.stdout
            locks = databases.ask(FIRST, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
            assert locks == "0"
            databases.ask(FIRST, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
