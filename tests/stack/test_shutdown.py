"""A server that has to go while an artifact is on its way to it: MLflow itself, with the settings of the base and of a key."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.parts import MINIO, settings

from .programs import ROOT, environment
from .wait import until

HALF = b"x" * 500_000
PATH = "/api/2.0/mlflow-artifacts/artifacts/1/run/artifacts/model.bin"
STOPPING = "Waiting for connections to close"


@dataclass(frozen=True)
class Going:
    """A server with an upload half way, that was told to go and has noticed."""

    process: subprocess.Popen[bytes]
    upload: socket.socket
    log: Path
    artifacts: Path

    def ended(self, seconds: float) -> float:
        """Waits for the process to end, and returns how long that took."""
        start = time.monotonic()
        self.process.wait(seconds)
        return time.monotonic() - start


def given(folder: Path, port: int, **more: str) -> dict[str, str]:
    """What the server is told, with stores and writable paths in a folder."""
    lines = (ROOT / "base" / "mlflow" / "mlflow.env").read_text(encoding="utf-8").splitlines()
    base = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    here = {
        "MLFLOW_HOST": "127.0.0.1",
        "MLFLOW_PORT": str(port),
        "MLFLOW_WORKERS": "2",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_BACKEND_STORE_URI": f"sqlite:///{folder}/runs.db",
        "MLFLOW_ARTIFACTS_DESTINATION": str(folder / "artifacts"),
        "HOME": str(folder),
        "TMPDIR": str(folder),
    }
    return {"PATH": os.environ["PATH"], **base, **here, **more}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def connected(port: int) -> socket.socket | None:
    try:
        return socket.create_connection(("127.0.0.1", port), timeout=30)
    except OSError:
        return None


@contextmanager
def _going(folder: Path, **more: str) -> Iterator[Going]:
    port, log = free_port(), folder / "log"
    command = [str(environment("requirements.lock").home / "bin" / "mlflow"), "server"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=given(folder, port, **more),
            cwd=folder,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        upload = until("the server listens", lambda: connected(port), 120, otherwise=log.read_text)
        with upload:
            head = f"PUT {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {2 * len(HALF)}\r\n\r\n"
            upload.sendall(head.encode() + HALF)
            parts = folder / "artifacts"
            until("the upload is under way", lambda: any(parts.rglob("*")), 60, otherwise=log.read_text)
            process.send_signal(signal.SIGTERM)
            until("the server notices", lambda: STOPPING in log.read_text(), 30, otherwise=log.read_text)
            yield Going(process, upload, log, parts)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _files(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.rglob("*") if path.is_file()}


def test_upload_under_way_is_finished(tmp_path: Path) -> None:
    """With the base's settings an upload that is under way at SIGTERM is stored, and then the server does not linger"""
    with _going(tmp_path) as going:
        going.upload.sendall(HALF)
        assert going.upload.recv(64).startswith(b"HTTP/1.1 200")
        assert going.ended(20) < 20
        assert _files(going.artifacts) == {"model.bin": 2 * len(HALF)}


def test_what_takes_too_long_is_cut_off(tmp_path: Path) -> None:
    """With the shortest grace period the server is gone before it would be killed, and half an artifact is none"""
    options = settings(MINIO, terminationGracePeriodSeconds=30)["MLFLOW_UVICORN_OPTS"]
    with _going(tmp_path, MLFLOW_UVICORN_OPTS=options) as going:
        assert 10 < going.ended(25) < 25
        assert "model.bin" not in _files(going.artifacts)
