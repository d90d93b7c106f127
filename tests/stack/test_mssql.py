"""What can be proved of SQL Server without one: what the driver sends, and that MLflow's migrations have SQL for it."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from .programs import ROOT, environment
from .running import DASHED, STRANGE

COMPONENT = ROOT / "base" / "components" / "driver-mssql"
PRELOGIN, LOGIN, ANSWER = 0x12, 0x10, 0x04
ENCRYPTION = 1
NOT_SUPPORTED, REQUIRED = 2, {1, 3}
END = 1
"""The status of the last packet of a message."""
LOOKS = {
    "0584bdc529eb",
    "1b5f0d9ad7c1",
    "3500859a5d39",
    "75868b020152",
    "89d4b8295536",
    "90e64c465722",
}
"""The migrations that look at the database first, so that their SQL cannot be had without one."""
COMPILE = """
import io
from importlib.util import find_spec
from pathlib import Path
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
package = Path(find_spec("mlflow").origin).parent
for script in ScriptDirectory(str(package / "store" / "db_migrations")).walk_revisions():
    context = MigrationContext.configure(dialect_name="mssql", opts={"as_sql": True, "output_buffer": io.StringIO()})
    try:
        with Operations.context(context):
            script.module.upgrade()
    except Exception as error:
        print(script.revision, type(error).__name__)
    else:
        print("compiled")
"""


class Listener:
    """Takes one login after the other, notes what it holds, and refuses it as SQL Server does: [MS-TDS]."""

    def __init__(self) -> None:
        self.encryption: list[int] = []
        self.logins: list[dict[str, str]] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Takes no more."""
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            with client:
                while message := received(client):
                    kind, body = message
                    if kind == PRELOGIN:
                        self.encryption.append(prelogin(body)[ENCRYPTION][0])
                        client.sendall(packet(agreed(NOT_SUPPORTED)))
                    elif kind == LOGIN:
                        self.logins.append(login(body))
                        client.sendall(packet(refused("Login failed for user 'mlflow'.")))


def received(client: socket.socket) -> tuple[int, bytes] | None:
    """The type and body of the next message."""
    body = b""
    while True:
        head = client.recv(8, socket.MSG_WAITALL)
        if len(head) < 8:
            return None
        kind, status, length = struct.unpack(">BBH", head[:4])
        body += client.recv(length - 8, socket.MSG_WAITALL)
        if status & END:
            return kind, body


def packet(body: bytes) -> bytes:
    """An answer of one packet."""
    return struct.pack(">BBHHBB", ANSWER, END, len(body) + 8, 0, 1, 0) + body


def prelogin(body: bytes) -> dict[int, bytes]:
    """The options that a client begins with."""
    found, place = {}, 0
    while body[place] != 0xFF:
        option, start, length = struct.unpack(">BHH", body[place : place + 5])
        found[option] = body[start : start + length]
        place += 5
    return found


def agreed(encryption: int) -> bytes:
    """A server's version and its answer on encryption."""
    return struct.pack(">BHHBHHB", 0, 11, 6, ENCRYPTION, 17, 1, 0xFF) + bytes([16, 0, 0, 0, 0, 0, encryption])


def login(body: bytes) -> dict[str, str]:
    """User, password and database of a login. The password's bytes are turned around, which hides nothing."""

    def text(place: int) -> bytes:
        start, length = struct.unpack("<HH", body[place : place + 4])
        return body[start : start + 2 * length]

    plain = bytes(((byte ^ 0xA5) >> 4) | ((byte ^ 0xA5) << 4) & 0xF0 for byte in text(44))
    fields = {"user": text(40), "password": plain, "database": text(68)}
    return {name: value.decode("utf-16-le") for name, value in fields.items()}


def refused(words: str) -> bytes:
    """Error 18456, and the end."""
    message, server = words.encode("utf-16-le"), "listener".encode("utf-16-le")
    body = struct.pack("<IBBH", 18456, 1, 14, len(words)) + message
    body += bytes([len(server) // 2]) + server + bytes([0]) + struct.pack("<I", 1)
    return b"\xaa" + struct.pack("<H", len(body)) + body + b"\xfd" + struct.pack("<HHQ", 2, 0, 0)


@pytest.fixture
def listener() -> Iterator[Listener]:
    """What answers in place of a server."""
    found = Listener()
    yield found
    found.close()


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plug-in as its volume lays it out."""
    folder = tmp_path_factory.mktemp("mssql")
    information = folder / "mlflow_mssql-1.0.dist-info"
    information.mkdir()
    shutil.copy(COMPONENT / "mlflow_mssql.py", folder)
    for name in ("METADATA", "entry_points.txt"):
        shutil.copy(COMPONENT / name, information)
    return folder


def waited(plugin: Path, port: int, password: str, encryption: str, host: str = "127.0.0.1") -> str:
    """What the wait for the schema prints."""
    uri = f"mssql+pymssql://mlflow@{host}:{port}/runs?plugin=mlflow_mssql&encryption={encryption}"
    variables = {"MLFLOW_BACKEND_STORE_URI": uri, "MSSQL_PASSWORD": password, "PYTHONPATH": str(plugin), "HOME": "/tmp"}
    words = [str(environment("requirements.lock").python), str(ROOT / "base" / "mlflow" / "schema.py")]
    words += ["wait", "--timeout", "3"]
    done = subprocess.run(words, env=os.environ | variables, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, done.stderr
    assert password not in done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("password", [STRANGE, DASHED, "日本語 {;}=' "])
def test_login_arrives_as_it_was_written(listener: Listener, plugin: Path, password: str) -> None:
    said = waited(plugin, listener.port, password, "off")
    assert "the login is refused" in said
    assert "gave up after 3 seconds" in said
    assert listener.logins
    assert all(each == {"user": "mlflow", "password": password, "database": "runs"} for each in listener.logins)


def test_encryption_is_asked_for_and_nothing_is_sent_without(listener: Listener, plugin: Path) -> None:
    waited(plugin, listener.port, STRANGE, "require")
    assert listener.encryption
    assert set(listener.encryption) <= REQUIRED
    assert listener.logins == []


@pytest.mark.parametrize(
    ("host", "port", "words"),
    [("127.0.0.1", 1, "the connection is refused"), ("nowhere.invalid", 1433, "the host name does not resolve")],
)
def test_wait__says_what_is_wrong(plugin: Path, host: str, port: int, words: str) -> None:
    assert words in waited(plugin, port, STRANGE, "require", host)


def test_migrations__have_sql() -> None:
    words = [str(environment("requirements.lock").python), "-c", COMPILE]
    done = subprocess.run(words, env=os.environ | {"HOME": "/tmp"}, capture_output=True, text=True, check=True)
    lines = done.stdout.split("\n")
    assert lines.count("compiled") > 50
    assert {line.split()[0] for line in lines if line and line != "compiled"} == LOOKS
