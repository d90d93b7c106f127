"""What the cluster is, where that changes what it admits: `kubernetes`, or `openshift`.

OpenShift gives every namespace a range of users, and its security context constraint *restricted-v2* refuses a pod that names a
user or group outside of it. With `platform: openshift` no pod names any, databases and MinIO included: the constraint fills them
in. All else stays, so that the pods still keep to Pod Security *restricted*. The cluster's DNS, too, is looked for where
OpenShift runs it.

Set it before the first start: a volume belongs to the user that wrote it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from compiler.kind import Kind
from compiler.overlay import Overlay, Waiver
from compiler.part import Schema, choice, sound

if TYPE_CHECKING:
    from compiler.environment import Environment

Platform = Literal["kubernetes", "openshift"]

KEYS: dict[str, Schema] = {
    "platform": choice(
        "What the cluster is.",
        {
            "kubernetes": "Any Kubernetes: pods name the user that they run as.",
            "openshift": "OpenShift: it names the users of processes itself.",
        },
        default="kubernetes",
    )
}

check = sound


def read(values: Mapping[str, Any], kind: Kind) -> Platform:
    """What the cluster is."""
    given: Platform = values.get("platform", "kubernetes")
    return given


def plan(environment: Environment) -> Overlay:
    """What OpenShift needs, taken from whatever the other parts run."""
    if environment.platform == "kubernetes":
        return Overlay()
    waiver = Waiver("low-user", "OpenShift names the users of processes itself", ("platform",))
    return Overlay(components=("platform-openshift",), waivers=(waiver,))
