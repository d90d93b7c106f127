"""What the tests of the parts share: environments as Python values, and what the compiler makes of them before any build."""

from __future__ import annotations

import json
from typing import Any

from compiler.overlay import Overlay, Ref
from compiler.route import show
from compiler.understand import Compilation, understand

Values = dict[str, Any]

MINIO: Values = {"overlay": "minio-postgres"}
MYSQL: Values = {"overlay": "minio-mysql"}
KEYS: Values = {"overlay": "aws-keys", "artifacts": {"bucket": "acme", "region": "eu-central-1"}}
ROLE: Values = {
    "overlay": "eks-irsa",
    "artifacts": {"bucket": "acme", "region": "eu-central-1", "roleArn": "arn:aws:iam::123456789012:role/mlflow"},
}


def merged(values: Values, more: Values) -> Values:
    """Values with more of them, mappings merged at every depth."""
    both = dict(values)
    for key, value in more.items():
        old = both.get(key)
        both[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return both


def understood(values: Values, **more: Any) -> Compilation:
    """What the first half of the compiler makes of an environment; JSON is YAML."""
    return understand("example", "e.yaml", json.dumps(merged(values, more)).encode())


def planned(values: Values, **more: Any) -> Overlay:
    """The overlay of an environment without errors."""
    compilation = understood(values, **more)
    assert compilation.overlay is not None, compilation.diagnostics
    return compilation.overlay


def findings(values: Values, **more: Any) -> list[str]:
    """The codes of everything that is found in an environment, in the order of its lines."""
    return [diagnostic.code for diagnostic in understood(values, **more).diagnostics]


def settings_of(overlay: Overlay) -> dict[str, Any]:
    """The server's settings that an overlay sets; the last of two wins, as in the merge."""
    return {str(change.route[-1]): change.value for change in overlay.changes if change.target.kind == "ConfigMap"}


def settings(values: Values, **more: Any) -> dict[str, Any]:
    """The server's settings that an environment leads to."""
    return settings_of(planned(values, **more))


def changes(overlay: Overlay, target: Ref) -> dict[str, Any]:
    """What an overlay sets in an object: values by their place as a person writes it."""
    return {show(change.route): change.value for change in overlay.changes if change.target == target}


def secrets(overlay: Overlay) -> dict[str, list[str]]:
    """The keys of each Secret of an overlay."""
    return {secret.name: [key.key for key in secret.keys] for secret in overlay.secrets}
