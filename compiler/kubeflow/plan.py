"""Which overlay an installation of Kubeflow Pipelines asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.kubeflow.layout import NAMESPACE
from compiler.kubeflow.release import RELEASES
from compiler.overlay import Overlay

if TYPE_CHECKING:
    from compiler.kubeflow.installation import Installation


def installed(installation: Installation) -> Overlay:
    """Upstream's manifests without their store."""
    asked = installation.pipelines
    base = asked.base or RELEASES[asked.version].base(many=bool(installation.profiles))
    return Overlay(
        system="pipelines",
        resources=(base,),
        within=NAMESPACE,
        components=("pipelines-no-embedded-store",),
    )
