"""What a check says, and what it looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from compiler.change.settings import Side
from compiler.manifest import Fault, Manifest
from compiler.overlay import Overlay
from compiler.route import Route
from compiler.rules import faults
from compiler.waive import standing_of
from compiler.workload import Workload, containers, workloads


class State(StrEnum):
    """What came of a check, the worst first."""

    FAILED = "failed"
    UNSEEN = "unseen"
    WAIVED = "waived"
    PASSED = "passed"


@dataclass(frozen=True)
class Verdict:
    """What a check found, and why. `todo` is what to do, or the command that shows what a build does not."""

    state: State
    reason: str
    todo: str = ""
    because: Route | None = None
    """The route of the environment that it follows from."""


def passed(reason: str) -> Verdict:
    """The build shows that it is so."""
    return Verdict(State.PASSED, reason)


def failed(reason: str, todo: str, because: Route | None = None) -> Verdict:
    """The build shows that it is not so."""
    return Verdict(State.FAILED, reason, todo, because)


def unseen(reason: str, todo: str) -> Verdict:
    """The build cannot show it. `todo` is how a person sees it."""
    return Verdict(State.UNSEEN, reason, todo)


@dataclass(frozen=True)
class Built:
    """An overlay and its build, as checks look at them."""

    overlay: Overlay
    manifests: tuple[Manifest, ...]

    @cached_property
    def side(self) -> Side:
        """What the build says of MLflow."""
        return Side(self.manifests)

    @property
    def settings(self) -> dict[str, str]:
        """The variables of the server."""
        return self.side.settings

    @property
    def namespace(self) -> str:
        """Where everything is."""
        return self.side.namespace

    @cached_property
    def pods(self) -> list[Workload]:
        """Every pod template."""
        return list(workloads(self.manifests))

    def of(self, *kinds: str) -> list[Manifest]:
        """The objects of some kinds."""
        return [manifest for manifest in self.manifests if manifest.ref.kind in kinds]

    @cached_property
    def _faults(self) -> list[Fault]:
        ours = standing_of(self.overlay, self.manifests)
        found = faults(self.overlay, self.manifests, ())
        return [fault for fault in found if fault.code not in ours.get(fault.ref, ())]

    def broken(self, *rules: str) -> list[Fault]:
        """What breaks rules of the policy, but for what the base itself waives with a reason."""
        return [fault for fault in self._faults if fault.code in rules]

    @property
    def published(self) -> list[Manifest]:
        """What lets somebody in from outside of the cluster."""
        open_ = [each for each in self.of("Service") if each.spec.get("type") in ("LoadBalancer", "NodePort")]
        return [*self.of("Ingress", "HTTPRoute"), *open_]

    @cached_property
    def server(self) -> dict[str, Any]:
        """The container of the server."""
        pods = [pod for pod in self.pods if self.side.server and pod.ref == self.side.server.ref]
        found = (each for pod in pods for _, each in containers(pod) if each.get("name") == "mlflow")
        return next(found, {})

    @cached_property
    def store(self) -> Store:
        """Where artifacts are kept."""
        place = self.settings.get("MLFLOW_ARTIFACTS_DESTINATION") or self.settings.get(
            "MLFLOW_DEFAULT_ARTIFACT_ROOT", ""
        )
        return Store(place, self.settings.get("MLFLOW_S3_ENDPOINT_URL", ""), self._in_cluster)

    @property
    def _in_cluster(self) -> str:
        return next((name for name in ("minio", "versitygw") if self.of_name("StatefulSet", name)), "")

    def of_setup(self, variable: str) -> str:
        """What the Job that sets MinIO up is told by a variable; empty where it is told nothing."""
        jobs = [pod for pod in self.pods if pod.ref.kind == "Job" and pod.ref.name.startswith("minio-setup")]
        told = (each for pod in jobs for _, container in containers(pod) for each in container.get("env") or [])
        return next((str(each.get("value") or "") for each in told if each.get("name") == variable), "")

    def of_name(self, kind: str, name: str) -> Manifest | None:
        """An object, if there is one."""
        return next((each for each in self.of(kind) if each.ref.name == name), None)


@dataclass(frozen=True)
class Store:
    """A place of artifacts: its URI, the address of a store other than Amazon's, and which one runs in the cluster, if any."""

    place: str
    endpoint: str
    in_cluster: str

    @property
    def bucket(self) -> str:
        """The bucket or container."""
        return urlsplit(self.place).netloc.partition("@")[0]

    @property
    def account(self) -> str:
        """The storage account, of Azure's."""
        return urlsplit(self.place).netloc.partition("@")[2].partition(".")[0]

    @property
    def provider(self) -> str:
        """Whose it is: amazon, google, azure, minio, versitygw, other, or volume."""
        scheme = urlsplit(self.place).scheme
        if self.in_cluster:
            return self.in_cluster
        if scheme == "s3":
            host = urlsplit(self.endpoint).hostname or ""
            return "amazon" if not host or host.endswith((".amazonaws.com", ".amazonaws.com.cn")) else "other"
        return {"gs": "google", "wasbs": "azure", "abfss": "azure"}.get(scheme, "volume")


def named(faults: Sequence[Fault]) -> str:
    """What faults are about, in words."""
    return "; ".join(dict.fromkeys(f"{fault.ref}: {fault.message}" for fault in faults))
