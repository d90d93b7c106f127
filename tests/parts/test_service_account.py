"""The account that the server runs as: created under any name, or one that is there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from compiler.overlay import SERVER, SERVICE_ACCOUNT
from compiler.pipeline import compile_environment
from compiler.workload import workloads
from tests.conftest import Project
from tests.parts import KEYS, MINIO, ROLE, Values, changes, findings, merged, planned

TRUSTED = {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/other"}
THERE: Values = {"create": False, "name": "given"}


@pytest.mark.parametrize(
    ("values", "account", "accounts"),
    [
        (ROLE, {}, {"mlflow": True}),
        (ROLE, {"name": "tracking", "annotations": {"a.example/b": "c"}}, {"tracking": True}),
        (KEYS, {"name": "tracking"}, {"tracking": False}),
        (ROLE, THERE, {}),
        (KEYS, {"create": False, "name": "default"}, {}),
    ],
)
def test_build__the_server_runs_as_it(
    values: Values, account: Values, accounts: dict[str, bool], project: Project
) -> None:
    """Under its name, with its role; an account that is there is not created, and stays as it is."""
    project.add("example", json.dumps(merged(values, {"serviceAccount": account})))
    manifests = compile_environment(project.workspace, "example").manifests
    built = {each.ref.name: each.data["metadata"] for each in manifests if each.ref.kind == "ServiceAccount"}
    roles = {name: "eks.amazonaws.com/role-arn" in data.get("annotations", {}) for name, data in built.items()}
    assert roles == accounts
    [server] = [each.pod for each in workloads(manifests) if each.ref == SERVER]
    assert server["serviceAccountName"] == account.get("name", "mlflow")


def test_plan__annotations_are_the_accounts() -> None:
    found = changes(planned(MINIO, serviceAccount={"annotations": {"a.example/b": "c"}}), SERVICE_ACCOUNT)
    assert found == {"metadata.annotations.a.example/b": "c"}


@pytest.mark.parametrize(
    ("values", "account", "codes"),
    [
        (MINIO, {"create": True}, []),
        (MINIO, THERE, []),
        (ROLE, THERE, ["unannotated-account"]),
        (MINIO, {"create": False}, ["missing-key"]),
        (MINIO, {**THERE, "annotations": {"a": "b"}}, ["conflicting-keys"]),
        (MINIO, {"annotations": TRUSTED}, ["reserved-setting"]),
        (ROLE, {"annotations": TRUSTED}, ["reserved-setting"]),
        (MINIO, {"name": "A"}, ["bad-value"]),
        (MINIO, {"annotations": {"a b": "c"}}, ["bad-value"]),
    ],
)
def test_check__account(values: Values, account: dict[str, Any], codes: list[str]) -> None:
    assert findings(values, serviceAccount=account) == codes
