"""Waivers: what they silence and what they do not, when they end, and what the tools are told."""

from __future__ import annotations

import pytest

from compiler.pipeline import compile_environment
from compiler.report import text
from compiler.understand import understand
from tests.conftest import ROOT, Project
from tests.parts import MINIO, findings, planned

CASES = ROOT / "tests" / "cases"
WAIVER = 'waivers:\n  - {rule: %s, reason: a reason, expires: "2027-01-31"}\n'


def _waived(project: Project, case: str, rule: str) -> list[str]:
    source = CASES / "invalid" / f"{case}.yaml"
    project.add("example", source.read_text(encoding="utf-8") + WAIVER % rule, source.with_suffix(".custom"))
    found = compile_environment(project.workspace, "example", today="2027-01-31").diagnostics
    return [diagnostic.code for diagnostic in found]


@pytest.mark.parametrize(
    "rule", ["writable-root", "ssh-port", "missing-resources", "node-port", "wide-role", "job-ttl"]
)
def test_waivers__silence_their_rule(rule: str, project: Project) -> None:
    assert rule not in _waived(project, f"{rule}/custom", rule)


def test_waivers__silence_no_other_rule(project: Project) -> None:
    assert _waived(project, "pull-policy/custom", "pull-policy") == ["missing-digest"]


def test_waivers__that_the_base_has_anyway_are_idle(project: Project) -> None:
    project.add("example", "overlay: minio-postgres\n" + WAIVER % "missing-digest")
    compilation = compile_environment(project.workspace, "example")
    assert [each.code for each in compilation.diagnostics] == ["idle-waiver"]
    assert compilation.tree is not None


@pytest.mark.parametrize(("today", "codes"), [("", []), ("2027-01-31", []), ("2027-02-01", ["expired-waiver"])])
def test_waivers__hold_until_the_end_of_their_day(today: str, codes: list[str]) -> None:
    content = ("overlay: minio-postgres\n" + WAIVER % "ssh-port").encode()
    assert [each.code for each in understand("example", "e.yaml", content, today=today).diagnostics] == codes


def test_waivers__one_is_what_no_reason_can_waive() -> None:
    waiver = {"reason": "a reason", "expires": "2027-01-31"}
    assert findings(MINIO, waivers=[{"rule": "secret-in-plain-sight", **waiver}]) == ["unknown-value"]
    assert findings(MINIO, waivers=[{"rule": "pull-policy", **waiver, "expires": "2027-04-31"}]) == ["bad-value"]
    assert findings(MINIO, waivers=[{"rule": "pull-policy", **waiver}] * 2) == ["conflicting-keys"]


def test_waivers__keys_that_say_it_need_none() -> None:
    assert [waiver.rule for waiver in planned(MINIO).waivers] == []
    off = planned(MINIO, networkPolicy={"enabled": False})
    assert [waiver.rule for waiver in off.waivers] == ["no-network-policy"]


def test_waivers__tell_the_tools_on_the_objects_alone(project: Project) -> None:
    source = CASES / "valid" / "waived.yaml"
    project.add("example", source.read_bytes(), source.with_suffix(".custom"))
    compilation = compile_environment(project.workspace, "example")
    assert text(compilation.diagnostics) == ""
    annotated = {
        f"{each.ref.kind} {each.ref.name}": each.data["metadata"].get("annotations", {})
        for each in compilation.manifests
    }
    assert annotated["Deployment watcher"] == {
        "kube-score/ignore": "container-security-context-user-group-id",
        "checkov.io/skip1": "CKV_K8S_40=the image of the team knows one user",
        "checkov.io/skip2": "CKV_K8S_43=the registry of the team keeps tags as they are",
    }
    assert annotated["Deployment mlflow"]["checkov.io/skip4"] == "CKV_K8S_40=the image of the team knows one user"
    assert not any("CKV_K8S_40" in str(value) for value in annotated["StatefulSet minio"].values())


def test_waivers__are_where_a_value_comes_from(project: Project) -> None:
    """The line of the waiver is the cause of the annotation."""
    project.add(
        "example", "overlay: aws-keys\nartifacts: {bucket: acme, region: us-east-1}\nnetworkPolicy: {enabled: false}\n"
    )
    compilation = compile_environment(project.workspace, "example")
    assert compilation.overlay is not None
    found = {
        (each.because, each.why)
        for each in compilation.overlay.changes
        if each.route[:2] == ("metadata", "annotations")
    }
    assert found == {(("networkPolicy", "enabled"), "no-network-policy waived")}
