"""The version of Kubernetes that a build is held against."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.parts.kubernetes_version import DEFAULT, SUPPORTED
from tests.parts import MINIO, findings, understood


def test_read__every_version_that_is_supported() -> None:
    assert DEFAULT in SUPPORTED
    for version in SUPPORTED:
        environment = understood(MINIO, kubernetesVersion=version).environment
        assert environment is not None
        assert environment.kubernetes_version == version
    environment = understood(MINIO).environment
    assert environment is not None
    assert environment.kubernetes_version == DEFAULT


@pytest.mark.parametrize("version", ["1.29", "1.99", "1.35.0", "v1.35", "1", "", 1.29, 1])
def test_schema__refuses_every_other(version: Any) -> None:
    assert findings(MINIO, kubernetesVersion=version) == ["unknown-value"]


def test_schema__takes_a_version_that_looks_like_a_number() -> None:
    assert findings(MINIO, kubernetesVersion=1.35) == []


def test_plan__changes_nothing_in_what_is_built() -> None:
    overlays = [understood(MINIO, kubernetesVersion=version).overlay for version in SUPPORTED]
    assert all(overlay == overlays[0] for overlay in overlays)
