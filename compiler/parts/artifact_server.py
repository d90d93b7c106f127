"""The server of artifacts, for `mlflow.mode: split`.

Large artifacts keep a server's processes busy. With `mode: split` a Deployment of its own, `mlflow-artifacts`, takes them: the
same image with the same settings, but without a database, as `mlflow server --artifacts-only`. It is scaled by itself, with
`replicas` or `autoscaling`, which has the keys of the first server's, and `workers`.

- With `host`, the Ingress or Gateway leads the paths of artifacts to it and all others to the first server. An experiment's
  location stays `mlflow-artifacts:/`, which every client takes for the host that it talks to. Clients inside the cluster that
  talk to the Service `mlflow` are served by the first server, which can serve artifacts too: it shows them in its pages.
- Without `host`, all clients are inside the cluster, and new experiments are located at
  `mlflow-artifacts://mlflow-artifacts.<namespace>.svc:5000/`, so that clients send artifacts there whatever server they talk to.
  An experiment's location never changes; so decide on a `host` before there are experiments.

What the environment says of the server's pods holds for these too, but for `replicas`, `autoscaling`, `resources`, `metrics`
and affinities between pods. With MLflow's own login (`auth`) both ask for it: the server of artifacts then reaches the database,
where it looks users up and what they may do. There is no `auth.mode: oidc`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compiler import autoscaler, footprint
from compiler.autoscaler import Autoscaling
from compiler.diagnostic import Finding
from compiler.kind import Kind
from compiler.oidc import Oidc
from compiler.overlay import ARTIFACT_SERVER, POD, Change, Overlay
from compiler.part import Schema, integer, object_of
from compiler.route import Named, Route

if TYPE_CHECKING:
    from compiler.environment import Environment

_KEY = "artifactServer"
_WORKERS = 2
_LOGIN = (3, 17)
"""The first version whose server of artifacts is known to look permissions up without having the experiments."""
KEYS: dict[str, Schema] = {
    _KEY: object_of(
        "The server of artifacts, where mlflow.mode is split.",
        {
            "replicas": integer("Its pods.", 1, 100, default=1),
            "workers": integer(
                "Processes in each of them. Its memory is worked out from them.", 1, 32, default=_WORKERS
            ),
            "autoscaling": autoscaler.key("Lets the cluster choose the number of its pods, in place of its replicas."),
        },
    )
}


@dataclass(frozen=True)
class ArtifactServer:
    """How the server of artifacts is scaled."""

    given: bool
    replicas: int
    workers: int
    autoscaling: Autoscaling | None

    @property
    def most(self) -> int:
        """The most pods that there may be."""
        return self.autoscaling.most if self.autoscaling else self.replicas


def read(values: Mapping[str, Any], kind: Kind) -> ArtifactServer:
    """The scale, with all defaults where nothing is said."""
    given = values.get(_KEY, {})
    return ArtifactServer(
        given=_KEY in values,
        replicas=given.get("replicas", 1),
        workers=given.get("workers", _WORKERS),
        autoscaling=autoscaler.read(given),
    )


def check(environment: Environment) -> Iterable[Finding]:
    """A server that there is none of, a login that it could not ask for, a way in that cannot tell paths apart."""
    split = environment.mlflow.mode == "split"
    if environment.artifact_server.given and not split:
        message = f"{_KEY} is for a server of artifacts, and with mode '{environment.mlflow.mode}' there is none"
        yield Finding((_KEY,), "conflicting-keys", message, "set mlflow.mode: split, or remove it", at_key=True)
    yield from autoscaler.findings(environment.artifact_server.autoscaling, (_KEY,))
    if split:
        yield from _login(environment)
    if split and environment.tls:
        message = "mode 'split' does not go with tls: the server of artifacts would still speak plain HTTP"
        hint = "remove one of the two, and let the Ingress or Gateway have the certificate"
        yield Finding(("mlflow", "mode"), "conflicting-keys", message, hint)
    if split and environment.service.outside and not environment.way_in:
        message = (
            "a Service cannot tell the paths of artifacts from others, so nothing would reach the server of artifacts"
        )
        hint = "add the key ingress or gateway, or leave service.type out"
        yield Finding(
            ("mlflow", "mode"), "conflicting-keys", f"mode 'split' needs an Ingress or a Gateway: {message}", hint
        )


def _login(environment: Environment) -> Iterator[Finding]:
    """A login that the server of artifacts could not ask for."""
    if isinstance(environment.auth, Oidc):
        message = "mode 'split' goes around auth: the server of artifacts is not behind the proxy, so it would serve whoever asks"
        hint = "use another mode, or leave the login to a proxy of yours in front of both"
        yield Finding(("mlflow", "mode"), "conflicting-keys", message, hint)
    elif environment.auth and environment.mlflow.release < _LOGIN:
        message = f"mode 'split' with auth is proved with MLflow {'.'.join(map(str, _LOGIN))} and later"
        yield Finding(("mlflow", "version"), "unsupported-version", message, "use a later version, or another mode")


def plan(environment: Environment) -> Overlay:
    """The second Deployment with its scale, and the policies that both are under."""
    if environment.mlflow.mode != "split":
        return Overlay()
    server = environment.artifact_server
    several = ("mode-split-several",) if server.most > 1 else ()
    policies = ("mode-split-policies",) if environment.network_policy.enabled else ()
    overlay = Overlay(components=(*several, *policies), changes=tuple(_changes(environment)))
    if server.autoscaling:
        overlay += autoscaler.plan(server.autoscaling, ARTIFACT_SERVER.name, "mode-split-autoscaling", (_KEY,))
    return overlay


def _changes(environment: Environment) -> Iterator[Change]:
    server, container = environment.artifact_server, (*POD, "containers", Named("mlflow"))
    if not server.autoscaling:
        yield Change(ARTIFACT_SERVER, ("spec", "replicas"), server.replicas, (_KEY, "replicas"), "pods for artifacts")
    workers = (*container, "env", Named("MLFLOW_WORKERS"), "value")
    yield Change(ARTIFACT_SERVER, workers, str(server.workers), (_KEY, "workers"), "processes in each pod")
    request, limit = footprint.memory(environment.mlflow.version, server.workers, jobs=False)
    disk = footprint.room(environment.way_in.max_upload_size if environment.way_in else None)
    why = f"measured with {server.workers} workers"
    for group, amounts in (
        ("requests", {"memory": f"{request}Mi"}),
        ("limits", {"memory": f"{limit}Mi", "cpu": str(max(2, server.workers)), "ephemeral-storage": f"{disk + 2}Gi"}),
    ):
        for name, amount in amounts.items():
            yield Change(ARTIFACT_SERVER, (*container, "resources", group, name), amount, (_KEY, "workers"), why)
    if nodes := environment.scheduling.affinity.get("nodeAffinity"):
        because: Route = ("scheduling", "affinity", "nodeAffinity")
        yield Change(ARTIFACT_SERVER, (*POD, "affinity", "nodeAffinity"), nodes, because, "set by hand")
