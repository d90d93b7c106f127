"""An API server asked over one connection: would it create an object, strictly? A dry run keeps nothing."""

from __future__ import annotations

import http.client
import json
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .kubectl import TIMEOUT_SECONDS, Object

QUERY = "?dryRun=All&fieldValidation=Strict"


@dataclass
class Rest:
    """A connection to the server of a kubeconfig of these tests, and a namespace of it that objects are tried in."""

    kubeconfig: Path
    namespace: str
    known: dict[str, dict[str, tuple[str, bool]]] = field(default_factory=dict)
    """For each version of the API, what its kinds are called in paths, and whether they are in a namespace."""

    def __post_init__(self) -> None:
        config = json.loads(self.kubeconfig.read_text(encoding="utf-8"))
        cluster = config["clusters"][0]["cluster"]
        trust = ssl.create_default_context(cafile=cluster["certificate-authority"])
        place = urlsplit(cluster["server"])
        self._connection = http.client.HTTPSConnection(
            str(place.hostname), place.port, context=trust, timeout=TIMEOUT_SECONDS
        )
        self._headers = {
            "Authorization": f"Bearer {config['users'][0]['user']['token']}",
            "Content-Type": "application/json",
        }

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()

    def refusal(self, thing: Object) -> str:
        """What the server has against creating an object; nothing where it would. Warnings count."""
        version = str(thing["apiVersion"])
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        name, namespaced = self._kinds(version, root)[thing["kind"]]
        metadata = {key: value for key, value in thing["metadata"].items() if key != "namespace"}
        if namespaced:
            metadata["namespace"] = self.namespace
            root = f"{root}/namespaces/{self.namespace}"
        status, warning, answer = self._ask("POST", f"{root}/{name}{QUERY}", {**thing, "metadata": metadata})
        return f"{status}: {answer.get('message')}" if status >= http.client.BAD_REQUEST else warning

    def _kinds(self, version: str, root: str) -> dict[str, tuple[str, bool]]:
        if version not in self.known:
            _, _, answer = self._ask("GET", root)
            whole = [each for each in answer["resources"] if "/" not in each["name"]]
            self.known[version] = {each["kind"]: (each["name"], each["namespaced"]) for each in whole}
        return self.known[version]

    def _ask(self, method: str, path: str, body: Object | None = None) -> tuple[int, str, dict[str, Any]]:
        self._connection.request(method, path, json.dumps(body) if body else None, self._headers)
        answer = self._connection.getresponse()
        return answer.status, answer.headers.get("Warning", ""), json.loads(answer.read())
