"""The tree of the project: the hand-written base keeps to its conventions, and the top level to what the house allows."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from compiler.build import kustomize
from compiler.manifest import Manifest, parse
from compiler.rules.changes import PLACEHOLDER
from compiler.tree import WRITTEN
from compiler.understand import understand
from compiler.workload import Workload, containers, matches, workloads
from tests.conftest import ROOT

BASE = ROOT / "base"
SERVER = BASE / "mlflow"
OUTLINES = BASE / "pipelines"
"""Shapes of the manifests of others, held against these by tests of their own."""
COMPONENTS = sorted(path for path in (BASE / "components").iterdir() if path.is_dir())
YAMLS = sorted(path for path in BASE.rglob("*.yaml") if OUTLINES not in path.parents)
KUSTOMIZATIONS = [path for path in YAMLS if path.name == "kustomization.yaml"]
RESOURCES = [path for path in YAMLS if path.name != "kustomization.yaml" and not path.name.endswith(".patch.yaml")]
PATCHES = [path for path in YAMLS if path.name.endswith(".patch.yaml")]

DEFAULT_DENY = "default-deny"
TOP = (
    "base",
    "compiler",
    "docs",
    "overlays",
    "schema",
    "scripts",
    "tests",
    "vendor",
    "Makefile",
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "LICENSE",
    "action.yml",
    "pyproject.toml",
    "requirements*.lock",
    ".*",
)
"""What the house allows at the top: files that only tools read begin with a dot, but for the one that GitHub wants there.
`vendor` is for copies of manifests that somebody builds over."""

OUTLINE = "base/pipelines/2.17/multi-user"
"""What the components for Kubeflow Pipelines change."""
SLOTS = (
    "auth",
    "autoscaling",
    "metrics",
    "strategy",
    "pipelines",
    "platform",
    "service",
    "serviceaccount",
    "namespace",
    "identity",
    "artifacts",
    "database",
    "driver",
    "gateway",
    "ingress",
    "maintenance",
    "mode",
    "networkpolicy",
    "replicas",
    "server",
)
SUITES = {
    "mlflow": {"server", "artifacts", "migrate", "volume", "gc", "backup", "restore"},
    "minio": {"object-store", "object-store-setup"},
    "versitygw": {"object-store", "object-store-setup"},
    "postgres": {"database"},
    "mysql": {"database"},
}
"""The programs of the base by `app.kubernetes.io/name`, and the components that each has."""
COMPONENT = "app.kubernetes.io/component"
OPENSHIFT = "platform-openshift"
"""The component that takes users away from all pods, whatever brings them."""


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def _load(path: Path) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(path.read_text(encoding="utf-8")) if each is not None]


# The top level


def test_top__holds_what_the_house_allows() -> None:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    top = {path.partition("/")[0] for path in listed if (ROOT / path).exists()}
    assert {"base", "compiler", "overlays", "Makefile"} <= top
    assert {name for name in top if not any(fnmatch(name, allowed) for allowed in TOP)} == set()


def test_overlays__hold_an_environment_and_what_is_written_beside_it() -> None:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "overlays"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    for path in listed:
        _, name, inner = path.split("/", 2)
        assert re.fullmatch(r"[a-z0-9-]+", name)
        written = any(fnmatch(inner, pattern) for pattern in WRITTEN)
        assert inner == "environment.yaml" or written or inner.startswith("custom/"), path


# Files


@pytest.mark.parametrize("path", RESOURCES, ids=_shown)
def test_resource__one_object_a_file_named_for_its_kind(path: Path) -> None:
    [data] = _load(path)
    kind = str(data["kind"]).lower()
    assert re.fullmatch(rf"{kind}(-[a-z0-9-]+)?\.yaml", path.name)
    others = [
        each for each in path.parent.glob("*.yaml") if each in RESOURCES and _load(each)[0]["kind"] == data["kind"]
    ]
    if len(others) == 1:
        assert path.name == f"{kind}.yaml" or kind in ("cronjob", "job", "networkpolicy"), (
            "there is no other to tell it from"
        )


@cache
def _objects() -> dict[tuple[str, str], dict[str, Any]]:
    """Every object of the base, its components and the outlines, by kind and name."""
    outlined = [path for path in OUTLINES.rglob("*.yaml") if not path.name.endswith(".patch.yaml")]
    objects = (each for path in (*outlined, *RESOURCES) for each in _load(path) if "metadata" in each)
    return {(each["kind"], each["metadata"]["name"]): each for each in objects}


@pytest.mark.parametrize("path", PATCHES, ids=_shown)
def test_patch__is_named_for_its_target_and_the_target_is_there(path: Path) -> None:
    """A merge patch of one object, without `target`: Kustomize fails where the object is not there. One with a target may find
    nothing, or both servers."""
    [data] = _load(path)
    assert path.name == f"{data['metadata']['name']}.{str(data['kind']).lower()}.patch.yaml"
    assert (data["kind"], data["metadata"]["name"]) in _objects()
    [kustomization] = _load(path.parent / "kustomization.yaml")
    [entry] = [each for each in kustomization["patches"] if each.get("path") == path.name]
    for name in entry.get("target", data["metadata"])["name"].split("|"):
        assert (data["kind"], name) in _objects()


@pytest.mark.parametrize("path", PATCHES, ids=_shown)
def test_patch__names_containers_of_the_base_or_brings_whole_ones(path: Path) -> None:
    """A mistyped name would add a second container."""
    [data] = _load(path)
    whole = {"image", "securityContext", "resources"}
    for group in ("containers", "initContainers"):
        known = {each["name"] for each in _pod(_objects()[_named(data)]).get(group, [])}
        for other in PATCHES:
            [brings] = _load(other)
            if _named(brings) == _named(data):
                known |= {each["name"] for each in _pod(brings).get(group, []) if whole <= set(each)}
        assert {each["name"] for each in _pod(data).get(group, [])} <= known


def _named(data: dict[str, Any]) -> tuple[str, str]:
    return data["kind"], data["metadata"]["name"]


def _pod(data: dict[str, Any]) -> dict[str, Any]:
    spec = data.get("spec", {})
    pod: dict[str, Any] = spec.get("jobTemplate", {}).get("spec", spec).get("template", {}).get("spec", {})
    return pod


@pytest.mark.parametrize("path", KUSTOMIZATIONS, ids=_shown)
def test_kustomization__is_short_says_what_it_is_and_uses_every_file(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    assert text.startswith("# ")
    [data] = _load(path)
    if path.parent == SERVER:
        assert (data["apiVersion"], data["kind"]) == ("kustomize.config.k8s.io/v1beta1", "Kustomization")
    else:
        assert (data["apiVersion"], data["kind"]) == ("kustomize.config.k8s.io/v1alpha1", "Component")
    used = {*data.get("resources", [])} | {each["path"] for each in data.get("patches", []) if "path" in each}
    for generator in data.get("configMapGenerator", []):
        used |= {*generator.get("files", []), *generator.get("envs", [])}
    there = {each.name for each in path.parent.iterdir() if each.is_file()} - {"kustomization.yaml"}
    assert used == there
    assert not {"literals", "secretGenerator", "namespace", "namePrefix", "nameSuffix", "commonLabels"} & set(data)


@pytest.mark.parametrize("path", COMPONENTS, ids=lambda path: path.name)
def test_component__is_a_slot_and_a_choice(path: Path) -> None:
    slot, _, choice = path.name.partition("-")
    assert slot in SLOTS
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", choice)
    assert (path / "kustomization.yaml").is_file()


# Builds


@cache
def _environments() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Every reference and valid case, with the components that it asks for."""
    found = []
    for path in [*ROOT.glob("overlays/*/environment.yaml"), *ROOT.glob("tests/cases/valid/*.yaml")]:
        others = {each.stem: each.read_bytes() for each in path.with_suffix(".others").glob("*.yaml")}
        overlay = understand("example", _shown(path), path.read_bytes(), others=partial(dict, others)).overlay
        assert overlay is not None, path
        found.append((_shown(path), overlay.components))
    return tuple(found)


def _built(tmp_path: Path, components: tuple[str, ...]) -> list[Manifest]:
    """What an overlay of these components over the base builds, before any value is set."""
    (tmp_path / "base").symlink_to(BASE)
    (tmp_path / "overlay").mkdir()
    listed = "".join(f"  - ../base/components/{component}\n" for component in components)
    resource = OUTLINE if any(component.startswith("pipelines-") for component in components) else "base/mlflow"
    text = f"resources:\n  - ../{resource}\n{'components:' if listed else ''}\n{listed}"
    (tmp_path / "overlay" / "kustomization.yaml").write_text(text)
    printed, error = kustomize(tmp_path / "overlay")
    assert error == ""
    return [Manifest(document) for document in parse(printed)]


@pytest.mark.parametrize("component", [path.name for path in COMPONENTS])
def test_component__builds_in_an_environment_that_asks_for_it(component: str, tmp_path: Path) -> None:
    """With what stands before it there, and it changes the build: it adds an object or a value, or takes one away."""
    sets = [components for _, components in _environments() if component in components]
    assert sets, "no reference and no valid case asks for it"
    shortest = min(sets, key=len)
    before = shortest[: shortest.index(component)]
    (tmp_path / "with").mkdir()
    (tmp_path / "without").mkdir()
    built = _built(tmp_path / "with", (*before, component))
    assert [each.data for each in built] != [each.data for each in _built(tmp_path / "without", before)]


def test_base__builds_without_any_component(tmp_path: Path) -> None:
    kinds = sorted(manifest.ref.kind for manifest in _built(tmp_path, ()))
    assert kinds == [
        "ConfigMap",
        "ConfigMap",
        "Deployment",
        "Job",
        "NetworkPolicy",
        "NetworkPolicy",
        "Service",
        "ServiceAccount",
    ]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> list[Manifest]:
    """Every object that any component can bring, of as few builds as it takes."""
    wanted = {path.name for path in COMPONENTS if not path.name.startswith("pipelines-")}
    found: list[Manifest] = []
    while wanted:
        components = max((each for _, each in _environments()), key=lambda each: (len(wanted & set(each)), each))
        assert wanted & set(components)
        wanted -= set(components)
        found += _built(tmp_path_factory.mktemp("tree"), components)
        if OPENSHIFT in components:
            found += _built(tmp_path_factory.mktemp("tree"), tuple(each for each in components if each != OPENSHIFT))
    return found


# Objects


def test_placeholders__stand_where_a_value_has_to_be_set() -> None:
    """Each is the one word that the proof looks for."""
    for path in YAMLS:
        for word in re.findall(
            r"(?i)\b(?:place-?holder|change-?me|todo|fixme|xxx)\b", path.read_text(encoding="utf-8")
        ):
            assert word == PLACEHOLDER, path


def test_labels__are_the_same_three_everywhere(built: list[Manifest]) -> None:
    for manifest in built:
        if manifest.ref.kind == "ConfigMap":
            continue  # generated, and found by its name
        labels = manifest.data["metadata"]["labels"]
        assert labels["app.kubernetes.io/part-of"] == "mlflow", manifest.ref
        if manifest.ref.kind == "Namespace" or manifest.ref.name == DEFAULT_DENY:
            continue  # of the namespace, and of no program
        assert labels["app.kubernetes.io/component"] in SUITES[labels["app.kubernetes.io/name"]], manifest.ref
        own = {key: value for key, value in labels.items() if key.startswith("app.kubernetes.io/")}
        assert set(own) == {f"app.kubernetes.io/{key}" for key in ("name", "component", "part-of")}


def test_labels__of_pods_are_those_of_their_object_and_are_selected(built: list[Manifest]) -> None:
    for manifest in built:
        for workload in workloads([manifest]):
            labels = manifest.data["metadata"]["labels"]
            assert workload.labels.items() >= {k: v for k, v in labels.items() if k.startswith("app.")}.items()
            if manifest.ref.kind not in ("CronJob", "Job"):
                selector = manifest.data["spec"]["selector"]["matchLabels"]
                assert selector == {
                    key: labels[key] for key in ("app.kubernetes.io/name", "app.kubernetes.io/component")
                }, manifest.ref


def test_selectors__of_services_and_policies_name_program_and_component(built: list[Manifest]) -> None:
    """By the name alone the server's Service would send requests to the migration."""
    for manifest in built:
        spec = manifest.data.get("spec", {})
        if manifest.ref.kind == "Service":
            assert set(spec["selector"]) == {"app.kubernetes.io/name", "app.kubernetes.io/component"}, manifest.ref
        if manifest.ref.kind == "NetworkPolicy" and manifest.ref.name != DEFAULT_DENY:
            selector = spec["podSelector"]
            keys = {*selector.get("matchLabels", {})} | {each["key"] for each in selector.get("matchExpressions", [])}
            assert keys in ({"app.kubernetes.io/name", COMPONENT}, {"app.kubernetes.io/part-of", COMPONENT}), (
                manifest.ref
            )
            assert spec["policyTypes"], manifest.ref


def _pods(built: list[Manifest]) -> Iterator[Workload]:
    found = list(workloads(built))
    assert {workload.ref.name for workload in found} == {
        "mlflow",
        "mlflow-artifacts",
        "mlflow-backup",
        "mlflow-gc",
        "mlflow-migrate",
        "mlflow-restore",
        "minio",
        "minio-setup",
        "postgres",
        "mysql",
        "versitygw",
        "versitygw-setup",
    }
    yield from found


def test_pods__run_as_nobody_of_the_node(built: list[Manifest]) -> None:
    """Under a user and groups that are nobody's, or, where the platform names them, under none at all."""
    named: dict[str, set[str]] = {}
    for workload in _pods(built):
        context = workload.pod["securityContext"]
        assert context["runAsNonRoot"] is True, workload.ref
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, workload.ref
        for name in {"runAsUser", "runAsGroup", "fsGroup"} & set(context):
            assert context[name] >= 10000, (workload.ref, name)
            named.setdefault(workload.ref.name, set()).add(name)
    for workload in _pods(built):
        assert named[workload.ref.name] == {"runAsUser", "runAsGroup", "fsGroup"}, workload.ref


def test_pods__have_no_token_and_no_variables_of_services(built: list[Manifest]) -> None:
    for workload in _pods(built):
        assert workload.pod["automountServiceAccountToken"] is False, workload.ref
        assert workload.pod["enableServiceLinks"] is False, workload.ref
    for manifest in built:
        if manifest.ref.kind == "ServiceAccount":
            assert manifest.data["automountServiceAccountToken"] is False


def test_containers__have_nothing_that_they_do_not_need(built: list[Manifest]) -> None:
    for workload in _pods(built):
        for _, container in containers(workload):
            context = container["securityContext"]
            where = (workload.ref, container["name"])
            assert context["readOnlyRootFilesystem"] is True, where
            assert context["allowPrivilegeEscalation"] is False, where
            assert context["capabilities"] == {"drop": ["ALL"]}, where
            assert not {"runAsUser", "runAsNonRoot", "seccompProfile", "privileged"} & set(context), where


def _amount(text: str) -> float:
    match = re.fullmatch(r"([0-9.]+)(m|Ki|Mi|Gi|)", str(text))
    assert match, text
    return float(match[1]) * {"m": 0.001, "": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}[match[2]]


def test_containers__ask_for_what_they_use_and_no_more(built: list[Manifest]) -> None:
    for workload in _pods(built):
        for _, container in containers(workload):
            requests, limits = container["resources"]["requests"], container["resources"]["limits"]
            assert set(requests) == set(limits) == {"cpu", "memory", "ephemeral-storage"}, (
                workload.ref,
                container["name"],
            )
            for name, amount in requests.items():
                assert 0 < _amount(amount) <= _amount(limits[name]), (workload.ref, container["name"], name)


def test_volumes__in_memory_or_on_disk_are_bounded(built: list[Manifest]) -> None:
    for workload in _pods(built):
        for volume in workload.pod.get("volumes", []):
            if "emptyDir" in volume:
                assert volume["emptyDir"]["sizeLimit"], (workload.ref, volume["name"])


def test_containers__that_serve_have_probes_and_time_to_stop(built: list[Manifest]) -> None:
    for workload in _pods(built):
        if workload.ref.kind in ("CronJob", "Job"):
            continue
        assert workload.pod["terminationGracePeriodSeconds"] >= 30
        for container in workload.pod["containers"]:
            assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container), workload.ref
            start = container["startupProbe"]
            assert start["periodSeconds"] * start["failureThreshold"] >= 120, "a slow node needs minutes"


def test_secrets__only_their_names_stand_in_the_base(built: list[Manifest]) -> None:
    assert not [manifest for manifest in built if manifest.ref.kind == "Secret"]
    for workload in _pods(built):
        for _, container in containers(workload):
            for variable in container.get("env", []):
                if re.search("PASSWORD|SECRET|PWD|ACCESS_KEY|ROOT_USER", variable["name"]):
                    assert "secretKeyRef" in variable["valueFrom"], (workload.ref, variable["name"])


def test_images__are_pinned_and_each_has_one_version(built: list[Manifest]) -> None:
    images = {container["image"] for workload in _pods(built) for _, container in containers(workload)}
    names = [image.rpartition(":")[0] for image in images]
    assert all(re.fullmatch(r"[a-z0-9.-]+\.[a-z]+/.+", name) for name in names), "with the registry"
    assert len(set(names)) == len(names) == 6
    assert not [image for image in images if image.endswith(":latest")]


def test_policies__every_pod_is_held_by_one(built: list[Manifest]) -> None:
    """For what comes in and what goes out: a pod that no policy picks may talk to anybody."""

    for workload in _pods(built):
        held = {
            kind
            for manifest in built
            if manifest.ref.kind == "NetworkPolicy" and matches(manifest.data["spec"]["podSelector"], workload.labels)
            for kind in manifest.data["spec"]["policyTypes"]
        }
        assert held == {"Ingress", "Egress"}, workload.ref
