"""What runs where commands act: an environment of its own, and somebody who plays the controllers and the nodes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from compiler.cli.target import proved
from compiler.operate.target import Target

from . import controllers
from .apiserver import Server
from .kubectl import Kubectl, Object
from .stage import Stage

PASSWORD = "correct horse battery staple"
VALUES = {
    "mlflow-database": {"password": PASSWORD},
    "postgres-superuser": {"password": "another long one"},
    "s3-credentials": {"AWS_ACCESS_KEY_ID": "AKIAMLFLOWMLFLOW0001", "AWS_SECRET_ACCESS_KEY": "of the tests alone"},
}
"""The Secrets of an environment of the kind aws-keys."""
ENVIRONMENT = """\
overlay: aws-keys
artifacts: {bucket: acme-mlflow, region: us-east-1, existingSecret: s3-credentials}
"""


@dataclass
class Stand:
    """An environment, and the cluster that it goes to."""

    server: Server
    stage: Stage
    name: str

    @property
    def kubectl(self) -> Kubectl:
        """A client of the cluster."""
        return self.server.kubectl

    @property
    def arguments(self) -> list[str]:
        """How a command line names the environment and the cluster."""
        named = ["--context=test", f"--kubeconfig={self.kubectl.kubeconfig}"]
        return [self.name, *named, f"--root={self.stage.root}"]

    @cached_property
    def _proved(self) -> Target:
        return proved(self.name, self.stage.root, "test", self.kubectl.kubeconfig, "text")

    def target(self) -> Target:
        """The environment as commands have it; what it has seen of the cluster is forgotten."""
        return replace(self._proved)

    def secrets(self, **changed: dict[str, str] | None) -> None:
        """Creates the namespace with the Secrets, as a person does; in: others, or None for one that is not made."""
        self.kubectl.run("create", "namespace", self.name)
        controllers.default_account(self.kubectl, self.name)
        for name, values in {**VALUES, **{key.replace("_", "-"): each for key, each in changed.items()}}.items():
            self.kubectl.run("delete", "secret", name, f"--namespace={self.name}", "--ignore-not-found")
            if values is not None:
                metadata = {"name": name, "namespace": self.name}
                secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values}
                answer = self.kubectl.create([secret])
                assert answer.code == 0, answer

    def object(self, kind: str, name: str) -> Object:
        """An object of the environment."""
        [found] = [
            each
            for each in self.kubectl.objects(kind, f"--namespace={self.name}")
            if each["metadata"]["name"].startswith(name)
        ]
        return found

    def status(self, found: Object, **status: Any) -> None:
        """Says of an object what its controller would say."""
        resource = f"{found['kind'].lower()}/{found['metadata']['name']}"
        self.kubectl.must(
            "patch",
            resource,
            f"--namespace={self.name}",
            "--subresource=status",
            "--type=merge",
            f"--patch={json.dumps({'status': status})}",
        )

    def complete(self, job: str) -> None:
        """A Job is done."""
        times = {"startTime": "2026-01-31T01:00:00Z", "completionTime": "2026-01-31T01:00:05Z"}
        names = ("SuccessCriteriaMet", "Complete")
        conditions = [{"type": name, "status": "True", "reason": "CompletionsReached"} for name in names]
        self.status(self.object("jobs", job), succeeded=1, conditions=conditions, **times)

    def fail(self, job: str, message: str = "Job has reached the specified backoff limit") -> None:
        """A Job is given up."""
        names = ("FailureTarget", "Failed")
        conditions = [
            {"type": name, "status": "True", "reason": "BackoffLimitExceeded", "message": message} for name in names
        ]
        self.status(self.object("jobs", job), failed=5, conditions=conditions, startTime="2026-01-31T01:00:00Z")

    def ready(self, kind: str, name: str) -> None:
        """All pods of a workload are ready, of its newest version."""
        found = self.object(kind, name)
        number = found["spec"].get("replicas", 1)
        counts = dict.fromkeys(("replicas", "readyReplicas", "updatedReplicas", "availableReplicas"), number)
        self.status(found, observedGeneration=found["metadata"]["generation"], **counts)

    def pod(self, kind: str, name: str, **status: Any) -> Object:
        """A pod of a workload, with what its node says of it."""
        owner = self.object(kind, name)
        [made] = controllers.pods([owner])
        made["metadata"]["ownerReferences"] = [reference(self._maker(owner))]
        made["metadata"]["generateName"] = f"{name}-"
        made["metadata"].pop("name", None)
        answer = self.kubectl.create([made], "--output=json")
        assert answer.code == 0, answer
        pod: Object = json.loads(answer.out)
        pod = pod["items"][0] if "items" in pod else pod
        self.status(pod, **status)
        return pod

    def _maker(self, owner: Object) -> Object:
        """What makes the pods: a Deployment has ReplicaSets for it."""
        if owner["kind"] != "Deployment":
            return owner
        name = f"{owner['metadata']['name']}-1"
        template = json.loads(json.dumps(owner["spec"]["template"]))
        template["metadata"]["labels"]["pod-template-hash"] = "1"
        made = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": name,
                "namespace": self.name,
                "annotations": {"deployment.kubernetes.io/revision": "1"},
                "ownerReferences": [reference(owner)],
            },
            "spec": {"replicas": 1, "selector": {"matchLabels": template["metadata"]["labels"]}, "template": template},
        }
        self.kubectl.create([made])
        return self.object("replicasets", name)

    def event(self, about: Object, reason: str, message: str) -> None:
        """A warning about an object."""
        metadata = {"generateName": f"{about['metadata']['name']}.", "namespace": self.name}
        involved = {key: about["metadata"][key] for key in ("name", "namespace", "uid")} | {"kind": about["kind"]}
        made = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": metadata,
            "involvedObject": involved,
            "reason": reason,
            "message": message,
            "type": "Warning",
            "lastTimestamp": "2026-01-31T01:00:00Z",
        }
        answer = self.kubectl.create([made])
        assert answer.code == 0, answer


def reference(owner: Object) -> Object:
    """How an object names what made it."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
    }


def waiting(container: str, reason: str, message: str = "") -> Object:
    """The status of a container that does not start."""
    state = {"waiting": {"reason": reason, "message": message}}
    return {"name": container, "state": state, "ready": False, "restartCount": 0, "image": "", "imageID": ""}


def ended(container: str, code: int, reason: str = "Error", message: str = "") -> Object:
    """The status of a container that ended."""
    state = {"terminated": {"exitCode": code, "reason": reason, "message": message}}
    return {"name": container, "state": state, "ready": False, "restartCount": 0, "image": "", "imageID": ""}


@dataclass
class Script:
    """What the cluster does when a command says how far it is: each line of progress sets off what is written for it, once."""

    acts: dict[str, Callable[[], object]]
    heard: list[str] = field(default_factory=list)

    def __call__(self, line: str) -> None:
        self.heard.append(line)
        for begin in [key for key in self.acts if line.startswith(key)]:
            self.acts.pop(begin)()


def stand(server: Server, root: Path, name: str, text: str = ENVIRONMENT, stages: Sequence[Stage] = ()) -> Stand:
    """An environment, compiled, in a project that it shares with those before it."""
    from .stage import stage

    home = stages[0] if stages else stage(root)
    home.write(name, text)
    home.compile([name])
    assert name in home.written, home.found
    return Stand(server, home, name)
