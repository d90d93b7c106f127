"""What is needed outside the cluster, as documents beside the overlay: the bucket, and who may use what of it. Nothing is
applied.

The API server and the UI may read and write under `pipelines/`, `artifacts/` and `v2/artifacts/`; a profile under its own two
prefixes, and it can list nothing else. `iam: documented` has the two policies of deployKF's guide instead, with which a profile
can list the whole bucket. The keys are those of MLflow's environments.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from compiler.diagnostic import Finding
from compiler.overlay import Overlay
from compiler.parts.cloud import KEYS, read

if TYPE_CHECKING:
    from compiler.kubeflow.installation import Installation

__all__ = ["KEYS", "check", "plan", "read"]


def check(installation: Installation) -> Iterable[Finding]:
    """Keys that mean nothing here."""
    return ()


def plan(installation: Installation) -> Overlay:
    """The documents."""
    return Overlay()
