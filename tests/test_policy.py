"""The tables of the policy: names, ids, and the annotations of the base."""

from __future__ import annotations

from collections import Counter

import pytest
import yaml

from compiler.codes import CODES
from compiler.overlay import Ref
from compiler.policy import CHECKOV, ELSEWHERE, KUBE_LINTER, KUBE_SCORE, POLICY, STANDING, marks, standing
from tests.conftest import ROOT

LINTER = (ROOT / "tests" / "policy" / "kube-linter.txt").read_text(encoding="utf-8").split()
OBJECTS = {
    f"{document['kind']} {document['metadata']['name']}": document["metadata"]
    for path in (ROOT / "base").rglob("*.yaml")
    if path.name != "kustomization.yaml" and not path.name.endswith(".patch.yaml")
    for document in [yaml.safe_load(path.read_text(encoding="utf-8"))]
}


def test_policy__rules_are_codes_in_order() -> None:
    assert list(POLICY) == sorted(POLICY)
    assert set(POLICY) <= set(CODES)
    for rule in POLICY.values():
        assert rule.demand.endswith(".")


def test_policy__an_id_belongs_to_one_rule() -> None:
    """All but one: what kube-linter says of Jobs and CronJobs is one check there, and two rules here."""
    ids = Counter(
        id_ for rule in POLICY.values() for id_ in (*rule.kube_linter, *rule.kube_score, *rule.checkov, *rule.trivy)
    )
    assert {id_ for id_, count in ids.items() if count > 1} == {"job-ttl-seconds-after-finished"}
    assert not set(ids) & set(ELSEWHERE)


def test_policy__answers_to_every_default_check_of_kube_linter() -> None:
    """The list is that of kube-linter's code, since the tool is not always here to be asked."""
    assert len(LINTER) == 31
    assert set(LINTER) <= {id_ for rule in POLICY.values() for id_ in rule.kube_linter}


def test_standing__names_objects_of_the_base_and_rules_that_can_be_waived() -> None:
    assert {name for each in STANDING for name in each.objects} <= set(OBJECTS)
    assert all(POLICY[each.rule].waivable for each in STANDING)


@pytest.mark.parametrize("name", OBJECTS)
def test_standing__is_what_the_base_tells_the_tools(name: str) -> None:
    kind, _, own = name.partition(" ")
    said = {
        key: value
        for key, value in (OBJECTS[name].get("annotations") or {}).items()
        if key.startswith((KUBE_LINTER, KUBE_SCORE, CHECKOV))
    }
    assert said == marks(standing(Ref("", kind, own)), {})


def test_annotations__go_on_where_others_ended() -> None:
    before = {KUBE_SCORE: "service-type", f"{CHECKOV}1": "CKV_K8S_43=a", "other": "b"}
    assert marks({"low-user": "why", "missing-digest": "why", "no-anti-affinity": "why"}, before) == {
        f"{KUBE_LINTER}no-anti-affinity": "why",
        KUBE_SCORE: "service-type,container-security-context-user-group-id,"
        "deployment-has-host-podantiaffinity,statefulset-has-host-podantiaffinity",
        f"{CHECKOV}2": "CKV_K8S_40=why",
    }
    assert marks({}, before) == {}
