"""A control plane for one test run: etcd and kube-apiserver on random ports of this machine's loopback, in one directory."""

from __future__ import annotations

import base64
import json
import os
import secrets
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.stack.wait import Late, until

from .kubectl import HASTE, Kubectl
from .programs import Programs

TRIES = 3
READY_SECONDS = 60
STOP_SECONDS = 20
LOOPBACK = "127.0.0.1"
# PKCS's frame of a private key on the curve P-256: what comes before and after its 32 bytes.
KEY_FRAME = (bytes.fromhex("30310201010420"), bytes.fromhex("a00a06082a8648ce3d030107"))


class Failed(Exception):
    """The control plane did not start; the message ends with its own last words."""


@dataclass(frozen=True)
class Server:
    """A running control plane, and the certificate that it made for itself."""

    kubectl: Kubectl
    certificate: Path
    key: Path


@contextmanager
def running(programs: Programs, directory: Path) -> Iterator[Server]:
    """A control plane of its own, whose every file is in a directory. It is stopped at the end, whatever happens."""
    with ExitStack() as stack:
        yield _entered(stack, programs, directory)


def _entered(stack: ExitStack, programs: Programs, directory: Path) -> Server:
    """A port that was free may be taken a moment later, so another set is tried."""
    for attempt in range(1, TRIES + 1):
        home = directory / f"server-{attempt}"
        home.mkdir(mode=0o700)
        try:
            return stack.enter_context(_started(programs, home))
        except Failed:
            if attempt == TRIES:
                raise
    raise AssertionError("there is at least one try")


@contextmanager
def _started(programs: Programs, home: Path) -> Iterator[Server]:
    client, peer, port = _free_ports(3)
    token = secrets.token_hex(32)
    _write(home / "sa.key", _signing_key())
    _write(home / "tokens.csv", f'{token},admin,admin,"system:masters"\n')
    _write(home / "kubeconfig", _kubeconfig(port, home / "certs" / "apiserver.crt", token))
    server = Server(Kubectl(home / "kubeconfig", home), home / "certs/apiserver.crt", home / "certs/apiserver.key")
    # The last to start is the first to stop: without etcd, the API server would not go for a long time.
    with (
        _process([str(programs.etcd), *_etcd(home, client, peer)], home / "etcd.log") as etcd,
        _process([str(programs.kube_apiserver), *_apiserver(home, client, port)], home / "apiserver.log") as apiserver,
    ):

        def ready() -> bool:
            if etcd.poll() is not None or apiserver.poll() is not None:
                raise Failed(_last_words(home))
            return server.certificate.is_file() and server.kubectl.run("get", "--raw", "/readyz").code == 0

        try:
            until("the API server is ready", ready, READY_SECONDS)
        except Late as late:
            raise Failed(f"{late}\n{_last_words(home)}") from None
        yield server


def _etcd(home: Path, client: int, peer: int) -> list[str]:
    return [
        "--name=test",
        f"--data-dir={home / 'etcd'}",
        f"--listen-client-urls=http://{LOOPBACK}:{client}",
        f"--advertise-client-urls=http://{LOOPBACK}:{client}",
        f"--listen-peer-urls=http://{LOOPBACK}:{peer}",
        f"--initial-advertise-peer-urls=http://{LOOPBACK}:{peer}",
        f"--initial-cluster=test=http://{LOOPBACK}:{peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def _apiserver(home: Path, etcd: int, port: int) -> list[str]:
    """Pod Security and ServiceAccount admission are on by default, and stay on."""
    return [
        f"--etcd-servers=http://{LOOPBACK}:{etcd}",
        f"--bind-address={LOOPBACK}",
        f"--advertise-address={LOOPBACK}",
        f"--secure-port={port}",
        f"--cert-dir={home / 'certs'}",
        "--service-cluster-ip-range=10.96.0.0/24",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-signing-key-file={home / 'sa.key'}",
        f"--service-account-key-file={home / 'sa.key'}",
        f"--token-auth-file={home / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        "--endpoint-reconciler-type=none",
    ]


@contextmanager
def _process(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a session of its own, so that an interrupt from the keyboard leaves its end to us."""
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(log.parent), **HASTE}
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, start_new_session=True
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [each.getsockname()[1] for each in sockets]


def _signing_key() -> str:
    """A private key for the tokens of service accounts: on this curve it is just a random number, in a frame."""
    before, after = KEY_FRAME
    # Below 0xff…, so below the order of the curve.
    number = bytes([secrets.randbelow(0xFF)]) + secrets.token_bytes(31)
    text = base64.encodebytes(before + number + after).decode()
    return f"-----BEGIN EC PRIVATE KEY-----\n{text}-----END EC PRIVATE KEY-----\n"


def _kubeconfig(port: int, certificate: Path, token: str) -> str:
    cluster = {"server": f"https://{LOOPBACK}:{port}", "certificate-authority": str(certificate)}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "current-context": "test",
    }
    return json.dumps(config)


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def _last_words(home: Path) -> str:
    logs = [home / "etcd.log", home / "apiserver.log"]
    return "\n".join(f"{log.name}: {log.read_text(errors='replace')[-1500:]}" for log in logs)
