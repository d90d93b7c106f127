"""Measures how much memory `mlflow server` takes, and writes the table that requests and limits rest on.

Examples, run in the project's folder:
  python3 scripts/footprint.py --python .venv/bin/python --output footprint.json
  python3 scripts/footprint.py --python .venv/bin/python --output footprint.json --workers 2 --jobs off
  python3 scripts/footprint.py --python .venv/bin/python --output footprint.json --artifacts-destination s3://bucket

For each number of workers, with and without job execution, a server is started on a database and an artifact store of
its own, measured when it has come to rest, and measured again while clients create runs and send artifacts through it.
The memory is the proportional share (PSS) of all its processes: what they would take together in a container. Files
that the kernel caches aren't in it. Linux only, and only with the processes of one's own user.

The output is {version: [{workers, jobs, idle_mib, peak_mib, processes}]}. A file that is there keeps its other rows.
The server inherits the environment but for MLFLOW_*, so that a database's password and a store's keys reach it; of
these only MLFLOW_S3_ENDPOINT_URL goes through. Exit codes: 0 measured, 1 a server failed, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MARK = "FOOTPRINT_RUN"
MIB = 1024 * 1024
START_SECONDS = 180
REST_SECONDS = 10
REST_LIMIT_SECONDS = 90
STOP_SECONDS = 30
SAMPLE_SECONDS = 0.25
METRICS = 200
API = "/api/2.0/mlflow"


class Failed(Exception):
    """The server didn't do what it was measured for; the message is the reason."""


@dataclass(frozen=True)
class Row:
    """The footprint of one way to run the server."""

    workers: int
    jobs: bool
    idle_mib: int
    peak_mib: int
    processes: int


@dataclass(frozen=True)
class Load:
    """What the clients do: how many at once, how often, and how big an artifact is."""

    clients: int
    rounds: int
    artifact: int


@dataclass(frozen=True)
class Stores:
    """Where the servers keep what they are sent; by default in a directory of the run."""

    backend: str | None
    artifacts: str | None


@dataclass(frozen=True)
class Footprint:
    """What the processes of a server take together."""

    pss: int
    processes: int


def processes(mark: str) -> list[int]:
    """The processes that carry the mark in their environment, wherever they hang in the tree."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if wanted in environment.read_bytes().split(b"\0"):
                found.append(int(environment.parent.name))
    return found


def share(pid: int) -> int:
    """The proportional share of memory of one process, in bytes; 0 when it has ended."""
    with suppress(OSError):
        if match := re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE):
            return int(match[1]) * 1024
    return 0


def footprint(mark: str) -> Footprint:
    """What the processes take together at this moment."""
    shares = [size for size in map(share, processes(mark)) if size]
    return Footprint(sum(shares), len(shares))


class Peak(threading.Thread):
    """Keeps the largest footprint seen until it is stopped."""

    def __init__(self, mark: str) -> None:
        super().__init__(daemon=True)
        self.mark = mark
        self.largest = Footprint(0, 0)
        self.ended = threading.Event()

    def run(self) -> None:
        """Sample until the end."""
        while not self.ended.wait(SAMPLE_SECONDS):
            self.largest = max(self.largest, footprint(self.mark), key=lambda seen: seen.pss)

    def stop(self) -> Footprint:
        """End the sampling and give the largest footprint."""
        self.ended.set()
        self.join()
        return self.largest


def at_rest(mark: str) -> Footprint:
    """The footprint once it has stayed within one part in a hundred for a while, or the last one seen."""
    deadline = time.monotonic() + REST_LIMIT_SECONDS
    reference, since = footprint(mark), time.monotonic()
    while time.monotonic() < deadline and time.monotonic() - since < REST_SECONDS:
        time.sleep(1)
        now = footprint(mark)
        if now.processes != reference.processes or abs(now.pss - reference.pss) > reference.pss / 100:
            reference, since = now, time.monotonic()
    return footprint(mark)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def request(port: int, method: str, path: str, body: object = None) -> bytes:
    """Send one request on a connection of its own; bytes go as they are, anything else as JSON."""
    connection = HTTPConnection("127.0.0.1", port, timeout=600)
    raw = isinstance(body, bytes)
    try:
        connection.request(
            method,
            path,
            body=body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/octet-stream" if raw else "application/json"},
        )
        response = connection.getresponse()
        answer = response.read()
    finally:
        connection.close()
    if response.status != 200:
        raise Failed(f"{method} {path}: {response.status} {answer[:200].decode(errors='replace')}")
    return answer


def call(port: int, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Call a method of the REST API."""
    answer: dict[str, Any] = json.loads(request(port, "POST", API + path, body))
    return answer


def await_health(port: int, server: subprocess.Popen[bytes]) -> None:
    """Wait until the server answers."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise Failed(f"the server ended with {server.returncode}")
        with suppress(OSError, HTTPException, Failed):
            request(port, "GET", "/health")
            return
        time.sleep(0.5)
    raise Failed(f"the server didn't answer within {START_SECONDS} seconds")


def environment(workers: int, *, jobs: bool, port: int, directory: Path, stores: Stores) -> dict[str, str]:
    """The environment of a server."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("MLFLOW_") or name == "MLFLOW_S3_ENDPOINT_URL"
    }
    return kept | {
        "HOME": "/nonexistent",
        "TMPDIR": str(directory),
        "MLFLOW_ARTIFACTS_DESTINATION": stores.artifacts or str(directory / "artifacts"),
        "MLFLOW_BACKEND_STORE_URI": stores.backend or f"sqlite:///{directory}/mlflow.db",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_HOST": "127.0.0.1",
        "MLFLOW_PORT": str(port),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": str(jobs).lower(),
        "MLFLOW_WORKERS": str(workers),
    }


def stop(server: subprocess.Popen[bytes], mark: str) -> None:
    """End the server, and whatever it leaves behind."""
    server.terminate()
    with suppress(subprocess.TimeoutExpired):
        server.wait(STOP_SECONDS)
    for pid in processes(mark):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    server.wait()


@contextmanager
def running(python: Path, workers: int, *, jobs: bool, stores: Stores) -> Iterator[tuple[int, str]]:
    """A server that answers: its port, and the mark of its processes."""
    port, mark = free_port(), uuid.uuid4().hex
    with tempfile.TemporaryDirectory(prefix="footprint-") as name:
        directory = Path(name)
        log = directory / "server.log"
        variables = environment(workers, jobs=jobs, port=port, directory=directory, stores=stores) | {MARK: mark}
        with log.open("wb") as output:
            server = subprocess.Popen(
                [python, "-m", "mlflow", "server"], env=variables, cwd=directory, stdout=output, stderr=output
            )
        try:
            await_health(port, server)
            yield port, mark
        except Failed:
            sys.stderr.write(log.read_text(errors="replace")[-4000:])
            raise
        finally:
            stop(server, mark)


def client(port: int, experiment: str, load: Load) -> None:
    """Create runs with metrics, and send an artifact through the server and back."""
    artifact = os.urandom(load.artifact)
    for number in range(load.rounds):
        run = call(port, "/runs/create", {"experiment_id": experiment, "start_time": 0})["run"]["info"]
        metrics = [{"key": f"m{step % 10}", "value": step, "timestamp": step, "step": step} for step in range(METRICS)]
        call(port, "/runs/log-batch", {"run_id": run["run_id"], "metrics": metrics})
        prefix = run["artifact_uri"].removeprefix("mlflow-artifacts:")
        path = f"/api/2.0/mlflow-artifacts/artifacts{prefix}/artifact-{number}.bin"
        request(port, "PUT", path, artifact)
        if len(request(port, "GET", path)) != load.artifact:
            raise Failed("an artifact came back in another size")
        call(port, "/runs/search", {"experiment_ids": [experiment], "max_results": 100})


def loaded(port: int, mark: str, load: Load) -> Footprint:
    """The largest footprint while all clients are at work."""
    experiment = call(port, "/experiments/create", {"name": f"footprint-{mark}"})["experiment_id"]
    peak = Peak(mark)
    peak.start()
    try:
        with ThreadPoolExecutor(load.clients) as pool:
            for done in [pool.submit(client, port, experiment, load) for _ in range(load.clients)]:
                done.result()
    except (OSError, HTTPException) as error:
        raise Failed(f"a client was cut off: {error}") from error
    finally:
        largest = peak.stop()
    return largest


def measure(python: Path, workers: int, load: Load, stores: Stores, *, jobs: bool) -> Row:
    """Measure one way to run the server."""
    with running(python, workers, jobs=jobs, stores=stores) as (port, mark):
        idle = at_rest(mark)
        peak = loaded(port, mark, load)
    return Row(workers, jobs, round(idle.pss / MIB), round(peak.pss / MIB), idle.processes)


def mlflow_version(python: Path) -> str:
    """The version of MLflow that an interpreter has."""
    question = "from importlib.metadata import version; print(version('mlflow'))"
    try:
        return subprocess.run([python, "-c", question], check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        raise Failed(f"{python} has no MLflow") from error


def merged(
    table: dict[str, list[dict[str, Any]]], version: str, rows: Sequence[Row]
) -> dict[str, list[dict[str, Any]]]:
    """The table with the new rows in the place of those for the same version, workers and jobs."""
    by_kind = {(row["workers"], row["jobs"]): row for row in table.get(version, [])}
    by_kind |= {(row.workers, row.jobs): asdict(row) for row in rows}
    return dict(sorted((table | {version: [by_kind[kind] for kind in sorted(by_kind)]}).items()))


def write(path: Path, table: dict[str, list[dict[str, Any]]]) -> None:
    """Write the table beside its place and move it there whole."""
    rows = ",\n".join(
        f"  {json.dumps(version)}: [\n" + ",\n".join(f"    {json.dumps(row)}" for row in rows) + "\n  ]"
        for version, rows in table.items()
    )
    beside = path.with_name(f"{path.name}.new")
    beside.write_text(f"{{\n{rows}\n}}\n")
    beside.replace(path)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--python", type=Path, required=True, help="an interpreter that has MLflow")
    arguments.add_argument("--output", type=Path, required=True, help="the JSON file to write, or to add to")
    arguments.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4], help="default: 1 2 4")
    arguments.add_argument("--jobs", nargs="+", choices=("off", "on"), default=["off", "on"], help="default: off on")
    arguments.add_argument("--clients", type=int, default=4, help="clients at once (default: 4)")
    arguments.add_argument("--rounds", type=int, default=3, help="runs that each client creates (default: 3)")
    arguments.add_argument("--artifact-mib", type=int, default=100, help="size of an artifact (default: 100)")
    arguments.add_argument("--backend-store-uri", metavar="URI", help="default: an SQLite file of the run")
    arguments.add_argument("--artifacts-destination", metavar="URI", help="default: a directory of the run")
    return arguments


def main() -> int:
    """Measure what the command line asks for, writing after each row."""
    options = parser().parse_args()
    load = Load(options.clients, options.rounds, options.artifact_mib * MIB)
    stores = Stores(options.backend_store_uri, options.artifacts_destination)
    # Not resolved: an interpreter knows its environment by the link it is called through.
    python = options.python.absolute()
    try:
        version = mlflow_version(python)
        for workers, jobs in product(options.workers, options.jobs):
            row = measure(python, workers, load, stores, jobs=jobs == "on")
            print(json.dumps({version: asdict(row)}), flush=True)
            table = json.loads(options.output.read_text()) if options.output.exists() else {}
            write(options.output, merged(table, version, [row]))
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
