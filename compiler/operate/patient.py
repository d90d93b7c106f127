"""What `doctor` examines: an environment in a cluster. Everything is read once, when a check first asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from compiler.cluster import Object, Refused, Shell
from compiler.operate.inside import ask, program
from compiler.operate.target import CONTAINER, PART_OF, SERVER, Target
from compiler.operate.watch import WAITS

SCHEMA = "schema.py"


class Absent(Refused):
    """What is needed is not there; the message is the reason, for which a check is skipped."""


@dataclass(frozen=True)
class Patient:
    """An environment. `stamp` makes the names of what is written for a moment its own."""

    target: Target
    stamp: str = ""

    @cached_property
    def namespace(self) -> Object | None:
        """The namespace."""
        return self.target.cluster.get("namespace", self.target.namespace)

    @cached_property
    def pods(self) -> list[Object]:
        """All pods of the environment."""
        return self.target.find("pods", PART_OF)

    @cached_property
    def events(self) -> list[Object]:
        """What happened in the namespace lately."""
        return self.target.find("events")

    @cached_property
    def deployment(self) -> Object | None:
        """The server."""
        return self.target.get("deployment", "mlflow")

    @cached_property
    def secrets(self) -> Mapping[str, Object | None]:
        """The Secrets that the environment refers to."""
        get, namespace = self.target.cluster.get, self.target.namespace
        return {each.name: get("secret", each.name, namespace, history=True) for each in self.target.overlay.secrets}

    @cached_property
    def settings(self) -> Mapping[str, str]:
        """The settings that the server runs with."""
        if self.deployment is None:
            raise Absent("the server is not deployed")
        containers = self.deployment["spec"]["template"]["spec"]["containers"]
        server: Object = next((each for each in containers if each["name"] == CONTAINER), {})
        names = [each["configMapRef"]["name"] for each in server.get("envFrom") or [] if "configMapRef" in each]
        found: dict[str, str] = {}
        for name in names:
            found |= (self.target.get("configmap", name) or {}).get("data") or {}
        return found | {each["name"]: each["value"] for each in server.get("env") or [] if each.get("value")}

    @cached_property
    def servers(self) -> list[Object]:
        """The pods of the server."""
        return self.target.find("pods", SERVER)

    def shell(self, *containers: str) -> Shell:
        """The first of these containers that runs in a pod of the server. Raises `Absent` where none does."""
        for pod in self.servers:
            status = pod.get("status") or {}
            states = (*(status.get("containerStatuses") or []), *(status.get("initContainerStatuses") or []))
            running = {each["name"] for each in states if "running" in (each.get("state") or {})}
            for name in containers:
                if name in running:
                    return self.target.cluster.shell(pod["metadata"]["name"], name, self.target.namespace)
        raise Absent("no container of the server runs that could be asked")

    @cached_property
    def store(self) -> list[dict[str, Any]]:
        """What the store did when it was tried out from the server's pod."""
        uri, name = self.target.environment.artifacts.uri, f".mlflow-overlays-{self.stamp}"
        return list(ask(self.shell(CONTAINER), self.target.overlay, program("store"), [uri, name]))

    @cached_property
    def databases(self) -> list[dict[str, Any]]:
        """What the databases say to the server's pod, or to the one that waits for them."""
        shell = self.shell(CONTAINER, WAITS)
        return list(ask(shell, self.target.overlay, program("database", {"schema": schema(self.target)})))


def schema(target: Target) -> str:
    """The program schema.py, as the environment has it. Raises `Absent` where it is not built."""
    for each in target.built("ConfigMap"):
        if SCHEMA in (each.data.get("data") or {}):
            return str(each.data["data"][SCHEMA])
    raise Absent("the overlay does not build, so that schema.py is not at hand")
