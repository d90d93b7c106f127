"""The options of MLflow's web server, and what it does by itself: MLflow run with the settings of the base."""

from __future__ import annotations

import http.client
import os
import select
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.parts import MINIO, settings

from .programs import environment
from .test_shutdown import connected, free_port, given
from .wait import until

DEFAULT_KEEP_ALIVE = 5
TELEMETRY = "from mlflow.telemetry.utils import is_telemetry_disabled as off; print(off())"


@contextmanager
def _serving(folder: Path, **more: str) -> Iterator[tuple[int, Path]]:
    port, log = free_port(), folder / "log"
    command = [str(environment("requirements.lock").home / "bin" / "mlflow"), "server"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=given(folder, port, **more), cwd=folder, stdout=output, stderr=output, start_new_session=True
        )
    try:
        until("the server listens", lambda: connected(port), 120, otherwise=log.read_text).close()
        yield port, log
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _asked(connection: http.client.HTTPConnection) -> int:
    connection.request("GET", "/api/2.0/mlflow/experiments/search?max_results=1")
    answer = connection.getresponse()
    answer.read()
    return answer.status


def test_idle_connections_outlast_those_of_load_balancers(tmp_path: Path) -> None:
    """A connection that was idle for longer than the web server's own 5 seconds is still open, and answers"""
    with (
        _serving(tmp_path) as (port, _),
        closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection,
    ):
        assert _asked(connection) == 200
        closed, _, _ = select.select([connection.sock], [], [], DEFAULT_KEEP_ALIVE + 3)
        assert not closed
        same = connection.sock
        assert _asked(connection) == 200
        assert connection.sock is same


def test_web_server_logs_what_it_is_told(tmp_path: Path) -> None:
    """With logLevel WARNING there is no line for each request"""
    options = settings(MINIO, mlflow={"logLevel": "WARNING"})["MLFLOW_UVICORN_OPTS"]
    for level, lines in (("INFO", True), ("WARNING", False)):
        folder = tmp_path / level
        folder.mkdir()
        more = {"MLFLOW_UVICORN_OPTS": options} if level == "WARNING" else {}
        with _serving(folder, MLFLOW_LOGGING_LEVEL=level, **more) as (port, log):
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
                assert _asked(connection) == 200
            assert ("GET /api/2.0/mlflow/experiments/search" in log.read_text()) is lines


def test_telemetry_is_off(tmp_path: Path) -> None:
    """Each of the two variables of the base turns MLflow's telemetry off, and without them it is on"""
    program = [str(environment("requirements.lock").python), "-c", TELEMETRY]
    base = {key: value for key, value in given(tmp_path, 1).items() if key not in ("CI", "PYTEST_CURRENT_TEST")}
    both = ("MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK")
    for names, off in ((both, "True"), (both[:1], "True"), (both[1:], "True"), ((), "False")):
        variables = {key: value for key, value in base.items() if key not in both or key in names}
        done = subprocess.run(program, env=variables, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert done.stdout.split()[-1] == off, names
