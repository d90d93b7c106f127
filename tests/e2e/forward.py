"""`kubectl port-forward` to the server, for as long as it is needed."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compiler.build import kubectl
from tests.cluster.kubectl import Kubectl
from tests.stack.wait import until

SECONDS = 30


@contextmanager
def forwarded(client: Kubectl, namespace: str, service: str, port: int) -> Iterator[str]:
    """The address on this machine that leads to a port of a Service."""
    context = [f"--context={client.context}"] if client.context else []
    command = [kubectl().path, *context, "port-forward", f"--namespace={namespace}", "--address=127.0.0.1"]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with (
            log.open("wb") as output,
            subprocess.Popen(
                [*command, f"service/{service}", f":{port}"], env=client.environment, stdout=output, stderr=output
            ) as process,
        ):

            def address() -> str:
                words = log.read_text(errors="replace")
                if process.poll() is not None:
                    raise AssertionError(f"kubectl port-forward ended: {words}")
                found = re.search(r"Forwarding from (127\.0\.0\.1:\d+)", words)
                return found[1] if found else ""

            try:
                yield f"http://{until('a forwarded port', address, SECONDS)}"
            finally:
                process.terminate()
