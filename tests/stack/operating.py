"""What commands on a cluster find in the stack, which has pods and no API server: a container to run programs in, and names."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any
from unittest.mock import patch

from compiler.cluster import TIMEOUT_SECONDS, Answer
from compiler.environment import Environment
from compiler.overlay import Overlay
from compiler.understand import understand

from .cluster import source
from .network import inside
from .pod import Pod
from .running import Running
from .sandbox import Process


class Container:
    """A container of a pod, as a `Shell`."""

    def __init__(self, pod: Pod, process: Process | None = None) -> None:
        self.process = process or pod.main

    def execute(self, command: Sequence[str], text: str = "", seconds: float = TIMEOUT_SECONDS) -> Answer:
        """Runs a command with a text on its standard input."""
        done = self.process.execute(command, seconds, text)
        return Answer(done.returncode, done.stdout, done.stderr)

    def read(self, command: Sequence[str], sink: IO[bytes]) -> Answer:
        """Runs a command whose standard output goes into a file."""
        done = self.process.stream(command, None, sink)
        return Answer(done.returncode, "", done.stderr.decode())

    def write(self, command: Sequence[str], source: IO[bytes]) -> Answer:
        """Runs a command that a file is the standard input of."""
        done = self.process.stream(command, source, None)
        return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())


def asked(name: str) -> tuple[Environment, Overlay]:
    """What an environment of the stack asks for."""
    found = understand(name, f"overlays/{name}/environment.yaml", source(name).read_bytes())
    assert isinstance(found.environment, Environment), found.diagnostics
    assert found.overlay is not None
    return found.environment, found.overlay


@contextmanager
def names(running: Running, **known: str) -> Iterator[None]:
    """This thread on the node, where these names (with `_` for `.`) have addresses, and no other name has one."""
    addresses = {name.replace("_", "."): address for name, address in known.items()}

    def resolved(host: str, port: int, *rest: Any, **more: Any) -> list[Any]:
        if host in addresses:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (addresses[host], port))]
        if host.replace(".", "").isdigit():
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with inside(running.cluster.network.node), patch.object(socket, "getaddrinfo", resolved):
        yield
