"""What became of an API: removed from a Kubernetes version, or still there and on its way out.

What the bundled schemas of all minors tell is read from them. What went before the oldest of them is from
https://kubernetes.io/docs/reference/using-api/deprecation-guide/.
"""

from __future__ import annotations

import re
from functools import cache

from compiler.catalog import described, has, kinds, schema_versions

_BEFORE: dict[tuple[str, tuple[str, ...]], tuple[str, str]] = {
    ("extensions/v1beta1", ("DaemonSet", "Deployment", "ReplicaSet")): ("1.16", "apps/v1"),
    ("extensions/v1beta1", ("NetworkPolicy",)): ("1.16", "networking.k8s.io/v1"),
    ("extensions/v1beta1", ("Ingress",)): ("1.22", "networking.k8s.io/v1"),
    ("extensions/v1beta1", ("PodSecurityPolicy",)): ("1.16", ""),
    ("policy/v1beta1", ("PodSecurityPolicy",)): ("1.25", ""),
    ("policy/v1beta1", ("PodDisruptionBudget",)): ("1.25", "policy/v1"),
    ("apps/v1beta1", ("Deployment", "StatefulSet")): ("1.16", "apps/v1"),
    ("apps/v1beta2", ("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet")): ("1.16", "apps/v1"),
    ("admissionregistration.k8s.io/v1beta1", ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")): (
        "1.22",
        "admissionregistration.k8s.io/v1",
    ),
    ("apiextensions.k8s.io/v1beta1", ("CustomResourceDefinition",)): ("1.22", "apiextensions.k8s.io/v1"),
    ("apiregistration.k8s.io/v1beta1", ("APIService",)): ("1.22", "apiregistration.k8s.io/v1"),
    ("authentication.k8s.io/v1beta1", ("TokenReview",)): ("1.22", "authentication.k8s.io/v1"),
    (
        "authorization.k8s.io/v1beta1",
        ("LocalSubjectAccessReview", "SelfSubjectAccessReview", "SubjectAccessReview", "SelfSubjectRulesReview"),
    ): ("1.22", "authorization.k8s.io/v1"),
    ("autoscaling/v2beta1", ("HorizontalPodAutoscaler",)): ("1.25", "autoscaling/v2"),
    ("batch/v1beta1", ("CronJob",)): ("1.25", "batch/v1"),
    ("certificates.k8s.io/v1beta1", ("CertificateSigningRequest",)): ("1.22", "certificates.k8s.io/v1"),
    ("coordination.k8s.io/v1beta1", ("Lease",)): ("1.22", "coordination.k8s.io/v1"),
    ("discovery.k8s.io/v1beta1", ("EndpointSlice",)): ("1.25", "discovery.k8s.io/v1"),
    ("events.k8s.io/v1beta1", ("Event",)): ("1.25", "events.k8s.io/v1"),
    ("networking.k8s.io/v1beta1", ("Ingress", "IngressClass")): ("1.22", "networking.k8s.io/v1"),
    ("node.k8s.io/v1beta1", ("RuntimeClass",)): ("1.25", "node.k8s.io/v1"),
    (
        "rbac.authorization.k8s.io/v1beta1",
        ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"),
    ): ("1.22", "rbac.authorization.k8s.io/v1"),
    ("scheduling.k8s.io/v1beta1", ("PriorityClass",)): ("1.22", "scheduling.k8s.io/v1"),
    ("storage.k8s.io/v1beta1", ("CSIDriver", "CSINode", "StorageClass", "VolumeAttachment")): (
        "1.22",
        "storage.k8s.io/v1",
    ),
}


def _minor(version: str) -> int:
    return int(version.split(".")[1])


@cache
def removed(version: str, api_version: str, kind: str) -> str:
    """Since which minor a version of Kubernetes lacks a kind that it had; empty where that is not known."""
    for (gone, of), (since, _) in _BEFORE.items():
        if gone == api_version and kind in of and _minor(since) <= _minor(version):
            return since
    if has(version, api_version, kind):
        return ""
    older = [each for each in schema_versions() if _minor(each) < _minor(version)]
    had = [each for each in older if has(each, api_version, kind)]
    return f"1.{_minor(had[-1]) + 1}" if had else ""


@cache
def successors(version: str, api_version: str, kind: str) -> tuple[str, ...]:
    """The apiVersions under which a version of Kubernetes has a kind."""
    for (gone, of), (_, instead) in _BEFORE.items():
        if gone == api_version and kind in of:
            return (instead,) if instead and has(version, instead, kind) else ()
    group = api_version.partition("/")[0]
    found = [each for each, name in kinds(version, f"{kind.lower()}-*.json") if name == kind and each != api_version]
    same = [each for each in found if each.partition("/")[0] == group]
    return tuple(same or found)


@cache
def deprecated(version: str, api_version: str, kind: str) -> tuple[str, str]:
    """What is to be said of a kind that is on its way out, and what to do; both empty for any other."""
    if not has(version, api_version, kind):
        return "", ""
    later = [each for each in schema_versions() if _minor(each) > _minor(version)]
    gone = next((each for each in later if not has(each, api_version, kind)), "")
    stable = [
        each
        for each in successors(gone or version, api_version, kind)
        if re.fullmatch(r"v\d+", each.rpartition("/")[2])
    ]
    if gone:
        return f"{api_version} is gone in Kubernetes {gone}", f"write apiVersion: {stable[-1]}" if stable else ""
    if (
        stable
        and re.search(r"(alpha|beta)\d+$", api_version)
        and stable[-1].partition("/")[0] == api_version.partition("/")[0]
    ):
        return f"{api_version} is older than {stable[-1]}", f"write apiVersion: {stable[-1]}"
    words = re.search(r"Deprecated: ([^\n]+)", described(version, api_version, kind))
    return (f"{kind} of {api_version} is deprecated", words[1].strip().rstrip(".")) if words else ("", "")
