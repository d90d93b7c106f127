"""The parts of the language that Kubeflow Pipelines has, in the order of the manual; two are MLflow's too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compiler.kinds import KINDS
from compiler.kubeflow.installation import Installation
from compiler.kubeflow.parts import artifacts, cloud, pipelines, profiles
from compiler.part import Part
from compiler.parts import kubernetes_version

PARTS: dict[str, Part[Installation]] = {
    "kubernetesVersion": kubernetes_version,
    "pipelines": pipelines,
    "artifacts": artifacts,
    "profiles": profiles,
    "cloud": cloud,
}


def installation(name: str, values: Mapping[str, Any], custom: bool = False) -> Installation:  # noqa: FBT001, FBT002
    """The installation that values ask for. Total for values that the schema accepts.

    In: the environment's name, its values, and whether it has a `custom/` component.
    """
    kind = KINDS[values["overlay"]]
    return Installation(
        name=name,
        kind=kind,
        custom=custom,
        kubernetes_version=kubernetes_version.read(values, kind),
        pipelines=pipelines.read(values, kind),
        artifacts=artifacts.read(values, kind),
        profiles=profiles.read(values, kind),
        cloud=cloud.read(values, kind),
    )
