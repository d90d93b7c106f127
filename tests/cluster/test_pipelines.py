"""The environments of Kubeflow Pipelines, applied to a real API server over the outline of their release.

Whoever runs Kubeflow has its controller of profiles, which makes a namespace for each Profile. The test does that here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from compiler.kubeflow.release import NEWEST

from .apiserver import Server
from .applied import STRICT, by_hand
from .cases import PIPELINES, Case
from .kubectl import Answer, Kubectl, Object
from .stage import Stage, stage

pytestmark = pytest.mark.cluster

SYSTEM = "kubeflow"
APPLY = ("apply", "--server-side", *STRICT)


@dataclass(frozen=True)
class Installed:
    """What came of applying an environment and then its profiles, as a person does."""

    kubectl: Kubectl
    places: tuple[Path, ...]
    """The directories that are applied, in order."""
    profiles: tuple[str, ...]
    early: list[Answer]
    """Before Kubeflow has made a namespace for any profile."""
    answers: list[Answer]
    secrets: list[Answer]
    """The answers to the commands of SECRETS.md."""

    def again(self, *words: str) -> list[Answer]:
        """The answers to a command over each directory."""
        return over(self.kubectl, self.places, *words)


def over(kubectl: Kubectl, places: Sequence[Path], *words: str) -> list[Answer]:
    """The answers to a command over directories."""
    return [kubectl.run(*words, f"--kustomize={place}") for place in places]


@pytest.fixture(scope="module")
def compiled(directory: Path) -> Stage:
    """The environments over the outlines, which stand where a copy of a release does."""
    made = stage(directory / "pipelines")
    for case in PIPELINES:
        file = case.original / "environment.yaml" if case.original.is_dir() else case.original
        values = outlined(case.name, yaml.safe_load(file.read_text(encoding="utf-8")))
        made.overlay(case.name).mkdir(parents=True)
        (made.overlay(case.name) / "environment.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    made.compile([case.name for case in PIPELINES])
    return made


def outlined(name: str, values: dict[str, Any]) -> dict[str, Any]:
    """An environment with an outline as its base, and with profiles of its own: no namespace ever ends here."""
    asked = {"version": NEWEST, **values.get("pipelines", {})}
    if str(asked.get("base", "")).startswith("base/"):
        return values
    profiles = [{**each, "name": f"{name}-{each['name']}"} for each in values["profiles"]]
    base = f"base/pipelines/{asked['version'].rpartition('.')[0]}/multi-user"
    return {**values, "profiles": profiles, "pipelines": {**asked, "base": base}}


@pytest.fixture(scope="module", params=PIPELINES, ids=lambda case: case.name)
def environment(request: pytest.FixtureRequest) -> Case:
    case: Case = request.param
    return case


@pytest.fixture(scope="module")
def applied(server: Server, compiled: Stage, environment: Case) -> Iterator[Installed]:
    """An environment in the namespace of Kubeflow, and its profiles. All of it is deleted at the end."""
    name, kubectl = environment.name, server.kubectl
    assert name in compiled.written, compiled.found
    overlay = compiled.overlay(name)
    values = yaml.safe_load((overlay / "environment.yaml").read_text(encoding="utf-8"))
    profiles = tuple(profile["name"] for profile in values.get("profiles", ()))
    places = (overlay, overlay / "profiles") if profiles else (overlay,)
    if not kubectl.objects("namespace", SYSTEM, "--ignore-not-found"):
        kubectl.must("create", "namespace", SYSTEM)
    early = over(kubectl, places, *APPLY)
    for profile in profiles:
        kubectl.must("create", "namespace", profile)
    answers = over(kubectl, places, *APPLY)
    secrets = [by_hand(server, command) for command in compiled.secrets_commands(name)]
    yield Installed(kubectl, places, profiles, early, answers, secrets)
    for place in reversed(places):
        kubectl.must("delete", f"--kustomize={place}", "--wait=false", "--ignore-not-found")
    kubectl.must("delete", "secrets", "--all", f"--namespace={SYSTEM}")


def items(answer: Answer) -> list[Object]:
    """The objects that were applied."""
    assert answer.code == 0, answer
    found: list[Object] = json.loads(answer.out)["items"]
    return found


def versions(answers: Sequence[Answer]) -> dict[tuple[str, ...], str]:
    """The version of each object that was applied."""
    found = [(item["kind"], item["metadata"]) for answer in answers for item in items(answer)]
    return {(kind, each.get("namespace", ""), each["name"]): each["resourceVersion"] for kind, each in found}


def test_apply(applied: Installed) -> None:
    """The API server accepts every object, strictly and without a warning."""
    assert [(answer.code, answer.err) for answer in applied.answers] == [(0, "")] * len(applied.places)
    kinds = {item["kind"] for item in items(applied.answers[0])}
    assert kinds == {"ConfigMap", "Deployment", "Secret", "ServiceAccount"}


def test_profiles(applied: Installed) -> None:
    """Profiles are accepted at once, and all beside them as soon as Kubeflow has made the namespaces."""
    assert applied.early[0].code == 0
    if not applied.profiles:
        pytest.skip("one user needs no profile")
    early = applied.early[1]
    assert set(re.findall(r'namespaces "([^"]+)" not found', early.err)) == set(applied.profiles), early
    found = [(item["kind"], item["metadata"]["name"]) for item in items(applied.answers[1])]
    maps = ("kfp-launcher", "artifact-repositories", "metadata-grpc-configmap")
    beside = [("ConfigMap", name) for name in maps] * len(applied.profiles)
    assert sorted(found) == sorted([*beside, *(("Profile", name) for name in applied.profiles)])


def test_profiles__what_the_server_keeps(applied: Installed, environment: Case) -> None:
    """A profile's owner and role are kept: nothing of it is unknown to the definition."""
    for profile in applied.profiles:
        [kept] = applied.kubectl.objects("profiles.kubeflow.org", profile)
        assert kept["spec"]["owner"]["kind"] == "User"
        plugins = [(each["kind"], each["spec"]["annotateOnly"]) for each in kept["spec"].get("plugins", [])]
        assert plugins == [("AwsIamForServiceAccount", True)] * environment.name.endswith("kfp-irsa")


def test_profiles__a_field_that_kubeflow_does_not_know(server: Server) -> None:
    """A mistyped field of a Profile is refused."""
    wrong: Object = {
        "apiVersion": "kubeflow.org/v1",
        "kind": "Profile",
        "metadata": {"name": "mistyped"},
        "spec": {"owner": {"kind": "User", "name": "ana@acme.example"}, "plugin": []},
    }
    refused = server.kubectl.create([wrong], "--dry-run=server")
    assert 'unknown field "plugin"' in refused.err, refused


def test_commands_for_secrets(applied: Installed, environment: Case) -> None:
    """The commands of SECRETS.md create its Secrets, each in the namespace that looks for it."""
    assert [answer for answer in applied.secrets if answer.code] == []
    if environment.name in ("kfp-keys", "kfp-minio"):
        for namespace in (SYSTEM, *applied.profiles):
            assert applied.kubectl.objects("secrets", f"--namespace={namespace}"), namespace


def test_diff(applied: Installed) -> None:
    """What was applied is what the server keeps: `kubectl diff -k` finds nothing."""
    for answer in applied.again("diff", "--server-side"):
        assert (answer.code, answer.out) == (0, ""), answer


def test_apply_again(applied: Installed) -> None:
    """Applied again, no object changes."""
    assert versions(applied.again(*APPLY)) == versions(applied.answers)


def test_take_down(applied: Installed) -> None:
    """`kubectl delete -k` of each directory, the last first, leaves the namespaces and what a person created in them."""
    for place in reversed(applied.places):
        applied.kubectl.must("delete", f"--kustomize={place}", "--wait=false")
    assert applied.kubectl.objects("profiles.kubeflow.org") == []
    for namespace in (SYSTEM, *applied.profiles):
        kept = applied.kubectl.objects("configmaps,deployments,serviceaccounts", f"--namespace={namespace}")
        assert {item["metadata"]["name"] for item in kept} <= {"kube-root-ca.crt", "default"}
    created = {re.split("[/ ]", answer.out)[1] for answer in applied.secrets}
    assert created <= {item["metadata"]["name"] for item in applied.kubectl.objects("secrets", "--all-namespaces")}
