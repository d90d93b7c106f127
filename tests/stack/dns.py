"""The cluster's DNS server: answers the names it is given, and says of all others that there are none."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Mapping

from .network import DNS, Network, addresses, inside

A = 1
ANY_CLASS_IN = 1
NXDOMAIN = 3


class Server:
    """A thread that answers on the address of the cluster's DNS until it is closed."""

    def __init__(self, network: Network, names: Mapping[str, str]) -> None:
        self._names = names
        with inside(network.node):
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((DNS, 53))
        threading.Thread(target=self._serve, name="dns", daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                query, peer = self._socket.recvfrom(4096)
                self._socket.sendto(answer(query, self._names), peer)
            except OSError:
                return

    def close(self) -> None:
        """Stops answering."""
        self._socket.close()


def answer(query: bytes, names: Mapping[str, str]) -> bytes:
    """The answer to a query of one question."""
    labels, position = [], 12
    while query[position]:
        length = query[position]
        labels.append(query[position + 1 : position + 1 + length].decode("ascii"))
        position += length + 1
    end = position + 5
    (kind,) = struct.unpack_from(">H", query, position + 1)
    found = addresses(names, ".".join(labels))
    records = found if kind == A else []
    header = struct.pack(">2sHHHHH", query[:2], 0x8580 | (0 if found else NXDOMAIN), 1, len(records), 0, 0)
    body = b"".join(
        struct.pack(">HHHIH4s", 0xC00C, A, ANY_CLASS_IN, 1, 4, socket.inet_aton(address)) for address in records
    )
    return header + query[12:end] + body
