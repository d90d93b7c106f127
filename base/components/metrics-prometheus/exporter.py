"""Serve the metrics that the server's processes write to the folder METRICS_DIRECTORY, on the port METRICS_PORT.

The server itself has /metrics too, but answers there only to hosts that it knows and, with a login, only to administrators,
whose passwords it looks up in a database. Here nobody asks the server, so that metrics are there when it fails.
"""

from __future__ import annotations

import os
import signal

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector


def main() -> None:
    """Serve until the container is told to end."""
    ending = {signal.SIGTERM, signal.SIGINT}
    # Before any thread starts, so that none of them is ended by a signal.
    signal.pthread_sigmask(signal.SIG_BLOCK, ending)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, os.environ["METRICS_DIRECTORY"])
    start_http_server(int(os.environ["METRICS_PORT"]), registry=registry)
    signal.sigwait(ending)


if __name__ == "__main__":
    main()
