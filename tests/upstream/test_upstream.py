"""Each outline stands in upstream's build, and what the components do to the one they do to the other."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import pytest

from compiler.kubeflow.release import ENVIRONMENTS, RELEASES, Release
from compiler.manifest import Manifest
from compiler.route import show
from compiler.workload import containers, workloads
from compiler.workspace import Workspace
from tests.conftest import ROOT, Project, Run

from .store import Objects, built, mentions, missed, over

pytestmark = pytest.mark.upstream

COMPONENTS = ("pipelines-no-embedded-store", "pipelines-external-store")
LOGINS = {
    "keys": ("pipelines-keys",),
    "a role": ("pipelines-role",),
    "a role and a signature": ("pipelines-role", "pipelines-viewer-secret"),
}
ENVIRONMENT = """
overlay: {kind}
artifacts: {{bucket: kubeflow-pipelines, region: eu-west-1{role}}}
pipelines: {{version: {version}, base: vendor/{version}/env/{name}}}
"""
PROFILES = """profiles:
  - {{name: team-1, owner: ana@acme.example{role}}}
"""
ROLE = ', roleArn: "arn:aws:iam::123456789012:role/kfp"'


@dataclass(frozen=True)
class Case:
    """A release for one user, or for many."""

    release: Release
    many: bool

    @property
    def environment(self) -> str:
        """What the table of proofs calls it."""
        return self.release.version

    @property
    def users(self) -> str:
        return "many users" if self.many else "one user"

    @property
    def newest(self) -> str:
        """The release that its outline is of."""
        minor = self.release.version.rpartition(".")[0]
        return max(
            (each for each in RELEASES.values() if each.version.startswith(f"{minor}.")), key=lambda each: each.numbers
        ).version

    @property
    def outline(self) -> Path:
        minor = self.release.version.rpartition(".")[0]
        return ROOT / "base" / "pipelines" / minor / ("multi-user" if self.many else "single-user")

    def copy(self, stage: Path) -> Path:
        return stage / "vendor" / self.release.version / "env" / ENVIRONMENTS[self.many]

    def components(self, *logins: str) -> tuple[str, ...]:
        return (*COMPONENTS, *logins, *(("pipelines-no-profile-controller",) if self.many else ()))


@dataclass(frozen=True)
class Login(Case):
    """And a way to log in."""

    login: str


@dataclass(frozen=True)
class Compiled(Case):
    """And a kind of overlay."""

    kind: str


CASES = [Case(release, many) for release in RELEASES.values() for many in (False, True)]
ALL_LOGINS = [Login(case.release, case.many, login) for case in CASES for login in LOGINS]
COMPILED = [
    Compiled(case.release, case.many, kind)
    for case in CASES
    for kind in ("kfp-keys", *(["kfp-irsa"] if case.release.roles else []))
    if case.release.profiles or not case.many
]


def _id(case: Case) -> str:
    login = case.login if isinstance(case, Login) else case.kind if isinstance(case, Compiled) else ""
    return "-".join(filter(None, (case.release.version, case.users, login))).replace(" ", "-")


@pytest.mark.parametrize("it", CASES, ids=_id)
def test_outline__stands_in_the_real_build(it: Case, stage: Path) -> None:
    """For {it.users}, every object and field of the outline is upstream's."""
    assert list(missed(built(it.outline), built(it.copy(stage)), (it.newest, it.release.version))) == []


@pytest.mark.parametrize("it", CASES, ids=_id)
def test_outline__names_the_store_wherever_upstream_does(it: Case, stage: Path) -> None:
    """For {it.users}, upstream names its store nowhere but where the outline does."""
    outline, real = mentions(built(it.outline)), mentions(built(it.copy(stage)))
    assert {place: words for place, words in real.items() if outline.get(place) != words} == {}
    assert set(outline) == set(real)


@pytest.mark.parametrize("it", ALL_LOGINS, ids=_id)
def test_components__leave_nothing_of_the_store(it: Login, stage: Path, tmp_path: Path) -> None:
    """For {it.users} with {it.login}, the components fit upstream's build, and nothing there names its store."""
    components = it.components(*LOGINS[it.login])
    real = over(it.copy(stage), components, tmp_path / "real")
    assert {show(place[2]): words for place, words in mentions(real, comments=True).items()} == {}
    _sound(real)
    _kept(built(it.copy(stage)), real)
    gone = set(built(it.copy(stage))) - set(real)
    assert gone == set(built(it.outline)) - set(over(it.outline, components, tmp_path / "outline"))
    assert gone, "something was taken away"


@pytest.mark.parametrize("it", COMPILED, ids=_id)
def test_compiler__proves_an_environment_over_the_real_build(
    it: Compiled, stage: Path, command_line: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For {it.users}, an environment of {it.kind} is proved over the release itself."""
    monkeypatch.chdir(stage)
    role = ROLE if it.kind == "kfp-irsa" else ""
    name = f"{it.kind}-{it.release.version.replace('.', '-')}{'-many' if it.many else ''}"
    text = ENVIRONMENT + (PROFILES if it.many else "")
    values = {"kind": it.kind, "role": role, "version": it.release.version, "name": ENVIRONMENTS[it.many]}
    Project(Workspace(stage)).add(name, text.format(**values))
    answer = command_line("compile", name)
    assert answer.code == 0, answer.out
    assert "the outline of a release" not in answer.out


def _sound(objects: Objects) -> None:
    """Each variable of a container is set once, in one way, and each container has an image."""
    for workload in workloads([Manifest(data) for data in objects.values()]):
        for _, container in containers(workload):
            assert container.get("image"), container["name"]
            variables = container.get("env") or []
            names = [each["name"] for each in variables]
            assert len(names) == len(set(names)), names
            assert [each["name"] for each in variables if "value" in each and "valueFrom" in each] == []


def _kept(before: Objects, after: Objects) -> None:
    """What is changed is changed in the values that the components are about, and nowhere else."""
    changed = {key for key in set(before) & set(after) if before[key] != after[key]}
    expected = [
        ("ConfigMap", "kfp-launcher"),
        ("ConfigMap", "pipeline-install-config"),
        ("ConfigMap", "workflow-controller-configmap"),
        ("Deployment", "ml-pipeline"),
        ("Deployment", "ml-pipeline-ui"),
    ]
    assert sorted(changed) == expected
    assert set(after) <= set(before)
    for key in itertools.islice(expected, 3, None):
        names = [
            [each["name"] for each in objects[key]["spec"]["template"]["spec"]["containers"]]
            for objects in (before, after)
        ]
        assert names[0] == names[1]
