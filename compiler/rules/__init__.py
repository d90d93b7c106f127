"""What must hold of a whole build. Each rule is a function from overlay and manifests to faults."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from compiler.manifest import Fault, Manifest
from compiler.overlay import Overlay
from compiler.rules import (
    availability,
    changes,
    containers,
    exposure,
    flow,
    identity,
    jobs,
    leaks,
    names,
    order,
    pipelines,
    pods,
    references,
    scaling,
)
from compiler.workload import workloads

Rule = Callable[[Overlay, Sequence[Manifest], Sequence[str]], list[Fault]]

RULES: dict[str, Rule] = {
    "every change of the overlay is in the build": changes.hit,
    "every image of the overlay is in the build": changes.images,
    "no placeholder of the base survives": changes.placeholders,
    "every reference between objects resolves": references.resolve,
    "selectors pick pods, and ports exist": names.pick,
    "autoscalers can act": scaling.scale,
    "a volume is written before it is read": order.written_first,
    "no secret value stands outside a Secret": leaks.leaks,
    "every image is pinned": pods.pinned,
    "pods keep to Pod Security restricted": pods.restricted,
    "no Secret flows into an argument, a URI, a probe or a log": flow.flow,
    "containers are bounded, read-only and of their own account, where no waiver says otherwise": containers.contain,
    "probes, replicas and budgets keep the pods available, where no waiver says otherwise": availability.available,
    "policies bind every pod, and nothing opens more than it needs, where no waiver says otherwise": exposure.expose,
    "a Job is named for its content": jobs.named,
    "nothing stands before the identity of the server's pod": identity.unshadowed,
}
"""Every rule for an MLflow server, under the sentence that it proves."""
PIPELINES: dict[str, Rule] = {
    "every change of the overlay is in the build": changes.hit,
    "no placeholder of the base survives": changes.placeholders,
    "no secret value stands outside a Secret": leaks.leaks,
    "nothing names upstream's own object store": pipelines.detached,
    "no controller sets profiles up for that store": pipelines.uncontrolled,
    "every variable has one source, and every container an image": pipelines.one_source,
    "no Profile lets Kubeflow rewrite the trust of a role": pipelines.trust_kept,
}
"""Those for Kubeflow Pipelines, whose own manifests are judged by nobody here."""


def rules_of(overlay: Overlay) -> dict[str, Rule]:
    """The rules that an overlay is held to."""
    return RULES if overlay.system == "mlflow" else PIPELINES


def between(manifests: Sequence[Manifest], *, whole: bool) -> list[Fault]:
    """What is wrong between objects of one namespace. Where they are not the whole, only what they show is judged."""
    kinds = {manifest.ref.kind for manifest in manifests} | ({"Pod"} if any(workloads(manifests)) else set())
    everywhere: dict[str, references.Keys] = {"ConfigMap": {"kube-root-ca.crt": None}}
    found = [
        *references.resolved(manifests, everywhere),
        *names.picks(manifests),
        *scaling.budgets(manifests),
        *scaling.autoscalers(manifests),
    ]
    return [fault for fault in found if whole or not fault.looks_for or fault.looks_for in kinds]


def faults(overlay: Overlay, manifests: Sequence[Manifest], made_up: Sequence[str]) -> list[Fault]:
    """Everything that breaks a rule. In: the overlay, its build, and the values that were made up as secrets for it."""
    return [fault for rule in rules_of(overlay).values() for fault in rule(overlay, manifests, made_up)]
