"""A certificate authority for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .network import run
from .programs import tool

DAYS = "2"
KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key, in PEM."""

    text: str
    key: str


class Authority:
    """An authority of its own, with its files in a folder."""

    def __init__(self, folder: Path, name: str = "stack test authority") -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self.bundle = folder / "ca.crt"
        self._key = folder / "ca.key"
        self._openssl("req", "-x509", *KEY, "-keyout", str(self._key), "-out", str(self.bundle), "-subj", f"/CN={name}")

    def certificate(self, *names: str) -> Certificate:
        """A server's certificate for DNS names and addresses."""
        alternatives = ",".join(f"{'IP' if name[0].isdigit() else 'DNS'}:{name}" for name in names)
        key, text = self._folder / "server.key", self._folder / "server.crt"
        extension = ["-addext", f"subjectAltName={alternatives}", "-addext", "basicConstraints=critical,CA:FALSE"]
        signer = ["-CA", str(self.bundle), "-CAkey", str(self._key)]
        files = ["-keyout", str(key), "-out", str(text)]
        self._openssl("req", "-x509", *signer, *KEY, *files, "-subj", "/CN=stack", *extension)
        return Certificate(text.read_text(encoding="ascii"), key.read_text(encoding="ascii"))

    def _openssl(self, command: str, *arguments: str) -> None:
        words: Sequence[str] = (tool("openssl", "openssl"), command, *arguments, "-days", DAYS, "-batch")
        run(*words)
