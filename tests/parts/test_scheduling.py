"""On which nodes the pods run: what every pod is told, and what the server's alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from compiler.overlay import SERVER
from compiler.pipeline import compile_environment
from compiler.workload import workloads
from tests.conftest import Project
from tests.parts import MINIO, changes, findings, merged, planned

EVERY: dict[str, Any] = {
    "nodeSelector": {"node-role.kubernetes.io/ml": "", "pool": "ml"},
    "tolerations": [{"key": "ml", "operator": "Exists", "effect": "NoSchedule"}],
    "priorityClassName": "high",
}


def test_every_pod__is_told(project: Project) -> None:
    """Whatever makes it: the server, the migration, databases and stores."""
    project.add("example", json.dumps(merged(MINIO, {"scheduling": EVERY})))
    compilation = compile_environment(project.workspace, "example")
    pods = [workload.pod for workload in workloads(compilation.manifests)]
    assert len(pods) == 5
    for pod in pods:
        assert {name: pod[name] for name in EVERY} == EVERY


def test_every_pod__is_told_nothing_by_default() -> None:
    assert planned(MINIO).pods == ()


_DEMANDED = "requiredDuringSchedulingIgnoredDuringExecution"
_RACK = {"topologyKey": "acme.example/rack", "labelSelector": {"matchLabels": {"b": "c"}}}


def _near(term: dict[str, Any]) -> dict[str, Any]:
    """An affinity that demands pods to be near to."""
    return {"podAffinity": {_DEMANDED: [term]}}


def _on(expression: dict[str, Any]) -> dict[str, Any]:
    """An affinity that demands something of the labels of a node."""
    return {"nodeAffinity": {_DEMANDED: {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}}


def test_affinity__is_the_servers_alone_and_as_written() -> None:
    affinity = {"podAntiAffinity": {_DEMANDED: [_RACK]}}
    overlay = planned(MINIO, scheduling={"affinity": affinity})
    assert changes(overlay, SERVER)["spec.template.spec.affinity"] == affinity
    assert overlay.pods == ()


@pytest.mark.parametrize(
    ("spread", "demanded"),
    [
        ({}, []),
        ({"nodes": "preferred", "zones": "preferred"}, []),
        ({"nodes": "required"}, [0]),
        ({"zones": "required"}, [1]),
        ({"nodes": "required", "zones": "required"}, [0, 1]),
    ],
)
def test_spread__is_demanded_where_it_is_asked_for(spread: dict[str, str], demanded: list[int]) -> None:
    found = changes(planned(MINIO, scheduling={"topologySpread": spread}), SERVER)
    assert {place: value for place, value in found.items() if "topologySpread" in place} == {
        f"spec.template.spec.topologySpreadConstraints[{index}].whenUnsatisfiable": "DoNotSchedule"
        for index in demanded
    }


def test_spread__the_base_names_nodes_then_zones(project: Project) -> None:
    project.add("example", json.dumps(merged(MINIO, {"scheduling": {"topologySpread": {"zones": "required"}}})))
    compilation = compile_environment(project.workspace, "example")
    [pod] = [each.pod for each in workloads(compilation.manifests) if each.ref == SERVER]
    assert [(each["topologyKey"], each["whenUnsatisfiable"]) for each in pod["topologySpreadConstraints"]] == [
        ("kubernetes.io/hostname", "ScheduleAnyway"),
        ("topology.kubernetes.io/zone", "DoNotSchedule"),
    ]


@pytest.mark.parametrize(
    ("toleration", "codes"),
    [
        ({"operator": "Exists"}, []),
        ({"key": "a", "value": "b"}, []),
        ({"key": "a", "value": True, "effect": "NoExecute", "tolerationSeconds": 60}, []),
        ({"key": "a", "operator": "Exists", "value": "b"}, ["conflicting-keys"]),
        ({"value": "b"}, ["conflicting-keys"]),
        ({}, ["conflicting-keys"]),
        ({"key": "a", "tolerationSeconds": 60}, ["conflicting-keys"]),
        ({"key": "a", "effect": "NoExecutes"}, ["unknown-value"]),
    ],
)
def test_check__tolerations(toleration: dict[str, Any], codes: list[str]) -> None:
    assert findings(MINIO, scheduling={"tolerations": [toleration]}) == codes


@pytest.mark.parametrize(
    ("scheduling", "codes"),
    [
        ({"nodeSelector": {"pool": True}}, []),
        ({"nodeSelector": {"a/b/c": "d"}}, ["bad-value"]),
        ({"nodeSelector": {"pool": "a b"}}, ["bad-value"]),
        ({"nodeSelector": {"pool": "a" * 64}}, ["bad-value"]),
        ({"priorityClassName": "High"}, ["bad-value"]),
        ({"topologySpread": {"zones": "always"}}, ["unknown-value"]),
        ({"affinity": {"nodeAffinities": {}}}, ["unknown-key"]),
        ({"affinity": _near(_RACK)}, []),
        ({"affinity": _near({**_RACK, "topologyKey": "a rack"})}, ["bad-value"]),
        ({"affinity": _near({})}, ["missing-key"] * 2),
        ({"affinity": _near({**_RACK, "namespaces": ["A"]})}, ["bad-value"]),
        ({"affinity": _near({**_RACK, "matchLabelKeys": ["a"]})}, []),
        (
            {"affinity": _near({**_RACK, "labelSelector": {"matchLabels": {"a": "c"}}, "matchLabelKeys": ["a"]})},
            ["bad-value"],
        ),
        ({"affinity": _on({"key": "a", "operator": "In", "values": ["b"]})}, []),
        ({"affinity": _on({"key": "a", "operator": "In", "values": ["b c"]})}, ["bad-value"]),
        ({"affinity": _on({"key": "a", "operator": "In", "values": []})}, ["bad-value"]),
        ({"affinity": _on({"key": "a", "operator": "NotIn"})}, ["missing-key"]),
        ({"affinity": _on({"key": "a", "operator": "Exists"})}, []),
        ({"affinity": _on({"key": "a", "operator": "Exists", "values": ["b"]})}, ["bad-value"]),
        ({"affinity": _on({"key": "a", "operator": "Gt", "values": ["1"]})}, []),
        ({"affinity": _on({"key": "a", "operator": "Gt", "values": ["many"]})}, ["bad-value"]),
        ({"affinity": {"nodeAffinity": {_DEMANDED: {"nodeSelectorTerms": []}}}}, ["bad-value"]),
    ],
)
def test_schema__scheduling(scheduling: dict[str, Any], codes: list[str]) -> None:
    assert findings(MINIO, scheduling=scheduling) == codes
