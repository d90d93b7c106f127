"""A replica of the database: MLflow, a PostgreSQL and its streaming replica, all as they are."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.parts import KEYS, settings

from .programs import ROOT, environment, server
from .running import STRANGE
from .test_shutdown import connected, free_port, given
from .wait import until

FIRST, SECOND = "127.0.0.1", "127.0.0.2"
ACCOUNT = "nobody"


@dataclass(frozen=True)
class Databases:
    """A PostgreSQL and its replica, on one port of two addresses."""

    bin: Path
    folder: Path
    port: int

    def run(self, program: str, *words: str) -> str:
        """Runs one of PostgreSQL's programs, under an account that it takes."""
        command = [
            "setpriv",
            f"--reuid={ACCOUNT}",
            "--regid=nogroup",
            "--clear-groups",
            str(self.bin / program),
            *words,
        ]
        variables = {"PATH": os.environ["PATH"], "PGPASSWORD": STRANGE, "LANG": "C.UTF-8"}
        done = subprocess.run(command, env=variables, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def start(self, name: str, address: str) -> None:
        """Starts the server of a data directory, and waits for it."""
        options = f"-h {address} -p {self.port} -k {self.folder}/{name}.sock -c hot_standby=on -c fsync=off"
        socket = self.folder / f"{name}.sock"
        socket.mkdir()
        shutil.chown(socket, ACCOUNT)
        log = str(self.folder / f"{name}.log")
        self.run("pg_ctl", "start", "-w", "-D", str(self.folder / name), "-l", log, "-o", options)

    def ask(self, address: str, statement: str, database: str = "mlflow") -> str:
        """The answer to a statement."""
        words = ["-h", address, "-p", str(self.port), "-U", "mlflow", "-d", database, "-qAtc", statement]
        return self.run("psql", *words)

    def caught_up(self) -> bool:
        """Whether the replica has all that was written."""
        last = self.ask(FIRST, "SELECT pg_current_wal_lsn()")
        return self.ask(SECOND, f"SELECT pg_last_wal_replay_lsn() >= '{last}'") == "t"


@pytest.fixture(scope="module")
def databases() -> Iterator[Databases]:
    """A database, and a replica that follows it; in a folder that their account can reach."""
    with tempfile.TemporaryDirectory(prefix="replica-") as folder:
        shutil.chown(folder, ACCOUNT)
        yield from _running(Path(folder))


def _running(folder: Path) -> Iterator[Databases]:
    with first(folder) as found:
        copy = ["-h", FIRST, "-p", str(found.port), "-U", "mlflow", "-D", str(folder / "second"), "-R", "-X", "stream"]
        found.run("pg_basebackup", *copy)
        found.start("second", SECOND)
        yield found


@contextmanager
def first(folder: Path) -> Iterator[Databases]:
    """A server with a database `mlflow` in a folder of its account; at the end all servers of the folder are stopped."""
    found = Databases(Path(server("postgres")["programs"]["initdb"]).parent, folder, free_port())
    secret = folder / "password"
    secret.write_text(STRANGE, encoding="utf-8")
    shutil.chown(secret, ACCOUNT)
    found.run("initdb", "-D", str(folder / "first"), "-U", "mlflow", "-A", "scram-sha-256", f"--pwfile={secret}")
    try:
        found.start("first", FIRST)
        found.ask(FIRST, "CREATE DATABASE mlflow", "postgres")
        yield found
    finally:
        for name in ("second", "first"):
            if (folder / name / "postmaster.pid").exists():
                found.run("pg_ctl", "stop", "-m", "immediate", "-D", str(folder / name))


@pytest.fixture(scope="module")
def variables(databases: Databases) -> dict[str, str]:
    """What the server of an environment with a replica is told."""
    database = {
        "host": FIRST,
        "readHost": SECOND,
        "port": databases.port,
        "existingSecret": "db",
        "tls": {"mode": "disable"},
    }
    planned = {key: str(value) for key, value in settings(KEYS, database=database).items()}
    own = {"MLFLOW_ARTIFACTS_DESTINATION": str(databases.folder), "MLFLOW_SERVER_ALLOWED_HOSTS": "*"}
    return {**planned, **own, "PGPASSWORD": STRANGE}


def ask(port: int, path: str, body: object = None) -> tuple[int, dict[str, object]]:
    """The status and content of an answer of the server."""
    content = None if body is None else json.dumps(body)
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("GET" if body is None else "POST", path, content, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def test_what_is_read_comes_from_the_replica(databases: Databases, variables: dict[str, str], tmp_path: Path) -> None:
    """An experiment is written to the database and read from its replica: while that stands still, it is not seen"""
    home, log, port = environment("requirements.lock").home, tmp_path / "log", free_port()
    told = given(tmp_path, port, **variables)
    told |= {"MLFLOW_PORT": str(port), "MLFLOW_HOST": "127.0.0.1"}
    migrate = [str(home / "bin" / "python"), str(ROOT / "base" / "mlflow" / "schema.py"), "migrate"]
    done = subprocess.run(migrate, env=told, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    until("the replica has the schema", databases.caught_up, 60)
    with log.open("wb") as output:
        command = [str(home / "bin" / "mlflow"), "server"]
        process = subprocess.Popen(
            command, env=told, cwd=tmp_path, stdout=output, stderr=output, start_new_session=True
        )
    try:
        until("the server listens", lambda: connected(port), 120, otherwise=log.read_text).close()
        databases.ask(SECOND, "SELECT pg_wal_replay_pause()")
        created, answer = ask(port, "/api/2.0/mlflow/experiments/create", {"name": "late"})
        assert created == 200, answer
        assert databases.ask(FIRST, "SELECT count(*) FROM experiments WHERE name = 'late'") == "1"
        path = f"/api/2.0/mlflow/experiments/get?experiment_id={answer['experiment_id']}"
        assert ask(port, path)[0] == 404
        databases.ask(SECOND, "SELECT pg_wal_replay_resume()")
        until("the replica has the experiment", databases.caught_up, 60)
        assert ask(port, path)[0] == 200
        assert STRANGE not in log.read_text()
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
