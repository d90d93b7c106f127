"""A pod as kubelet runs it: init containers in their order, then the containers, restarted as its policy says."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .images import Image, image
from .network import DNS, Link, Network
from .probe import Verdict, look
from .sandbox import PASSWD, Box, Process
from .spec import Objects, Spec, Unstartable, command, identity, service_links, variables
from .volume import Volumes

BACKOFF_SECONDS = 1.0
LOOK_SECONDS = 0.3
DEFAULT_GRACE = 30
REFUSED = -1
"""Instead of an exit code: the container did not start."""


@dataclass(frozen=True)
class Node:
    """Where pods run: the network, a folder for their files, what happens when one becomes ready or stops being it, and
    a bundle of authorities that stands for the public ones."""

    network: Network
    folder: Path
    changed: Callable[[], None]
    services: Mapping[str, tuple[str, list[Spec]]] = field(default_factory=dict)
    trust: Path | None = None


class Pod:
    """One pod. It starts when it is made; `stop` ends it as a deletion does, `crash` as a failure of its node does."""

    def __init__(
        self,
        name: str,
        template: Spec,
        objects: Objects,
        node: Node,
        claims: dict[str, Path] | None = None,
        address: str | None = None,
    ) -> None:
        self.name = name
        self.labels: dict[str, str] = (template.get("metadata") or {}).get("labels") or {}
        self.spec: Spec = template["spec"]
        self.objects = objects
        self.node = node
        self.folder = node.folder / name
        self.phase = "Pending"
        self.waiting = ""
        self.ready = False
        self.restarts = 0
        self.started: list[str] = []
        self.processes: dict[str, Process] = {}
        self.link: Link = node.network.attach(address)
        self._claims = claims or {}
        self._volumes: Volumes | None = None
        self._stopping = threading.Event()
        self._policy: str = self.spec.get("restartPolicy", "Always")
        self.folder.mkdir(parents=True)
        self._write_etc()
        self._thread = threading.Thread(target=self._live, name=name, daemon=True)
        self._thread.start()

    @property
    def main(self) -> Process:
        """The process of the first container that is no init container."""
        return self.processes[self.container["name"]]

    @property
    def container(self) -> Spec:
        """The spec of the first container that is no init container: what the pod is there for."""
        return dict(self.spec["containers"][0])

    @property
    def beside(self) -> list[Spec]:
        """The specs of the containers that run beside it."""
        return list(self.spec["containers"][1:])

    @property
    def ports(self) -> Spec:
        """The ports of all of them, as if they were one container's."""
        return {"ports": [port for each in self.spec["containers"] for port in each.get("ports") or []]}

    @property
    def volumes(self) -> Volumes:
        """Its volumes, once they are there."""
        if self._volumes is None:
            raise Unstartable("ContainerCreating", self.waiting)
        return self._volumes

    def log(self, container: str | None = None) -> str:
        """What a container, or the main one, has printed in all its runs."""
        path = self.folder / f"{container or self.container['name']}.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    @property
    def names(self) -> list[str]:
        """The names of its containers, in the order in which they start."""
        return [each["name"] for each in [*(self.spec.get("initContainers") or []), *self.spec["containers"]]]

    def commands(self) -> str:
        """The command lines of all its processes."""
        pids = [pid for process in self.processes.values() for pid in process.processes()]
        return "\n".join(_command_line(pid) for pid in pids)

    def said(self) -> str:
        """The end of every container's output, for a person."""
        parts = [f"pod {self.name}: {self.phase} {self.waiting}"]
        parts += [f"--- {name}\n{self.log(name)[-3000:]}" for name in self.names]
        return "\n".join(parts)

    def probed(self, kind: str) -> Verdict:
        """The answer to one of its probes, now."""
        container = self.container
        return look(container[kind], container, self.main, self.node.network)

    def kill(self) -> None:
        """Kills the container as the kernel does when it is out of memory; kubelet starts it again."""
        self.main.signal(signal.SIGKILL)

    def stop(self) -> float:
        """Deletes the pod, and returns the seconds that its containers took to end, preStop included."""
        self._stopping.set()
        self._unready()
        begin = time.monotonic()
        grace = float(self.spec.get("terminationGracePeriodSeconds", DEFAULT_GRACE))
        container = self.container
        hook = ((container.get("lifecycle") or {}).get("preStop") or {}).get("sleep") or {}
        running = self.processes.get(container["name"])
        if running is not None and running.exit_code is None:
            time.sleep(float(hook.get("seconds", 0)))
            ending = [
                self.processes[each["name"]] for each in (container, *self.beside) if each["name"] in self.processes
            ]
            for process in ending:
                process.signal(process.box.image.stop)
            while any(process.exit_code is None for process in ending) and time.monotonic() - begin < grace:
                time.sleep(LOOK_SECONDS / 3)
        took = time.monotonic() - begin
        self.crash()
        return took

    def crash(self) -> None:
        """Ends everything at once and takes the pod away; its claims stay."""
        self._stopping.set()
        for process in list(self.processes.values()):
            process.signal(signal.SIGKILL)
        self._thread.join()
        self._unready()
        if self._volumes:
            self._volumes.close()
        self.node.network.detach(self.link)

    def _live(self) -> None:
        try:
            if self._mounted() and self._initialized():
                self.phase = "Running"
                self._run()
        except Exception as error:  # noqa: BLE001 - shown by whoever waits for the pod
            self.phase, self.waiting = "Failed", f"{type(error).__name__}: {error}"
        finally:
            for process in self.processes.values():
                process.signal(signal.SIGKILL)

    def _mounted(self) -> bool:
        while not self._stopping.is_set():
            try:
                self._volumes = Volumes(self.spec, self.objects, self.folder / "volumes", self._claims)
            except Unstartable as reason:
                self.waiting = str(reason)
                self._stopping.wait(BACKOFF_SECONDS)
            else:
                self.waiting = ""
                return True
        return False

    def _initialized(self) -> bool:
        for container in self.spec.get("initContainers") or []:
            if container.get("restartPolicy"):
                raise NotImplementedError("init containers that stay")
            while True:
                code = self._start(container)
                if self._stopping.is_set():
                    return False
                if code == 0:
                    break
                if self._policy == "Never":
                    self.phase, self.waiting = "Failed", f"Init:Error {container['name']} {code}"
                    return False
                if code != REFUSED:
                    self.waiting = f"Init:CrashLoopBackOff {container['name']} {code}"
                    self.restarts += 1
                self._stopping.wait(BACKOFF_SECONDS)
        self.waiting = ""
        return True

    def _run(self) -> None:
        threads = [threading.Thread(target=self._stay, args=(each,), daemon=True) for each in self.beside]
        for thread in threads:
            thread.start()
        self._keep()
        for thread in threads:
            thread.join()

    def _stay(self, container: Spec) -> None:
        """Runs a container beside the first for as long as the pod is there."""
        while not self._stopping.is_set():
            self._start(container)
            if not self._stopping.is_set():
                self.restarts += 1
            self._stopping.wait(BACKOFF_SECONDS)

    def _keep(self) -> None:
        while not self._stopping.is_set():
            code = self._start(self.container, watch=True)
            self._unready()
            if self._stopping.is_set():
                return
            if self._policy == "Never" or (self._policy == "OnFailure" and code == 0):
                self.phase = "Succeeded" if code == 0 else "Failed"
                return
            if code != REFUSED:
                self.waiting = f"CrashLoopBackOff {code}"
                self.restarts += 1
            self._stopping.wait(BACKOFF_SECONDS)

    def _start(self, container: Spec, *, watch: bool = False) -> int:
        """Runs a container to its end, or until the pod is stopped."""
        try:
            box, words = self._box(container)
        except Unstartable as reason:
            self.waiting = str(reason)
            return REFUSED
        if self._stopping.is_set():
            return REFUSED
        process = Process(box, words, self.folder / f"{container['name']}.log")
        self.processes[container["name"]] = process
        self.started.append(container["name"])
        self.waiting = ""
        if watch:
            self._watch(container, process)
        return process.wait()

    def _watch(self, container: Spec, process: Process) -> None:
        """Probes until the container ends; sooner than the probes' periods say, so that tests wait less."""
        while process.exit_code is None:
            running = [(each, self.processes.get(each["name"])) for each in (container, *self.beside)]
            ready = all(
                found is not None and look(each[kind], each, found, self.node.network).success
                for each, found in running
                for kind in ("startupProbe", "readinessProbe")
                if kind in each
            )
            if ready and not self.ready and not self._stopping.is_set():
                self.ready = True
                self.node.changed()
            pause = 2.0 if self.ready else LOOK_SECONDS
            if self._stopping.wait(pause):
                return

    def _unready(self) -> None:
        if self.ready:
            self.ready = False
            self.node.changed()

    def _box(self, container: Spec) -> tuple[Box, list[str]]:
        programs: Image = image(container["image"], self.node.folder / "images")
        links = service_links(self.spec, self.node.services)
        known = {**programs.environment, "PATH": ":".join(programs.path), "HOSTNAME": self.name}
        environment = known | variables(container, self.objects, links)
        user, group, shared = identity(self.spec, container)
        box = Box(
            name=self.name,
            link=self.link,
            image=programs,
            mounts=self.volumes.mounts(container),
            environment=environment,
            user=user,
            group=group,
            shared_group=shared,
            read_only=bool((container.get("securityContext") or {}).get("readOnlyRootFilesystem")),
            directory=container.get("workingDir", "/"),
            etc=self.folder / "etc",
            trust=self.node.trust,
        )
        return box, command(container, environment)

    def _write_etc(self) -> None:
        """What a container runtime writes into every container."""
        namespace = self.objects.namespace
        searched = f"{namespace}.svc.cluster.local svc.cluster.local cluster.local"
        etc = self.folder / "etc"
        etc.mkdir()
        (etc / "resolv.conf").write_text(f"nameserver {DNS}\nsearch {searched}\noptions ndots:5\n", encoding="ascii")
        (etc / "hosts").write_text(
            f"127.0.0.1 localhost\n::1 localhost\n{self.link.address} {self.name}\n", encoding="ascii"
        )
        (etc / "hostname").write_text(f"{self.name}\n", encoding="ascii")
        (etc / "passwd").write_text(PASSWD, encoding="ascii")
        (etc / "group").write_text("root:x:0:\nnogroup:x:65534:\n", encoding="ascii")
        for path in (etc, *etc.iterdir()):
            path.chmod(0o755 if path.is_dir() else 0o644)


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
