"""Where everything goes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.parts import KEYS, MINIO, findings, planned


def test_plan__the_namespace_is_created_unless_somebody_else_does() -> None:
    assert planned(MINIO).namespace == "mlflow"
    assert "namespace-restricted" in planned(MINIO).components
    other = planned(MINIO, namespace="team-a", createNamespace=False)
    assert other.namespace == "team-a"
    assert "namespace-restricted" not in other.components


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public", "kube-node-lease"])
def test_check__the_clusters_own_are_not_taken_over(name: str) -> None:
    assert findings(KEYS, namespace=name) == ["shared-namespace"]
    assert findings(KEYS, namespace=name, createNamespace=False) == []


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("a", []),
        ("1a", []),
        ("a" * 63, []),
        ("", ["bad-value"]),
        ("a" * 64, ["bad-value"]),
        ("A", ["bad-value"]),
        ("a.b", ["bad-value"]),
        ("-a", ["bad-value"]),
        ("a-", ["bad-value"]),
        ("a\n", ["bad-value"]),
        ("a/b", ["bad-value"]),
        (None, ["wrong-type"]),
        (["a"], ["wrong-type"]),
    ],
)
def test_schema__a_name_is_a_label(name: Any, codes: list[str]) -> None:
    assert findings(KEYS, namespace=name) == codes
