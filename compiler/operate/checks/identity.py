"""Who the server's pods are: the service account, and the token that a cloud gives it an identity for."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.cluster import Object
from compiler.operate.patient import Absent, Patient
from compiler.operate.target import CONTAINER
from compiler.operate.verdict import Result, failed, passed, skipped

_TOKENS = {
    "irsa": ("AWS_WEB_IDENTITY_TOKEN_FILE", "the webhook of EKS (amazon-eks-pod-identity-webhook)"),
    "pod-identity": (
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "the add-on eks-pod-identity-agent, for which an association of this namespace and account has to be there",
    ),
    "azure": ("AZURE_FEDERATED_TOKEN_FILE", "the webhook of Azure Workload Identity"),
}
"""The variable that each identity's webhook puts into a pod, and what puts it there."""
_CLOUDS = ("eks.amazonaws.com/", "iam.gke.io/", "azure.workload.identity/")


def account(patient: Patient) -> Iterator[Result]:
    """The service account is there, with the annotations that give it its identity."""
    target = patient.target
    account = target.environment.service_account
    name = account.name or "mlflow"
    live = target.get("serviceaccount", name)
    if live is None:
        yield failed("service account", f"there is no {name}", f"mlflow-overlays deploy {target.name}, or create it")
        return
    has = live["metadata"].get("annotations") or {}
    for key, value in sorted(_wanted(patient, name).items()):
        if has.get(key) != value:
            is_ = f"is {has[key]}" if key in has else "is not there"
            mend = f"it should be {value}: mlflow-overlays deploy {target.name}, and restart the server's pods"
            yield failed("service account", f"the annotation {key} of {name} {is_}", mend)
            return
    yield passed("service account", f"{name} is there{', with its role' if _wanted(patient, name) else ''}")


def _wanted(patient: Patient, name: str) -> dict[str, str]:
    """The annotations of the account in the build that have to do with an identity."""
    for each in patient.target.built("ServiceAccount"):
        if each.ref.name == name:
            found = each.data["metadata"].get("annotations") or {}
            return {key: str(value) for key, value in found.items() if key.startswith(_CLOUDS)}
    return {}


def token(patient: Patient) -> Iterator[Result]:
    """The token of that identity is in the server's pods."""
    kind = patient.target.environment.kind
    name = next((key for key in _TOKENS if _is(key, kind.store, kind.identity)), "")
    if not name:
        yield skipped(
            "token", f"the store is logged in to with {'keys' if kind.identity == 'keys' else 'no webhook of a cloud'}"
        )
        return
    if not patient.servers:
        raise Absent("no pod of the server is there")
    variable, giver = _TOKENS[name]
    without = [pod["metadata"]["name"] for pod in patient.servers if not _has(pod, variable)]
    if without:
        mend = f"{giver} puts it there when a pod starts: see that it runs, and restart the server's pods"
        yield failed("token", f"{variable} is not in {', '.join(without)}", mend)
    else:
        yield passed("token", f"the pods have {variable}")


def _is(key: str, store: str, identity: str) -> bool:
    if key == "azure":
        return store == "azure" and identity != "keys"
    return identity == key


def _has(pod: Object, variable: str) -> bool:
    server: Object = next((each for each in pod["spec"]["containers"] if each["name"] == CONTAINER), {})
    return any(each["name"] == variable for each in server.get("env") or [])
