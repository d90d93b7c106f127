"""Says which addresses can be reached from a pod: run in it, not imported.

probe.py HOST:PORT ...   prints one line of JSON, each address with true or false
"""

from __future__ import annotations

import json
import socket
import sys

SECONDS = 5


def reached(address: str) -> bool:
    """Whether something accepts a connection there."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), SECONDS).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.stdout.write(json.dumps({address: reached(address) for address in sys.argv[1:]}) + "\n")
