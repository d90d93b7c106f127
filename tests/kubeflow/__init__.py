"""What the tests of Kubeflow Pipelines share: environments as Python values, and the environments of MLflow beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from compiler.overlay import Overlay
from compiler.understand import Compilation, understand
from tests.parts import Values, merged

KEYS: Values = {"overlay": "kfp-keys", "artifacts": {"bucket": "kubeflow-pipelines", "region": "eu-west-1"}}
ARN = "arn:aws:iam::123456789012:role/"
ROLE: Values = {
    "overlay": "kfp-irsa",
    "artifacts": {"bucket": "kubeflow-pipelines", "region": "eu-west-1", "roleArn": f"{ARN}kfp-backend"},
}
OWNER = "ana@acme.example"


def understood(values: Values, others: Mapping[str, Values] | None = None, **more: Any) -> Compilation:
    """What the first half of the compiler makes of an environment, beside others of its project."""
    files = {name: json.dumps(each).encode() for name, each in (others or {}).items()}
    return understand(
        "example",
        "e.yaml",
        json.dumps(merged(values, more)).encode(),
        others=(lambda: files) if others is not None else None,
    )


def planned(values: Values, others: Mapping[str, Values] | None = None, **more: Any) -> Overlay:
    """The overlay of an environment without errors."""
    compilation = understood(values, others, **more)
    assert compilation.overlay is not None, compilation.diagnostics
    return compilation.overlay


def findings(values: Values, others: Mapping[str, Values] | None = None, **more: Any) -> list[str]:
    """The codes of everything that is found in an environment."""
    return [each.code for each in understood(values, others, **more).diagnostics]
