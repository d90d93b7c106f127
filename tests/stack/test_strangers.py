"""A migration beside an MLflow that this environment did not start: real databases, real sessions, MLflow's own migrations."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from .programs import ROOT, environment, server
from .running import STRANGE
from .test_replica import ACCOUNT, FIRST, first
from .test_shutdown import free_port
from .wait import until

MARK = "mlflow-overlays"
BEFORE = """
import os
from alembic import command
from alembic.script import ScriptDirectory
from mlflow.store.db.utils import _get_alembic_config
from mlflow.store.tracking.dbmodels.initial_models import Base
from sqlalchemy import create_engine
uri = os.environ["MLFLOW_BACKEND_STORE_URI"]
engine = create_engine(uri)
Base.metadata.create_all(engine)
config = _get_alembic_config(uri)
with engine.begin() as connection:
    config.attributes["connection"] = connection
    command.upgrade(config, ScriptDirectory.from_config(config).get_revision("head").down_revision)
"""
"""Brings a database to the schema before the last."""
CONNECTED = """
import os, sys
from sqlalchemy import create_engine
with create_engine(os.environ["MLFLOW_BACKEND_STORE_URI"]).connect():
    print("connected", flush=True)
    sys.stdin.read()
"""


@dataclass(frozen=True)
class Database:
    """A server, what it takes to reach a database of it, and how its sessions are named."""

    uri: str
    variables: dict[str, str]
    name: tuple[str, str]
    """A variable, or an option of the URI, and how it is written with a name."""

    def told(self, mark: str) -> dict[str, str]:
        """The variables of a program whose sessions have this name, or none."""
        uri, more = self.uri, {}
        if mark and self.name[0]:
            more = {self.name[0]: mark}
        elif mark:
            uri += f"{self.name[1]}{mark}"
        base = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": "/tmp"}
        return {**base, **self.variables, **more, "MLFLOW_BACKEND_STORE_URI": uri}

    def python(self, *words: str, mark: str = MARK, **more: str) -> subprocess.CompletedProcess[str]:
        """Runs Python with MLflow."""
        command = [str(environment("requirements.lock").python), *words]
        told = {**self.told(mark), **more}
        return subprocess.run(command, env=told, capture_output=True, text=True, check=False, timeout=300)

    def migrate(self, **more: str) -> subprocess.CompletedProcess[str]:
        """Runs the program of the migration, as its Job does."""
        return self.python(str(ROOT / "base" / "mlflow" / "schema.py"), "migrate", "--timeout=60", **more)

    @contextmanager
    def session(self, mark: str) -> Iterator[None]:
        """A session of a program that is connected as MLflow is."""
        command = [str(environment("requirements.lock").python), "-c", CONNECTED]
        with subprocess.Popen(
            command, env=self.told(mark), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                assert process.stdout
                assert process.stdout.readline() == "connected\n"
                yield
            finally:
                process.kill()


@contextmanager
def postgres() -> Iterator[Database]:
    """A database of PostgreSQL."""
    with tempfile.TemporaryDirectory(prefix="strangers-") as name:
        folder = Path(name)
        shutil.chown(folder, ACCOUNT)
        with first(folder) as found:
            uri = f"postgresql+psycopg2://mlflow@{FIRST}:{found.port}/mlflow"
            yield Database(uri, {"PGPASSWORD": STRANGE}, ("PGAPPNAME", ""))


@contextmanager
def mariadb(schema: str = "ON") -> Iterator[Database]:
    """A database of MariaDB, with its performance_schema on or off."""
    programs = server("mariadb")
    client, install = programs["programs"]["mariadb"], programs["programs"]["mariadb-install-db"]
    with tempfile.TemporaryDirectory(prefix="strangers-") as name:
        folder, port = Path(name), free_port()
        data, sock = folder / "data", folder / "sock"
        words = ["--no-defaults", f"--datadir={data}", "--user=root"]
        normal = "--auth-root-authentication-method=normal"
        subprocess.run([install, *words, normal], capture_output=True, check=True)
        listen = [
            f"--bind-address={FIRST}",
            f"--port={port}",
            f"--socket={sock}",
            f"--performance-schema={schema}",
            "--skip-name-resolve",
        ]
        log = folder / "log"
        with log.open("wb") as out:
            process = subprocess.Popen([programs["path"], *words, *listen], stdout=out, stderr=out)
        try:
            sql = (
                "CREATE DATABASE mlflow CHARACTER SET utf8mb4; CREATE USER mlflow@'%' IDENTIFIED BY 'correct-horse';"
                "GRANT ALL ON mlflow.* TO mlflow@'%'"
            )
            begin = [client, "--no-defaults", f"--socket={sock}", "--user=root", f"--execute={sql}"]
            until("MariaDB answers", sock.exists, 60, otherwise=log.read_text)
            subprocess.run(begin, capture_output=True, check=True)
            options = folder / "my.cnf"
            options.write_text('[client]\npassword="correct-horse"\n', encoding="utf-8")
            uri = f"mysql+pymysql://mlflow@{FIRST}:{port}/mlflow?read_default_file={options}"
            yield Database(uri, {}, ("", "&program_name="))
        finally:
            process.kill()
            process.wait()


SERVERS = {"postgres": postgres, "mariadb": mariadb}


@pytest.mark.parametrize("name", SERVERS)
def test_a_schema_that_another_server_uses_is_not_migrated(name: str) -> None:
    """Refused while a session without a name is open, with its address; done beside servers of this environment and tools"""
    with SERVERS[name]() as database:
        before = database.python("-c", BEFORE)
        assert before.returncode == 0, before.stderr
        with database.session(MARK), database.session("psql"):
            with database.session(""):
                refused = database.migrate()
                assert refused.returncode == 4, refused
                assert "not migrated: sessions without a name are connected (1 from 127.0.0.1)" in refused.stdout
                assert "SCHEMA_OTHER_SESSIONS=ignore" in refused.stdout
                assert not [word for word in (STRANGE, "correct-horse") if word in refused.stdout + refused.stderr]
            done = database.migrate()
            assert done.returncode == 0, done
        with database.session(""):
            # What is at the head stays as it is, whoever uses it.
            assert database.migrate().returncode == 0


def test_a_person_may_say_that_other_sessions_are_harmless() -> None:
    """SCHEMA_OTHER_SESSIONS=ignore migrates all the same"""
    with postgres() as database:
        assert database.python("-c", BEFORE).returncode == 0
        with database.session(""):
            done = database.migrate(SCHEMA_OTHER_SESSIONS="ignore")
            assert done.returncode == 0, done


def test_a_server_that_does_not_tell_sessions_apart_is_named() -> None:
    """Without performance_schema the migration says what it cannot see, and goes on"""
    with mariadb("OFF") as database:
        assert database.python("-c", BEFORE).returncode == 0
        with database.session(""):
            done = database.migrate()
            assert done.returncode == 0, done
            assert "performance_schema is off" in done.stdout
