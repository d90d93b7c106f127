"""A client of a language server, over its standard streams: as much of an editor as the tests need.

The protocol is the Language Server Protocol 3.17: JSON-RPC 2.0 with a header that gives the length of each message.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

CAPABILITIES = {
    "workspace": {"configuration": True},
    "textDocument": {
        "hover": {"contentFormat": ["markdown"]},
        "completion": {"completionItem": {"snippetSupport": True, "documentationFormat": ["markdown", "plaintext"]}},
    },
}
SETTINGS = {"yaml": {"validate": True, "hover": True, "completion": True, "schemaStore": {"enable": False}}}


class Client:
    """An editor with one file open."""

    def __init__(self, to: IO[bytes], of: IO[bytes], file: Path) -> None:
        self.to, self.of = to, of
        self.uri = file.as_uri()
        self.calls = self.version = 0
        self.published: list[list[dict[str, Any]]] = []
        self.ask("initialize", {"processId": None, "rootUri": file.parent.as_uri(), "capabilities": CAPABILITIES})
        self._send({"method": "initialized", "params": {}})
        self._send({"method": "workspace/didChangeConfiguration", "params": {"settings": SETTINGS}})

    def show(self, text: str) -> list[dict[str, Any]]:
        """Puts a text into the open file and returns what the server finds in it."""
        self.version += 1
        self.published.clear()
        document: dict[str, Any] = {"uri": self.uri, "version": self.version}
        if self.version == 1:
            opened = {"textDocument": {**document, "languageId": "yaml", "text": text}}
            self._send({"method": "textDocument/didOpen", "params": opened})
        else:
            changed = {"textDocument": document, "contentChanges": [{"text": text}]}
            self._send({"method": "textDocument/didChange", "params": changed})
        while not self.published:
            self._take(self._receive())
        return self.published[-1]

    def at(self, method: str, line: int, character: int) -> Any:
        """What the server answers for a position in the open file, both counted from 0."""
        position = {"line": line, "character": character}
        return self.ask(f"textDocument/{method}", {"textDocument": {"uri": self.uri}, "position": position})

    def ask(self, method: str, params: Any) -> Any:
        """Sends a request and returns its result."""
        self.calls += 1
        number = self.calls
        self._send({"id": number, "method": method, "params": params})
        while True:
            message = self._receive()
            if "method" not in message and message["id"] == number:
                assert "error" not in message, message
                return message["result"]
            self._take(message)

    def leave(self) -> None:
        """Ends the server as an editor does."""
        self.ask("shutdown", None)
        self._send({"method": "exit"})

    def _take(self, message: dict[str, Any]) -> None:
        """Answers what the server asks, and keeps what it publishes of the text that is shown."""
        if message.get("method") == "workspace/configuration":
            answer = [SETTINGS.get(item.get("section"), {}) for item in message["params"]["items"]]
            self._send({"id": message["id"], "result": answer})
        elif "id" in message:
            self._send({"id": message["id"], "result": None})
        elif message["method"] == "textDocument/publishDiagnostics" and message["params"]["uri"] == self.uri:
            self.published.append(message["params"]["diagnostics"])

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.to.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self.to.flush()

    def _receive(self) -> dict[str, Any]:
        length = 0
        while header := self.of.readline().strip():
            name, _, value = header.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        assert length, "the server ended"
        message: dict[str, Any] = json.loads(self.of.read(length))
        return message


@contextmanager
def editing(command: Sequence[str | Path], file: Path) -> Iterator[Client]:
    """A server that runs, with an editor for one file."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin
        assert server.stdout
        try:
            client = Client(server.stdin, server.stdout, file)
            yield client
            client.leave()
            server.wait(30)
        finally:
            server.kill()
