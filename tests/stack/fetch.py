"""Asks for addresses: run in a pod, not imported.

fetch.py URL...            prints the status of each as JSON; a failure is its own words; logs in as FETCH_LOGIN says
fetch.py --connect ADDR... only opens a connection to each host:port
"""

from __future__ import annotations

import base64
import json
import os
import socket
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

SECONDS = 3.0
ANSWER_SECONDS = 30.0
"""A login is slow to check on a busy machine."""


def status(url: str) -> int | str:
    """The status of an answer, whatever it is."""
    login = base64.b64encode(os.environ["FETCH_LOGIN"].encode()).decode() if "FETCH_LOGIN" in os.environ else ""
    request = urllib.request.Request(url, headers={"Authorization": f"Basic {login}"} if login else {})
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError as error:
        return f"{type(error).__name__}: {error}"


def connected(address: str) -> int | str:
    """1 where a connection can be opened."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=SECONDS).close()
    except OSError as error:
        return f"{type(error).__name__}: {error}"
    return 1


def main() -> None:
    """Prints one line of JSON."""
    ask, names = (connected, sys.argv[2:]) if sys.argv[1] == "--connect" else (status, sys.argv[1:])
    with ThreadPoolExecutor(len(names)) as threads:
        answers = dict(zip(names, threads.map(ask, names), strict=True))
    sys.stdout.write(f"\n{json.dumps(answers)}\n")


if __name__ == "__main__":
    main()
