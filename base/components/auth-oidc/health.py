"""Ask MLflow for its health from inside its pod: it listens on the loopback address, which no other probe reaches."""

from __future__ import annotations

import http.client
import os
import sys

SECONDS = 4


def main() -> int:
    """Return 0 where MLflow says that it is healthy."""
    server = http.client.HTTPConnection("127.0.0.1", int(os.environ["MLFLOW_PORT"]), timeout=SECONDS)
    server.request("GET", os.environ.get("MLFLOW_STATIC_PREFIX", "") + "/health", headers={"Host": "localhost"})
    return int(server.getresponse().status != http.client.OK)


if __name__ == "__main__":
    sys.exit(main())
