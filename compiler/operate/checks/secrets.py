"""The Secrets that the environment refers to."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.operate import credentials
from compiler.operate.patient import Patient
from compiler.operate.verdict import Result, failed, passed, skipped


def there(patient: Patient) -> Iterator[Result]:
    """Every Secret is there, with every key."""
    if not patient.secrets:
        yield skipped("secrets", "the environment needs none")
    yield from credentials.there(patient.target.name, patient.target.overlay, patient.secrets)


def values(patient: Patient) -> Iterator[Result]:
    """No value has slipped: no line break, space or quotes around it, no placeholder. None is shown."""
    found = list(credentials.sound(patient.target.overlay, patient.secrets))
    if any(patient.secrets.values()) and not found:
        yield passed("values of Secrets", "none has a stray line break, space or quote")
    yield from found


def younger(patient: Patient) -> Iterator[Result]:
    """No pod of the server started before its Secrets changed: variables keep the value that a pod was started with."""
    began = [str((pod.get("status") or {}).get("startTime") or "") for pod in patient.servers]
    oldest = min(filter(None, began), default="")
    if not oldest:
        yield skipped("age of Secrets", "no pod of the server has started")
        return
    late = []
    for name, secret in patient.secrets.items():
        fields = ((secret or {}).get("metadata") or {}).get("managedFields") or []
        times = [str(each.get("time") or "") for each in fields if "f:data" in (each.get("fieldsV1") or {})]
        if max(times, default="") > oldest:
            late.append(name)
    if late:
        mend = f"kubectl rollout restart -n {patient.target.namespace} deployment/mlflow"
        yield failed("age of Secrets", f"changed after the server started: {', '.join(late)}", mend)
    else:
        yield passed("age of Secrets", "the server started after the last change")
