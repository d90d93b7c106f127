"""Labels and annotations of the server's pods; none that a selector uses."""

from __future__ import annotations

import pytest

from compiler.overlay import SERVER
from tests.parts import MINIO, changes, findings, planned


def test_plan__the_pod_template_carries_them() -> None:
    overlay = planned(MINIO, podLabels={"acme.example/team": "ml"}, podAnnotations={"note": "any text, of any length"})
    found = changes(overlay, SERVER)
    assert found["spec.template.metadata.labels.acme.example/team"] == "ml"
    assert found["spec.template.metadata.annotations.note"] == "any text, of any length"


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("team", []),
        ("acme.example/team", []),
        ("app.kubernetes.io.acme.example/name", []),
        ("app.kubernetes.io/name", ["reserved-setting"]),
        ("app.kubernetes.io/component", ["reserved-setting"]),
        ("app.kubernetes.io/part-of", ["reserved-setting"]),
        ("app.kubernetes.io/version", ["reserved-setting"]),
        ("pod-template-hash", ["reserved-setting"]),
        ("", ["bad-value"]),
        ("-team", ["bad-value"]),
        ("A.example/team", ["bad-value"]),
    ],
)
def test_check__labels(name: str, codes: list[str]) -> None:
    assert findings(MINIO, podLabels={name: "a"}) == codes


@pytest.mark.parametrize(
    ("value", "codes"), [("", []), ("a" * 63, []), ("a" * 64, ["bad-value"]), ("a b", ["bad-value"])]
)
def test_schema__values(value: str, codes: list[str]) -> None:
    assert findings(MINIO, podLabels={"team": value}) == codes
    assert findings(MINIO, podAnnotations={"team": value}) == []
