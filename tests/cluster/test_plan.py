"""What `plan` says follows from a change, beside what a real API server then does."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.sample import sampled
from tests.test_plan import CASES as ALL
from tests.test_plan import PLANS, git

from . import controllers
from .apiserver import Server
from .applied import Applied, again, apply
from .kubectl import Object
from .stage import COMPILER, Stage, stage, successor

pytestmark = pytest.mark.cluster
CASES = sampled(ALL)
KINDS = (
    "configmaps,secrets,services,serviceaccounts,persistentvolumeclaims,deployments,statefulsets,jobs,cronjobs,"
    "networkpolicies,ingresses,poddisruptionbudgets,horizontalpodautoscalers"
)
WITH_PODS = ("Deployment", "StatefulSet")
BY_CONTENT = ("ConfigMap", "Job")
Names = set[tuple[str, str]]


@dataclass(frozen=True)
class Seen:
    """A change: what was said of it, by the commit and by the cluster, and what the cluster had before and after."""

    name: str
    by_commit: list[dict[str, Any]]
    by_cluster: list[dict[str, Any]]
    before: dict[tuple[str, str], Object]
    after: dict[tuple[str, str], Object]
    error: str
    then: list[dict[str, Any]]
    """What is said of it by the cluster when it is done."""


@pytest.fixture(scope="module")
def stages(directory: Path) -> tuple[Stage, Stage]:
    """A repository that has every environment as it was, and the same one with each as it will be."""
    first = stage(directory / "plans-first")
    for name in CASES:
        write(first, name, "before")
    first.compile([space(name) for name in CASES])
    git(first.root, "init", "--quiet")
    git(first.root, "add", "--all")
    git(first.root, "commit", "--quiet", "--message=before")
    second = successor(first, directory / "plans-second")
    for name in CASES:
        write(second, name, "after")
    return first, second


def space(name: str) -> str:
    """The environment and namespace of a change."""
    return f"plan-{name}"


def write(where: Stage, name: str, side: str) -> None:
    text = (PLANS / name / f"{side}.yaml").read_text(encoding="utf-8")
    where.write(space(name), text)
    if side == "after" and "namespace: tracking" in text:
        file = where.overlay(space(name)) / "environment.yaml"
        file.write_text(re.sub("^namespace: .*", r"\g<0>-then", file.read_text(encoding="utf-8")), encoding="utf-8")


@pytest.fixture(scope="module", params=CASES)
def seen(request: pytest.FixtureRequest, server: Server, stages: tuple[Stage, Stage]) -> Seen:
    first, second = stages
    name = space(request.param)
    if "growing" in (PLANS / request.param / "before.yaml").read_text(encoding="utf-8"):
        controllers.storage_class(server.kubectl, "growing")
    applied = apply(server, first, name)
    assert applied.answer.code == 0, applied.answer
    controllers.bind(server.kubectl, name)
    before = there(applied, name)
    by_commit = planned(second, name)
    live = ("--live", "--context=test", f"--kubeconfig={server.kubectl.kubeconfig}")
    by_cluster = planned(second, name, *live)
    second.compile([name])
    answer = again(applied, second).answer
    then = planned(second, name, *live)
    return Seen(
        request.param, by_commit, by_cluster, before, there(applied, name), answer.err if answer.code else "", then
    )


def planned(where: Stage, name: str, *arguments: str) -> list[dict[str, Any]]:
    """The consequences of what an environment says now."""
    command = [str(COMPILER), "plan", name, f"--root={where.root}", "--output=json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == "", done
    consequences: list[dict[str, Any]] = json.loads(done.stdout)["plan"]["consequences"]
    return consequences


def there(applied: Applied, name: str) -> dict[tuple[str, str], Object]:
    """What is in the namespace of a change, and in the one that it moves to."""
    found = [item for each in (name, f"{name}-then") for item in applied.kubectl.objects(KINDS, f"--namespace={each}")]
    return {(item["kind"], item["metadata"]["name"]): item for item in found if item["metadata"].get("labels")}


def objects(consequences: Sequence[dict[str, Any]], *outcomes: str) -> Names:
    return {
        (each["object"]["kind"], each["object"]["name"])
        for each in consequences
        if not outcomes or each["outcome"] in outcomes
    }


def refusals(error: str) -> Names:
    """The objects that kubectl says were refused."""
    return set(re.findall(r'^The (\w+) "([^"]+)" is invalid', error, re.MULTILINE))


@pytest.mark.parametrize("side", ["by_commit", "by_cluster"])
def test_refused(seen: Seen, side: str) -> None:
    """What is said to be refused is, and nothing else."""
    said = objects(getattr(seen, side), "refused")
    assert said == refusals(seen.error), seen.error
    assert bool(said) == bool(seen.error), seen.error


@pytest.mark.parametrize("side", ["by_commit", "by_cluster"])
def test_restarted(seen: Seen, side: str) -> None:
    """The pods start anew of which it is said, and no others: their template is another."""
    if seen.name == "another-namespace":
        pytest.skip("what is in another namespace is new")
    said = {each for each in objects(getattr(seen, side), "restarted") if each[0] in WITH_PODS}
    templates = {
        key: (item["spec"]["template"], seen.after[key]["spec"]["template"])
        for key, item in seen.before.items()
        if key[0] in WITH_PODS
    }
    assert said == {key for key, (old, new) in templates.items() if old != new}


@pytest.mark.parametrize("side", ["by_commit", "by_cluster"])
def test_new(seen: Seen, side: str) -> None:
    """What is new, or is called something else for its content, is what was not there."""
    if seen.name == "another-namespace":
        pytest.skip("objects of the same names are in both namespaces")
    told = getattr(seen, side)
    renamed = {each for each in objects(told, "changed", "restarted") if each[0] in BY_CONTENT}
    assert objects(told, "added") | renamed == seen.after.keys() - seen.before.keys()


def test_left(seen: Seen) -> None:
    """What is said to stay does stay."""
    for each in (*seen.by_commit, *seen.by_cluster):
        if each["outcome"] == "left" and each["object"]["kind"] != "Namespace":
            names = {(cause["object"]["kind"], cause["object"]["name"]) for cause in each["causes"]}
            assert names
            assert names <= seen.after.keys()


def test_changed(seen: Seen) -> None:
    """The cluster and the commit tell of the same changes: what the server fills in is none."""
    assert objects(seen.by_cluster, "changed") == objects(seen.by_commit, "changed")


def test_then(seen: Seen) -> None:
    """When it is done, nothing is left to do but what was refused and what was left behind."""
    rest = [each for each in seen.then if each["outcome"] not in ("left", "stranded")]
    assert objects(rest) == refusals(seen.error)
