"""An overlay in the cluster, and what stands in its namespace."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from . import controllers
from .apiserver import Server
from .kubectl import Answer, Kubectl, Object
from .stage import Stage

STRICT = ("--validate=strict", "--warnings-as-errors", "--output=json")
RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
ALL_BUT_THE_NAMESPACE = "--selector=app.kubernetes.io/component notin (namespace, volume)"
MADE_BY_CONTROLLERS = ("events", "events.events.k8s.io", "serviceaccount/default")


@dataclass(frozen=True)
class Applied:
    """An overlay that was applied to a namespace of its own, and the answers to that."""

    server: Server
    stage: Stage
    name: str
    by_hand: tuple[Answer, ...]
    """The answers to the commands of SECRETS.md."""
    answer: Answer

    @property
    def kubectl(self) -> Kubectl:
        """A client of the server."""
        return self.server.kubectl

    @property
    def overlay(self) -> str:
        """The directory that was applied."""
        return str(self.stage.overlay(self.name))

    @property
    def created_by_hand(self) -> list[str]:
        """What those commands created in the namespace, as `kind/name`."""
        created = (re.match(r"((?:secret|serviceaccount)/\S+) created", answer.out) for answer in self.by_hand)
        return [found[1] for found in created if found]

    def versions(self) -> dict[str, str]:
        """The objects that were applied, as `Kind name`, and the version of each on the server."""
        return {name: item["metadata"]["resourceVersion"] for name, item in self._items.items()}

    def objects(self) -> dict[str, Object]:
        """The objects that were applied, as `Kind name`, without their versions."""
        drop = "resourceVersion"
        return {
            name: {**item, "metadata": {key: value for key, value in item["metadata"].items() if key != drop}}
            for name, item in self._items.items()
        }

    @cached_property
    def _items(self) -> dict[str, Object]:
        items = json.loads(self.answer.out)["items"] if self.answer.out else []
        return {f"{item['kind']} {item['metadata']['name']}": item for item in items}

    @property
    def own_volumes(self) -> set[str]:
        """The claims that stand in the overlay itself, as `kind/name`."""
        names = (name.split(" ") for name in self.versions())
        return {f"persistentvolumeclaim/{name}" for kind, name in names if kind == "PersistentVolumeClaim"}

    def claim_volumes(self) -> set[str]:
        """Claims the volumes of every StatefulSet, as its controller would, and returns them as `kind/name`."""
        claims = controllers.claims(self.workloads)
        if claims:
            answer = self.kubectl.create(claims)
            assert answer.code == 0, answer
        return {f"persistentvolumeclaim/{claim['metadata']['name']}" for claim in claims}

    @cached_property
    def workloads(self) -> list[Object]:
        """The objects that controllers make pods from, as the server kept them when it was first asked."""
        return self.kubectl.objects(controllers.WORKLOADS, f"--namespace={self.name}")

    def things(self) -> set[str]:
        """Everything in the namespace, as `kind.group/name`, other than what controllers put there unasked."""
        kinds = ",".join(kind for kind in namespaced(self.kubectl) if kind not in MADE_BY_CONTROLLERS)
        arguments = ["get", kinds, f"--namespace={self.name}", "--output=name", "--ignore-not-found"]
        return set(self.kubectl.must(*arguments).split()) - set(MADE_BY_CONTROLLERS)

    def namespace(self) -> Object:
        """The namespace itself."""
        [found] = self.kubectl.objects("namespace", self.name)
        return found


@cache
def namespaced(kubectl: Kubectl) -> list[str]:
    """Every kind of object that a namespace can hold."""
    return kubectl.must("api-resources", "--namespaced", "--verbs=list", "--output=name").split()


def again(applied: Applied, stage: Stage, *options: str) -> Applied:
    """Applies another version of the same overlay over it."""
    known_to_compile(stage, applied.name)
    answer = applied.kubectl.run("apply", f"--kustomize={stage.overlay(applied.name)}", *STRICT, *options)
    return replace(applied, stage=stage, answer=answer)


def known_to_compile(stage: Stage, name: str) -> None:
    """Fails with the compiler's words where there is no overlay."""
    assert name in stage.written, "\n".join([f"{name} does not compile", *stage.found.get(name, [])])


def apply(server: Server, stage: Stage, name: str, *options: str) -> Applied:
    """Does what a person does: applies the overlay, then creates the Secrets, as the page beside it says."""
    known_to_compile(stage, name)
    there = _what_is_there(
        server, yaml.safe_load((stage.overlay(name) / "environment.yaml").read_text(encoding="utf-8"))
    )
    answer = server.kubectl.run("apply", f"--kustomize={stage.overlay(name)}", *STRICT, *options)
    controllers.default_account(server.kubectl, name)
    made = (*there, *(by_hand(server, command) for command in stage.secrets_commands(name)))
    return Applied(server, stage, name, made, answer)


def _what_is_there(server: Server, values: dict[str, Any]) -> tuple[Answer, ...]:
    """Creates what an environment says that somebody else created before; the answers for what the namespace then holds."""
    namespace, account = values["namespace"], values.get("serviceAccount", {})
    if priority := values.get("scheduling", {}).get("priorityClassName"):
        server.kubectl.run("create", "priorityclass", priority, "--value=1000")
    if values.get("createNamespace", True):
        return ()
    there = {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": namespace, "labels": RESTRICTED}}
    server.kubectl.must("create", "--filename=-", text=json.dumps(there))
    if account.get("create", True):
        return ()
    return (server.kubectl.run("create", "serviceaccount", account["name"], f"--namespace={namespace}"),)


def by_hand(server: Server, command: str) -> Answer:
    """The answer to a command of SECRETS.md, beside the files that it names."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "keyfile.json").write_text("{}", encoding="utf-8")
        for file, original in (
            ("ca.crt", server.certificate),
            ("tls.crt", server.certificate),
            ("tls.key", server.key),
        ):
            shutil.copy(original, folder / file)
        # Values that are left open in the page may stay so: they are text like any other.
        return server.kubectl.other(["sh", "-eu", "-c", command], folder=folder)
