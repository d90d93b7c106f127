"""What kubelet works out of a container's spec before it starts a process: environment, command, users, and refusals."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Spec = dict[str, Any]
_REFERENCE = re.compile(r"\$(\$|\(([^()$\s]*)\))")
_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
API = {
    "KUBERNETES_SERVICE_HOST": "10.96.0.1",
    "KUBERNETES_SERVICE_PORT": "443",
    "KUBERNETES_SERVICE_PORT_HTTPS": "443",
    "KUBERNETES_PORT": "tcp://10.96.0.1:443",
    "KUBERNETES_PORT_443_TCP": "tcp://10.96.0.1:443",
    "KUBERNETES_PORT_443_TCP_PROTO": "tcp",
    "KUBERNETES_PORT_443_TCP_PORT": "443",
    "KUBERNETES_PORT_443_TCP_ADDR": "10.96.0.1",
}
"""The API server's Service, which every container is told of, whatever `enableServiceLinks` says."""


class Unstartable(Exception):
    """A container that kubelet can't start, in kubelet's words."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason


@dataclass
class Objects:
    """The objects of a namespace, as documents, by kind and name."""

    namespace: str
    documents: dict[tuple[str, str], Spec] = field(default_factory=dict)

    def add(self, document: Spec) -> None:
        """Adds an object, or replaces it."""
        self.documents[document["kind"], document["metadata"]["name"]] = document

    def all(self, kind: str) -> list[Spec]:
        """The objects of a kind."""
        return [document for (each, _), document in self.documents.items() if each == kind]

    def data(self, kind: str, name: str) -> dict[str, bytes] | None:
        """The content of a ConfigMap or Secret; None where there is none of that name."""
        document = self.documents.get((kind, name))
        if document is None:
            return None
        plain = (document.get("data") if kind == "ConfigMap" else document.get("stringData")) or {}
        coded = (document.get("binaryData") if kind == "ConfigMap" else document.get("data")) or {}
        return {key: base64.b64decode(value) for key, value in coded.items()} | {
            key: str(value).encode() for key, value in plain.items()
        }


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """`$(NAME)` replaced where NAME is known; `$$` stands for `$`."""

    def value(match: re.Match[str]) -> str:
        if match[1] == "$":
            return "$"
        return variables.get(match[2], match[0])

    return _REFERENCE.sub(value, text)


def variables(container: Spec, objects: Objects, links: Mapping[str, str]) -> dict[str, str]:
    """The environment of a container: first the Services, then envFrom, then env, each over the one before."""
    result = {**links}
    for source in container.get("envFrom") or []:
        result |= _all_of(source, objects)
    for entry in container.get("env") or []:
        value = _value(entry, objects, result)
        if value is not None:
            result[entry["name"]] = value
    return result


def _all_of(source: Spec, objects: Objects) -> Iterator[tuple[str, str]]:
    kind, reference = ("ConfigMap", "configMapRef") if "configMapRef" in source else ("Secret", "secretRef")
    data = objects.data(kind, source[reference]["name"])
    if data is None:
        if not source[reference].get("optional"):
            raise _absent(kind, source[reference]["name"])
        return
    for key, value in data.items():
        name = source.get("prefix", "") + key
        if _NAME.fullmatch(name):
            yield name, value.decode()


def _value(entry: Spec, objects: Objects, known: Mapping[str, str]) -> str | None:
    if "valueFrom" not in entry:
        return expanded(str(entry.get("value", "")), known)
    for kind, reference in (("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")):
        if reference in entry["valueFrom"]:
            return _keyed(kind, entry["valueFrom"][reference], objects)
    if entry["valueFrom"].get("fieldRef", {}).get("fieldPath") == "metadata.namespace":
        return objects.namespace
    raise NotImplementedError(f"valueFrom {entry['valueFrom']}")


def _keyed(kind: str, reference: Spec, objects: Objects) -> str | None:
    data = objects.data(kind, reference["name"])
    if data is not None and reference["key"] in data:
        return data[reference["key"]].decode()
    if reference.get("optional"):
        return None
    if data is None:
        raise _absent(kind, reference["name"])
    message = f"couldn't find key {reference['key']} in {kind} {objects.namespace}/{reference['name']}"
    raise Unstartable("CreateContainerConfigError", message)


def _absent(kind: str, name: str) -> Unstartable:
    return Unstartable("CreateContainerConfigError", f'{kind.lower()} "{name}" not found')


def command(container: Spec, environment: Mapping[str, str]) -> list[str]:
    """The words of a container's process."""
    if not container.get("command"):
        raise NotImplementedError(f"{container['name']}: the command of an image is not known here")
    words = [*container["command"], *(container.get("args") or [])]
    return [expanded(word, environment) for word in words]


def identity(pod: Spec, container: Spec) -> tuple[int, int, int | None]:
    """User, group, and the group of volumes."""
    whole, own = pod.get("securityContext") or {}, container.get("securityContext") or {}
    user = own.get("runAsUser", whole.get("runAsUser"))
    if user is None or user == 0:
        if own.get("runAsNonRoot", whole.get("runAsNonRoot")):
            raise Unstartable("CreateContainerConfigError", "container has runAsNonRoot and image will run as root")
        user = user or 0
    return user, own.get("runAsGroup", whole.get("runAsGroup", 0)), whole.get("fsGroup")


def service_links(pod: Spec, services: Mapping[str, tuple[str, list[Spec]]]) -> dict[str, str]:
    """The variables that tell a container of the Services of its namespace."""
    result = dict(API)
    if pod.get("enableServiceLinks") is False:
        return result
    for name, (address, ports) in services.items():
        prefix = name.upper().replace("-", "_")
        first = ports[0]["port"]
        result |= {f"{prefix}_SERVICE_HOST": address, f"{prefix}_SERVICE_PORT": str(first)}
        result |= {f"{prefix}_PORT": f"tcp://{address}:{first}"}
    return result
