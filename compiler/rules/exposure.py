"""Who reaches the pods of a build, and what they reach: policies, ports of nodes, snippets, roles. `compiler.policy` says why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from compiler.manifest import Fault, Manifest
from compiler.overlay import Overlay
from compiler.route import ABSENT, Route, follow
from compiler.workload import Workload, selected, workloads

_LABEL = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
"""The value of a label, as the API server checks it."""
_ROLES = ("Role", "ClusterRole")
_RBAC = "rbac.authorization.k8s.io"

_LEADS_TO_MORE: tuple[tuple[str, set[str], set[str], str], ...] = (
    ("", {"secrets"}, {"get", "list", "watch"}, "reads every Secret"),
    ("", {"pods/exec", "nodes/proxy"}, {"create"}, "runs commands in any pod"),
    ("", {"users", "groups", "serviceaccounts"}, {"impersonate"}, "acts as anybody"),
    ("", {"services/status"}, {"update", "patch"}, "sends the traffic of Services elsewhere"),
    (_RBAC, {"rolebindings", "clusterrolebindings"}, {"bind"}, "gives itself any role"),
    (_RBAC, {"roles", "clusterroles"}, {"escalate"}, "gives a role more than it has"),
    (
        "admissionregistration.k8s.io",
        {"mutatingwebhookconfigurations", "validatingwebhookconfigurations"},
        {"create", "update", "patch"},
        "sees and changes whatever is created",
    ),
    ("certificates.k8s.io", {"certificatesigningrequests/approval"}, {"update", "patch"}, "signs itself any identity"),
    ("certificates.k8s.io", {"signers"}, {"approve"}, "signs itself any identity"),
)
"""Grants that lead to more than they say: the API group, resources, verbs, and what who has them can do."""


def expose(overlay: Overlay, manifests: Sequence[Manifest], made_up: Sequence[str]) -> list[Fault]:
    """Every pod is bound by policies both ways; no port of a node, no snippet and no wide role stands in the build."""
    faults = [fault for workload in workloads(manifests) for fault in _isolated(workload, manifests)]
    for manifest in manifests:
        faults += _labels(manifest)
        match manifest.ref.kind:
            case "Service":
                faults += _node_port(manifest)
            case "Ingress":
                faults += _snippets(manifest)
            case kind if kind in _ROLES:
                faults += _role(manifest)
            case _:
                pass
    return faults


def _isolated(workload: Workload, manifests: Sequence[Manifest]) -> Iterator[Fault]:
    bound: set[str] = set()
    for policy in selected(manifests, workload, "NetworkPolicy", ("spec", "podSelector")):
        spec = policy.data["spec"]
        bound |= set(spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])])
    for direction, word in (("Ingress", "anybody may reach it"), ("Egress", "it may reach anybody")):
        if direction not in bound:
            message = f"no NetworkPolicy binds its {direction.lower()}: {word}"
            hint = f"add a NetworkPolicy of type {direction} that picks its pods"
            yield Fault(workload.ref, workload.route, "no-network-policy", message, hint)


def _labels(manifest: Manifest) -> Iterator[Fault]:
    for route in (("metadata", "labels"), ("spec", "template", "metadata", "labels")):
        labels = follow(manifest.data, route)
        for key, value in labels.items() if isinstance(labels, dict) else ():
            if not _LABEL.fullmatch(str(value)):
                hint = "at most 63 letters, digits, dashes, dots and underscores, with a letter or digit at both ends"
                yield Fault(manifest.ref, (*route, key), "bad-label", f"the API server refuses the label {key}", hint)


def _node_port(manifest: Manifest) -> Iterator[Fault]:
    if follow(manifest.data, ("spec", "type")) == "NodePort":
        message, hint = "the Service takes a port of every node", "use an Ingress, or type: LoadBalancer"
        yield Fault(manifest.ref, ("spec", "type"), "node-port", message, hint)


def _snippets(manifest: Manifest) -> Iterator[Fault]:
    annotations = follow(manifest.data, ("metadata", "annotations"))
    for key in annotations if isinstance(annotations, dict) else ():
        if "snippet" in key:
            route: Route = ("metadata", "annotations", key)
            message = "configuration of NGINX in an annotation runs with the controller's rights (CVE-2021-25742)"
            yield Fault(manifest.ref, route, "ingress-snippet", message, "use the controller's own settings")


def _role(manifest: Manifest) -> Iterator[Fault]:
    rules = follow(manifest.data, ("rules",))
    for index, rule in enumerate(rules if rules is not ABSENT else []):
        route: Route = ("rules", index)
        groups, resources, verbs = (set(rule.get(field) or []) for field in ("apiGroups", "resources", "verbs"))
        if any("*" in word for word in groups | resources | verbs):
            yield _wide(manifest, route, "it grants everything of a sort")
            continue
        named = bool(rule.get("resourceNames"))
        for group, what, how, message in _LEADS_TO_MORE:
            if group in groups and resources & what and verbs & how and not (named and "secrets" in what):
                yield _wide(manifest, route, f"who has it {message}")


def _wide(manifest: Manifest, route: Route, message: str) -> Fault:
    return Fault(manifest.ref, route, "wide-role", message, "name the resources and verbs that are needed, and no more")
