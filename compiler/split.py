"""What holds for both servers of `mlflow.mode: split`: the parts speak of the server, and the one of artifacts hears it too."""

from __future__ import annotations

from compiler.overlay import ARTIFACT_SERVER, SERVER, Change, Overlay
from compiler.route import Named

_SHARED = ("artifacts", "podLabels", "podAnnotations", "serviceAccount", "terminationGracePeriodSeconds")
_SHARED_OF = {
    "mlflow": ("args", "envFrom", "image", "staticPrefix"),
    "scheduling": ("topologySpread",),
    "ingress": ("maxUploadSize",),
    "gateway": ("maxUploadSize",),
}
"""The keys of which some alone are shared."""


def shared(overlay: Overlay) -> Overlay:
    """The changes of the server's Deployment that hold for the one of artifacts too, as changes of that."""
    return Overlay(
        changes=tuple(
            Change(ARTIFACT_SERVER, change.route, change.value, change.because, change.why)
            for change in overlay.changes
            if change.target == SERVER and _holds_for_both(change)
        )
    )


def _holds_for_both(change: Change) -> bool:
    """Whether it follows from a shared key, and is of the pod or of the container that both pods have."""
    head, *rest = change.because
    asked = head in _SHARED or (bool(rest) and rest[0] in _SHARED_OF.get(str(head), ()))
    if "initContainers" in change.route:
        return False
    inside = change.route[change.route.index("containers") + 1] if "containers" in change.route else Named("mlflow")
    return asked and inside == Named("mlflow")
