"""Kubelet's probes: httpGet, tcpSocket and exec, against the address of the pod."""

from __future__ import annotations

import http.client
import socket
import ssl
import subprocess
from dataclasses import dataclass

from .network import Network, inside
from .sandbox import Process
from .spec import Spec

FINE = range(200, 400)
UNVERIFIED = ssl.create_default_context()
UNVERIFIED.check_hostname = False
UNVERIFIED.verify_mode = ssl.CERT_NONE


@dataclass(frozen=True)
class Verdict:
    """Whether a probe succeeded, and what it saw."""

    success: bool
    detail: str


def look(probe: Spec, container: Spec, process: Process, network: Network) -> Verdict:
    """Runs a probe once."""
    seconds = float(probe.get("timeoutSeconds", 1))
    try:
        if "exec" in probe:
            done = process.execute(probe["exec"]["command"], seconds)
            return Verdict(done.returncode == 0, (done.stdout + done.stderr).strip())
        address = process.box.link.address
        with inside(network.node):
            if "tcpSocket" in probe:
                port = number(probe["tcpSocket"]["port"], container)
                socket.create_connection((address, port), timeout=seconds).close()
                return Verdict(success=True, detail="connected")
            return _get(probe["httpGet"], address, container, seconds)
    except (OSError, http.client.HTTPException, subprocess.TimeoutExpired) as error:
        return Verdict(success=False, detail=f"{type(error).__name__}: {error}")


def _get(action: Spec, address: str, container: Spec, seconds: float) -> Verdict:
    port = number(action["port"], container)
    headers = {"User-Agent": "kube-probe/1.34", "Accept": "*/*", "Connection": "close", "Host": f"{address}:{port}"}
    headers |= {header["name"]: header["value"] for header in action.get("httpHeaders") or []}
    connection = http.client.HTTPConnection(address, port, timeout=seconds)
    if action.get("scheme") == "HTTPS":
        # Kubelet verifies no certificate.
        connection = http.client.HTTPSConnection(address, port, timeout=seconds, context=UNVERIFIED)
    try:
        connection.request("GET", action.get("path", "/"), headers=headers)
        answer = connection.getresponse()
        return Verdict(answer.status in FINE, f"{answer.status} {answer.read(200).decode(errors='replace')}")
    finally:
        connection.close()


def number(port: int | str, container: Spec) -> int:
    """The number of a port that may be given by its name."""
    if isinstance(port, int):
        return port
    return int(next(each["containerPort"] for each in container.get("ports") or [] if each.get("name") == port))
