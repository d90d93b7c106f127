"""What OpenShift admits: pods that name no user and no group, in every kind, and the cluster's DNS where it runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from compiler.kinds import kinds_of
from compiler.manifest import Manifest
from compiler.pipeline import compile_environment
from compiler.rules.pods import restricted
from compiler.workload import Workload, containers, matches, workloads
from tests.conftest import ROOT, Project
from tests.parts import MINIO, Values, findings, merged, planned

BASES: dict[str, Values] = {
    kind: yaml.safe_load((ROOT / "overlays" / kind / "environment.yaml").read_text(encoding="utf-8"))
    for kind in kinds_of("mlflow")
}
"""The reference environment of each kind."""
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
"""What restricted-v2 lets a pod mount."""
FIXED = ("runAsUser", "runAsGroup", "fsGroup", "supplementalGroups", "seLinuxOptions")
"""What it refuses outside of a range that nobody knows beforehand, or that container engines refuse without a user."""


def _built(project: Project, values: Values) -> tuple[Manifest, ...]:
    project.add("example", json.dumps(values))
    compilation = compile_environment(project.workspace, "example")
    assert compilation.tree, compilation.diagnostics
    return compilation.manifests


def _named(pod: Workload) -> set[str]:
    contexts = [pod.pod["securityContext"], *(container["securityContext"] for _, container in containers(pod))]
    return {name for context in contexts for name in FIXED if name in context}


@pytest.mark.parametrize("kind", BASES)
def test_openshift__no_pod_names_a_user_or_group_and_all_stay_restricted(kind: str, project: Project) -> None:
    manifests = _built(project, merged(BASES[kind], {"platform": "openshift"}))
    pods = list(workloads(manifests))
    others = set() if kind == "local" else {"Job", "StatefulSet"}
    assert {"Deployment", *others} == {pod.ref.kind for pod in pods}
    for pod in pods:
        assert _named(pod) == set(), pod.ref
        assert pod.pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
        assert {kind for volume in pod.pod["volumes"] for kind in volume if kind != "name"} <= VOLUMES
    assert restricted(planned(BASES[kind]), manifests, ()) == []


@pytest.mark.parametrize(
    "path", sorted((ROOT / "tests" / "everything").glob("[!k]*/environment.yaml")), ids=lambda p: p.parent.name
)
def test_openshift__whatever_else_is_on(path: Path, project: Project) -> None:
    """No part brings a pod along that OpenShift refuses."""
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    for pod in workloads(_built(project, {**values, "platform": "openshift"})):
        assert _named(pod) == set(), pod.ref


def test_kubernetes__pods_name_a_user(project: Project) -> None:
    """So the test above looks where users are named."""
    for pod in workloads(_built(project, MINIO)):
        assert _named(pod) == {"runAsUser", "runAsGroup", "fsGroup"}, pod.ref


@pytest.mark.parametrize("values", [MINIO, merged(MINIO, {"platform": "openshift"})])
def test_openshift__the_line_of_a_user_is_written_by_the_container_engine(values: Values, project: Project) -> None:
    """CRI-O adds a made-up user to /etc/passwd unless something is mounted there."""
    mounts = {
        mount["mountPath"]
        for pod in workloads(_built(project, values))
        for _, container in containers(pod)
        for mount in container.get("volumeMounts", ())
    }
    assert ("/etc/passwd" in mounts) is ("platform" not in values)


def _of_dns(manifests: tuple[Manifest, ...]) -> list[dict[str, Any]]:
    return [each.data["spec"] for each in manifests if each.ref.name == "mlflow-to-dns"]


def test_openshift__dns_is_found_by_those_who_ask_for_names(project: Project) -> None:
    manifests = _built(project, merged(MINIO, {"platform": "openshift"}))
    [policy] = _of_dns(manifests)
    asking = {pod.ref.kind for pod in workloads(manifests) if matches(policy["podSelector"], pod.labels)}
    assert asking == {"Deployment", "Job"}
    assert {port["port"] for rule in policy["egress"] for port in rule["ports"]} == {5353}


def test_openshift__no_policy_where_there_are_none(project: Project) -> None:
    values = merged(MINIO, {"platform": "openshift", "networkPolicy": {"enabled": False}})
    assert _of_dns(_built(project, values)) == []


@pytest.mark.parametrize(("platform", "codes"), [("eks", ["unknown-value"]), (True, ["unknown-value"])])
def test_schema__refuses(platform: Any, codes: list[str]) -> None:
    assert findings(MINIO, platform=platform) == codes
