"""The real parts: tools of the lock file, servers that stand in for Amazon and for other stores, and what asks them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.stack.programs import environment, server

HERE = Path(__file__).resolve().parent
ADMIN = {"AWS_ACCESS_KEY_ID": "administrator", "AWS_SECRET_ACCESS_KEY": "administrators-secret"}
Step = tuple[str, ...]


def programs() -> Path:
    """The folder of the tools' programs. Raises `Missing`."""
    return environment("documents.lock").home / "bin"


def run(*words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs a program, with the tools first on its path and nothing of the machine's own settings of clouds."""
    known = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "CLUSTER", "TF_"))}
    known |= {"PATH": f"{programs()}:{known['PATH']}", "AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": ""}
    known |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    command = [str(word) for word in words]
    return subprocess.run(command, env={**known, **variables}, capture_output=True, text=True, check=False, timeout=300)


@dataclass(frozen=True)
class Store:
    """A server that is running, and how an administrator logs in to it."""

    endpoint: str
    admin: Mapping[str, str] = field(default_factory=lambda: ADMIN)

    def script(self, file: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs a script of the documents as the administrator."""
        return run("sh", file, **{"AWS_ENDPOINT_URL": self.endpoint, **self.admin, **variables})

    def aws(self, *words: str) -> Any:
        """The answer of the command line of Amazon to the administrator; None where it is empty."""
        region = {"AWS_DEFAULT_REGION": "eu-central-1", "AWS_ENDPOINT_URL": self.endpoint}
        done = run("aws", *words, "--output", "json", **region, **self.admin)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def ask(self, keys: Mapping[str, str], steps: Sequence[Step]) -> list[str]:
        """What comes of each step for the holder of some keys."""
        words = [str(programs() / "python"), str(HERE / "probe.py")]
        variables = {"ENDPOINT": self.endpoint, "AWS_DEFAULT_REGION": "eu-central-1", **keys}
        known = {"PATH": os.environ["PATH"], "AWS_EC2_METADATA_DISABLED": "true", **variables}
        asked = json.dumps(steps)
        done = subprocess.run(words, input=asked, env=known, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
        return [str(each) for each in json.loads(done.stdout)]


def port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def started(words: Sequence[str], where: str, log: Path, **variables: str) -> Iterator[None]:
    """A server, from when it answers at an address until the end."""
    with log.open("w") as file:
        process = subprocess.Popen(words, stdout=file, stderr=file, env={**os.environ, **variables})
        try:
            _await(process, where, log)
            yield
        finally:
            process.terminate()
            process.wait(30)


def _await(process: subprocess.Popen[bytes], where: str, log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(where, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(log.read_text())


@contextmanager
def amazon(folder: Path) -> Iterator[Store]:
    """moto, which lets everybody do everything until `strict`."""
    number = port()
    endpoint = f"http://127.0.0.1:{number}"
    words = [str(programs() / "moto_server"), "-H", "127.0.0.1", "-p", str(number)]
    with started(words, f"{endpoint}/moto-api/", folder / "moto.log"):
        yield Store(endpoint)


def tell(store: Store, path: str, body: str = "") -> None:
    """Tells moto itself something."""
    request = urllib.request.Request(f"{store.endpoint}/moto-api/{path}", data=body.encode(), method="POST")
    request.add_header("Content-Type", "text/plain")
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 200


@contextmanager
def minio(folder: Path) -> Iterator[Store]:
    """A real MinIO. Raises `Missing`."""
    number = port()
    endpoint = f"http://127.0.0.1:{number}"
    admin = {"MINIO_ROOT_USER": ADMIN["AWS_ACCESS_KEY_ID"], "MINIO_ROOT_PASSWORD": ADMIN["AWS_SECRET_ACCESS_KEY"]}
    words = [server("minio")["path"], "server", str(folder / "data"), "--address", f"127.0.0.1:{number}"]
    with started(words, f"{endpoint}/minio/health/ready", folder / "minio.log", MINIO_BROWSER="off", **admin):
        yield Store(endpoint)


def mc(folder: Path, *words: str, said: str = "") -> str:
    """What MinIO's own client prints."""
    command = [server("mc")["path"], "--config-dir", str(folder / "mc"), *words]
    done = subprocess.run(command, input=said, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
