"""An environment on a cluster, and a second namespace with its clients."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.cluster.applied import ALL_BUT_THE_NAMESPACE
from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.stage import Stage
from tests.stack.wait import until

from . import manifests
from .watch import Broken, Watch, condition

READY_SECONDS = 900
"""Images are pulled in this time, of more than a gigabyte."""
GONE_SECONDS = 300


@dataclass(frozen=True)
class Running:
    """The environment, in the namespace of its name; clients are in another."""

    kubectl: Kubectl
    stage: Stage
    name: str
    say: Callable[[str], None]

    @property
    def clients(self) -> str:
        """The namespace of the clients."""
        return f"{self.name}-clients"

    @property
    def watch(self) -> Watch:
        """The environment's workloads."""
        return Watch(self.kubectl, self.name, self.say)

    @property
    def overlay(self) -> str:
        """The argument that names the overlay."""
        return f"--kustomize={self.stage.overlay(self.name)}"

    def apply(self, environment: str) -> None:
        """Compiles an environment, applies it and waits until it is ready."""
        self.stage.write(self.name, environment)
        self.stage.compile([self.name])
        assert self.name in self.stage.written, self.stage.found
        self.say(f"{self.name}: applying {' '.join(environment.split())}")
        self.kubectl.must("apply", self.overlay, "--validate=strict")
        self.watch.ready(READY_SECONDS)

    def add_clients(self) -> None:
        """Creates the namespace of the clients, with what they need."""
        self._create(manifests.namespace(self.clients))
        self._create(manifests.config_map(self.clients))
        self._create(manifests.policy(self.clients))

    def take_down(self) -> None:
        """Takes the environment down, but not its volumes."""
        self.kubectl.must(
            "delete", self.overlay, ALL_BUT_THE_NAMESPACE, f"--timeout={GONE_SECONDS}s", seconds=GONE_SECONDS
        )
        self.watch.stopped(GONE_SECONDS)

    def remove(self) -> None:
        """Deletes both namespaces, and waits until they are gone."""
        names = [self.name, self.clients]
        timeout = f"--timeout={GONE_SECONDS}s"
        self.kubectl.must("delete", "namespace", *names, "--ignore-not-found", timeout, seconds=2 * GONE_SECONDS)

    def server(self) -> Object:
        """The Deployment of the server."""
        [found] = self.kubectl.objects("deployment", "mlflow", f"--namespace={self.name}")
        return found

    def listener(self) -> str:
        """The address of a pod among the clients that accepts connections."""
        self._create(manifests.listener(self.clients, self._image()))

        def address() -> str:
            [pod] = self.kubectl.objects("pod", "listener", f"--namespace={self.clients}")
            return f"{pod['status']['podIP']}:{manifests.LISTENER_PORT}" if condition(pod, "Ready") else ""

        report = Watch(self.kubectl, self.clients, self.say).report
        return until("a pod that listens", address, manifests.JOB_SECONDS, step=1, otherwise=report)

    def client(self, *arguments: str) -> dict[str, Any]:
        """What a client in the cluster answers that has nothing but the server's address."""
        return self.run(arguments, {"MLFLOW_TRACKING_URI": f"http://mlflow.{self.name}:5000"})

    def probe(self, *addresses: str, labels: Mapping[str, str] = manifests.FREE) -> dict[str, bool]:
        """Which addresses a client in the cluster reaches."""
        return self.run(["probe.py", *addresses], {}, labels)

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], labels: Mapping[str, str] = manifests.FREE
    ) -> dict[str, Any]:
        """The last line that a program prints as a Job among the clients, as JSON."""
        job = manifests.job(self.clients, self._image(), arguments, environment, labels)
        name = job["metadata"]["name"]
        self.say(f"{self.clients}: running {name}")
        self._create(job)
        watch = Watch(self.kubectl, self.clients, self.say)

        def done() -> bool:
            [found] = self.kubectl.objects("job", name, f"--namespace={self.clients}")
            if condition(found, "Failed"):
                raise Broken(f"{name} failed\n{watch.report()}")
            return condition(found, "Complete")

        until(f"the Job {name}", done, manifests.JOB_SECONDS + 30, step=1, otherwise=watch.report)
        log = self.kubectl.must("logs", f"job/{name}", f"--namespace={self.clients}")
        answer: dict[str, Any] = json.loads(log.strip().rpartition("\n")[2])
        return answer

    def _image(self) -> str:
        """The image of the server, which the nodes have already."""
        return str(self.server()["spec"]["template"]["spec"]["containers"][0]["image"])

    def _create(self, made: Object) -> None:
        self.kubectl.must("create", "--validate=strict", "--filename=-", text=json.dumps(made))
