"""What the containers of a build must have and must not have, beyond Pod Security: `compiler.policy` has each rule's demand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from compiler.manifest import Fault, Manifest
from compiler.overlay import Overlay
from compiler.route import Named, Route
from compiler.secrecy import written_out
from compiler.workload import Workload, containers, workloads

OWN = 10000
"""The first id that no account of a node has, by the rule of thumb of kube-score and checkov."""
_AMOUNTS = ("cpu", "memory", "ephemeral-storage")


def contain(overlay: Overlay, manifests: Sequence[Manifest], made_up: Sequence[str]) -> list[Fault]:
    """Every container is bounded, cannot write to its image, runs as an account of its own and starts what it is told to."""
    faults: list[Fault] = []
    for workload in workloads(manifests):
        faults += _account(workload)
        for route, container in containers(workload):
            who = f"the container {container.get('name')}"
            for judge in (_resources, _root, _user, _pulled, _digest, _variables, _ports):
                faults += judge(workload, route, container, who)
    faults += [fault for manifest in manifests for fault in _default_account(manifest)]
    return faults


def _account(workload: Workload) -> Iterator[Fault]:
    pod, route = workload.pod, workload.route
    if pod.get("automountServiceAccountToken") is not False:
        message, hint = "the pod gets a token of the API server", "set automountServiceAccountToken: false in the pod"
        yield Fault(workload.ref, (*route, "automountServiceAccountToken"), "mounted-token", message, hint)
    if "serviceAccount" in pod:
        message = "the field serviceAccount is an old name"
        yield Fault(workload.ref, (*route, "serviceAccount"), "deprecated-field", message, "set serviceAccountName")


def _default_account(manifest: Manifest) -> Iterator[Fault]:
    """The account `default` is that of every pod that names none: what it may do, anybody may."""
    data = manifest.data
    own = manifest.ref.kind == "ServiceAccount" and manifest.ref.name == "default"
    if own and data.get("automountServiceAccountToken") is not False:
        message = "pods that name no account would get its token"
        yield Fault(manifest.ref, (), "mounted-token", message, "set automountServiceAccountToken: false")
    if manifest.ref.kind in ("RoleBinding", "ClusterRoleBinding"):
        for index, subject in enumerate(data.get("subjects") or []):
            if subject.get("kind") == "ServiceAccount" and subject.get("name") == "default":
                message = "the role is given to every pod that names no account"
                yield Fault(manifest.ref, ("subjects", index), "mounted-token", message, "name an account of its own")


def _resources(workload: Workload, route: Route, container: dict[str, Any], who: str) -> Iterator[Fault]:
    resources = container.get("resources") or {}
    for group in ("requests", "limits"):
        missing = [amount for amount in _AMOUNTS if not (resources.get(group) or {}).get(amount)]
        if missing:
            message = f"{who} has no {group} for {', '.join(missing)}"
            hint = "without them one pod can take all of a node"
            yield Fault(workload.ref, (*route, "resources", group), "missing-resources", message, hint)


def _root(workload: Workload, route: Route, container: dict[str, Any], who: str) -> Iterator[Fault]:
    if (container.get("securityContext") or {}).get("readOnlyRootFilesystem") is not True:
        message = f"{who} can write to its own image"
        hint = "set readOnlyRootFilesystem: true, and mount an emptyDir where it writes"
        yield Fault(workload.ref, (*route, "securityContext"), "writable-root", message, hint)


def _user(workload: Workload, route: Route, container: dict[str, Any], who: str) -> Iterator[Fault]:
    own, shared = container.get("securityContext") or {}, workload.pod.get("securityContext") or {}
    for field, word in (("runAsUser", "user"), ("runAsGroup", "group")):
        id_ = own.get(field, shared.get(field))
        if id_ is None or id_ < OWN:
            said = "no number is set" if id_ is None else f"it is {id_}"
            message = f"{who} runs as a {word} that a node may have too: {said}"
            yield Fault(workload.ref, (*route, "securityContext"), "low-user", message, f"set {field} to {OWN} or more")


def _pulled(workload: Workload, route: Route, container: dict[str, Any], who: str) -> Iterator[Fault]:
    if container.get("imagePullPolicy") != "Always":
        message = f"{who} may start from an image that the node holds, whoever pulled it"
        yield Fault(workload.ref, (*route, "imagePullPolicy"), "pull-policy", message, "set imagePullPolicy: Always")


def _digest(workload: Workload, route: Route, container: dict[str, Any], who: str) -> Iterator[Fault]:
    image = str(container.get("image", ""))
    if image and "@" not in image:
        message = f"the image {image} is named by a tag, which can be moved"
        yield Fault(workload.ref, (*route, "image"), "missing-digest", message, "add the image's @sha256 digest")


def _variables(workload: Workload, route: Route, container: dict[str, Any], who: str) -> Iterator[Fault]:
    seen: set[str] = set()
    for variable in container.get("env") or []:
        name, place = str(variable.get("name")), (*route, "env", Named(str(variable.get("name"))))
        if name in seen:
            message, hint = f"{who} sets {name} twice, and the last one counts", "remove one of them"
            yield Fault(workload.ref, place, "repeated-variable", message, hint)
        seen.add(name)
        if (variable.get("valueFrom") or {}).get("secretKeyRef"):
            yield _in_environment(workload, place, f"{who} has a Secret in its variable {name}")
        if written_out(name, variable.get("value")):
            message = f"{who} has {name} as plain text"
            hint = "refer to a Secret, or name the variable for what it is"
            yield Fault(workload.ref, place, "secret-in-plain-sight", message, hint)
    for index, source in enumerate(container.get("envFrom") or []):
        if source.get("secretRef"):
            yield _in_environment(workload, (*route, "envFrom", index), f"{who} has a whole Secret in its variables")


def _in_environment(workload: Workload, route: Route, message: str) -> Fault:
    hint = "mount the Secret as files: variables are inherited by every program and end up in dumps"
    return Fault(workload.ref, route, "secret-in-environment", message, hint)


def _ports(workload: Workload, route: Route, container: dict[str, Any], who: str) -> Iterator[Fault]:
    for index, port in enumerate(container.get("ports") or []):
        if port.get("containerPort") == 22 and port.get("protocol", "TCP") == "TCP":
            message = f"{who} listens on the port of SSH"
            yield Fault(workload.ref, (*route, "ports", index), "ssh-port", message, "choose another port")
