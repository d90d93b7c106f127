"""What Kustomize does, on which the shape of `base/` and of the overlays rests: each law is shown with the real kubectl.

Where one of these stops to hold, a newer kubectl behaves differently, and the design that it explains may be simplified, or
has to be mended.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from compiler.build import kustomize
from compiler.manifest import parse

BASE = """
resources: [deployment.yaml, service.yaml]
"""
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: server}
spec:
  selector: {matchLabels: {app: server}}
  template:
    metadata: {labels: {app: server}}
    spec:
      initContainers:
        - {name: wait, image: "example.org/server:1"}
      containers:
        - name: server
          image: example.org/server:1
          args: [old]
          envFrom: [{configMapRef: {name: settings}}]
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: server}
spec: {selector: {app: server}, ports: [{port: 80}]}
"""
COMPONENT = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"

Built = dict[tuple[str, str], dict[str, Any]]


class Lab:
    """A directory with a base, in which a test lays out components and an overlay."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("base/kustomization.yaml", BASE)
        self.write("base/deployment.yaml", DEPLOYMENT)
        self.write("base/service.yaml", SERVICE)

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def component(self, name: str, body: str) -> None:
        self.write(f"{name}/kustomization.yaml", COMPONENT + body)

    def build(self, overlay: str) -> tuple[Built, str]:
        """The objects of an overlay by kind and name, and kubectl's error, of which one is empty."""
        self.write("overlay/kustomization.yaml", overlay)
        printed, error = kustomize(self.root / "overlay")
        return {(each["kind"], each["metadata"]["name"]): each for each in parse(printed)}, error

    def built(self, overlay: str) -> Built:
        built, error = self.build(overlay)
        assert error == ""
        return built


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def _settings(built: Built) -> tuple[str, dict[str, str]]:
    [(name, data)] = [
        (name, each["data"])
        for (kind, name), each in built.items()
        if kind == "ConfigMap" and name.startswith("settings-")
    ]
    return name, data


def _containers(built: Built, group: str = "containers") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = built["Deployment", "server"]["spec"]["template"]["spec"][group]
    return found


GENERATOR = "configMapGenerator: [{name: settings, literals: [MODE=component]}]\n"


# The four laws.


def test_law__an_overlay_cannot_merge_into_a_configmap_of_a_component(lab: Lab) -> None:
    """Therefore the base generates the one ConfigMap of settings, and no component does."""
    lab.component("one", GENERATOR)
    _, error = lab.build(
        "resources: [../base]\ncomponents: [../one]\n"
        "configMapGenerator: [{name: settings, behavior: merge, literals: [MODE=overlay]}]\n"
    )
    assert "does not exist; cannot merge or replace" in error


def test_law__an_overlay_can_merge_into_a_configmap_of_the_base(lab: Lab) -> None:
    """What law one forbids to a component's ConfigMap is allowed to the base's."""
    lab.write("base/kustomization.yaml", BASE + GENERATOR)
    built = lab.built(
        "resources: [../base]\nconfigMapGenerator: [{name: settings, behavior: merge, literals: [MODE=overlay]}]\n"
    )
    assert _settings(built)[1] == {"MODE": "overlay"}


def test_law__a_literal_that_a_component_merges_beats_the_overlays(lab: Lab) -> None:
    """Therefore values enter through patches of the overlay, which come after every component, and never by merging."""
    lab.write("base/kustomization.yaml", BASE + GENERATOR)
    lab.component("one", "configMapGenerator: [{name: settings, behavior: merge, literals: [MODE=merged]}]\n")
    merge = "configMapGenerator: [{name: settings, behavior: merge, literals: [MODE=overlay]}]\n"
    patch = "patches: [{patch: '{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {MODE: \"overlay\"}}'}]\n"
    built = lab.built("resources: [../base]\ncomponents: [../one]\n" + merge)
    assert _settings(built)[1] == {"MODE": "merged"}
    built = lab.built("resources: [../base]\ncomponents: [../one]\n" + patch)
    assert _settings(built)[1] == {"MODE": "overlay"}


NOTHING: Mapping[str, str] = {
    "a patch whose target is not there": "patches:\n"
    "  - target: {kind: Deployment, name: misspelt}\n"
    '    patch: \'[{"op": "add", "path": "/spec/replicas", "value": 3}]\'\n',
    "a strategic-merge patch whose target is not there": "patches:\n"
    "  - target: {kind: Deployment, name: misspelt}\n"
    "    patch: '{apiVersion: apps/v1, kind: Deployment, metadata: {name: any}, spec: {replicas: 3}}'\n",
    "an image that no container runs": "images: [{name: example.org/misspelt, newTag: '2'}]\n",
    "a replacement whose target is not there": "replacements:\n"
    "  - source: {kind: Service, name: server, fieldPath: metadata.name}\n"
    "    targets: [{select: {kind: Deployment, name: misspelt}, fieldPaths: [metadata.labels.app]}]\n",
}


@pytest.mark.parametrize("section", NOTHING.values(), ids=NOTHING.keys())
def test_law__what_matches_nothing_is_dropped_with_success(lab: Lab, section: str) -> None:
    """Therefore the build is searched for every value and image of the overlay."""
    assert lab.built("resources: [../base]\n" + section) == lab.built("resources: [../base]\n")


def test_law__a_mistyped_container_is_added(lab: Lab) -> None:
    """Therefore every container of a build must have an image, and every change must be where it was meant to be."""
    patch = (
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: server},"
        " spec: {template: {spec: {containers: [{name: sever, args: [new]}]}}}}"
    )
    built = lab.built(f"resources: [../base]\npatches: [{{patch: '{patch}'}}]\n")
    assert [container["name"] for container in _containers(built)] == ["sever", "server"]
    assert _containers(built)[0] == {"name": "sever", "args": ["new"]}
    assert _containers(built)[1]["args"] == ["old"]


# What else the design rests on.


def test_patch__without_target_fails_where_its_object_is_not_there(lab: Lab) -> None:
    """So merge patches are written without `target`: a renamed object of the base stops the build."""
    patch = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: misspelt}, spec: {replicas: 3}}"
    _, error = lab.build(f"resources: [../base]\npatches: [{{patch: '{patch}'}}]\n")
    assert "no matches for Id Deployment.v1.apps/misspelt" in error


def test_patch__of_a_generated_configmap_changes_its_hash(lab: Lab) -> None:
    """So a changed setting rolls the pods, and references follow the name."""
    lab.write("base/kustomization.yaml", BASE + GENERATOR)
    names = set()
    for mode in ("component", "overlay"):
        patch = f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: settings}}, data: {{MODE: {mode}}}}}"
        built = lab.built(f"resources: [../base]\npatches: [{{patch: '{patch}'}}]\n")
        name, data = _settings(built)
        assert data == {"MODE": mode}
        assert _containers(built)[0]["envFrom"] == [{"configMapRef": {"name": name}}]
        names.add(name)
    assert len(names) == 2


def test_components__are_applied_in_order_and_before_the_patches_of_the_overlay(lab: Lab) -> None:
    def replicas(number: int) -> str:
        patch = f"{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: server}}, spec: {{replicas: {number}}}}}"
        return f"patches: [{{patch: '{patch}'}}]\n"

    lab.component("one", replicas(1))
    lab.component("two", replicas(2))
    for components, section, expected in (
        ("[../one, ../two]", "", 2),
        ("[../two, ../one]", "", 1),
        ("[../one, ../two]", replicas(3), 3),
    ):
        built = lab.built(f"resources: [../base]\ncomponents: {components}\n{section}")
        assert built["Deployment", "server"]["spec"]["replicas"] == expected


def test_components__patch_what_earlier_components_added(lab: Lab) -> None:
    """So a component that takes things away comes last."""
    lab.write("one/job.yaml", "apiVersion: batch/v1\nkind: Job\nmetadata: {name: job}\n")
    lab.component("one", "resources: [job.yaml]\n")
    delete = "{$patch: delete, apiVersion: batch/v1, kind: Job, metadata: {name: any}}"
    lab.component("off", f"patches: [{{target: {{kind: Job}}, patch: '{delete}'}}]\n")
    assert ("Job", "job") not in lab.built("resources: [../base]\ncomponents: [../one, ../off]\n")
    assert ("Job", "job") in lab.built("resources: [../base]\ncomponents: [../off, ../one]\n")


def test_namespace__renames_the_namespace_object(lab: Lab) -> None:
    """So the component that creates the namespace needs no value."""
    lab.write("one/namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: anything}\n")
    lab.component("one", "resources: [namespace.yaml]\n")
    built = lab.built("namespace: team-a\nresources: [../base]\ncomponents: [../one]\n")
    assert ("Namespace", "team-a") in built
    assert ("Namespace", "anything") not in built
    assert built["Deployment", "server"]["metadata"]["namespace"] == "team-a"


def test_init_container__of_a_component_is_put_before_the_bases(lab: Lab) -> None:
    """So `driver-mysql` can write the option file before `wait-for-schema` reads it, which runs after it."""
    body = "{initContainers: [{name: option-file, image: 'example.org/server:1'}, {name: wait, args: [now]}]}"
    patch = (
        f"{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: server}}, spec: {{template: {{spec: {body}}}}}}}"
    )
    lab.component("one", f'patches: [{{patch: "{patch}"}}]\n')
    first, second = _containers(lab.built("resources: [../base]\ncomponents: [../one]\n"), "initContainers")
    assert (first["name"], second["name"]) == ("option-file", "wait")
    assert second == {"name": "wait", "image": "example.org/server:1", "args": ["now"]}


RENAMES = {
    "operation": '[{"op": "replace", "path": "/metadata/name", "value": "job-1"}]',
    "merge": "{apiVersion: batch/v1, kind: Job, metadata: {name: job-1}}",
}


def test_init_container__that_a_patch_names_goes_before_those_it_does_not_name(lab: Lab) -> None:
    """So a patch of `wait-for-schema` alone would move it before `option-file`: the first one is always named with it."""
    both = "[{name: file, image: example.org/server:1}, {name: wait}]"
    alone = "[{name: wait, env: [{name: A, value: b}]}]"
    orders = []
    for patches in ([both], [both, alone]):
        for number, containers in enumerate(patches):
            spec = f"{{template: {{spec: {{initContainers: {containers}}}}}}}"
            patch = f"{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: server}}, spec: {spec}}}"
            lab.component(f"component{number}", f"patches: [{{patch: '{patch}'}}]\n")
        listed = ", ".join(f"../component{number}" for number in range(len(patches)))
        built = lab.built(f"resources: [../base]\ncomponents: [{listed}]\n")
        orders.append([each["name"] for each in _containers(built, "initContainers")])
    assert orders == [["file", "wait"], ["wait", "file"]]


@pytest.mark.parametrize(
    ("form", "options", "name"),
    [
        ("operation", ", options: {allowNameChange: true}", "job-1"),
        ("merge", ", options: {allowNameChange: true}", "job-1"),
        ("merge", "", "job"),
    ],
)
def test_rename__needs_to_be_allowed(lab: Lab, form: str, options: str, name: str) -> None:
    """So a Job can be named for its content. Without the option, the new name in a merge patch is dropped without a word."""
    lab.write("one/job.yaml", "apiVersion: batch/v1\nkind: Job\nmetadata: {name: job}\n")
    lab.component("one", "resources: [job.yaml]\n")
    patches = f"patches:\n  - {{target: {{kind: Job, name: job}}{options}, patch: {json.dumps(RENAMES[form])}}}\n"
    built = lab.built("resources: [../base]\ncomponents: [../one]\n" + patches)
    assert [key for key in built if key[0] == "Job"] == [("Job", name)]


def test_rename__leaves_the_old_name_to_later_patches(lab: Lab) -> None:
    """So `custom/`, which knows the base's name of a Job, can still patch it after the overlay has renamed it."""
    lab.write("one/job.yaml", "apiVersion: batch/v1\nkind: Job\nmetadata: {name: job}\n")
    lab.component("one", "resources: [job.yaml]\n")
    patch = "{apiVersion: batch/v1, kind: Job, metadata: {name: job}, spec: {backoffLimit: 1}}"
    lab.component("two", f"patches: [{{patch: '{patch}'}}]\n")
    rename = (
        f"{{target: {{kind: Job, name: job}}, options: {{allowNameChange: true}}, patch: '{RENAMES['operation']}'}}"
    )
    lab.write("compiled/kustomization.yaml", f"resources: [../base]\ncomponents: [../one]\npatches: [{rename}]\n")
    built = lab.built("resources: [../compiled]\ncomponents: [../two]\n")
    assert built["Job", "job-1"]["spec"] == {"backoffLimit": 1}


def test_json_patch__adding_to_a_field_that_is_there_replaces_it(lab: Lab) -> None:
    """So values below a list index are set with `add`, whether the base has them or not; a missing parent stops the build."""
    for path, value in (("/spec/ports/0/port", 81), ("/spec/ports/0/name", "http")):
        operation = json.dumps([{"op": "add", "path": path, "value": value}])
        built = lab.built(
            f"resources: [../base]\npatches: [{{target: {{kind: Service, name: server}}, patch: '{operation}'}}]\n"
        )
        assert built["Service", "server"]["spec"]["ports"][0][path.rpartition("/")[2]] == value
    operation = json.dumps([{"op": "add", "path": "/spec/ports/7/port", "value": 81}])
    _, error = lab.build(
        f"resources: [../base]\npatches: [{{target: {{kind: Service, name: server}}, patch: '{operation}'}}]\n"
    )
    assert error


def test_merge_patch__replaces_a_list_without_keys(lab: Lab) -> None:
    """So `args`, `egress` and the like are set whole."""
    body = "{containers: [{name: server, args: [new, newer]}]}"
    patch = (
        f"{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: server}}, spec: {{template: {{spec: {body}}}}}}}"
    )
    built = lab.built(f"resources: [../base]\npatches: [{{patch: '{patch}'}}]\n")
    assert _containers(built)[0]["args"] == ["new", "newer"]
    assert _containers(built)[0]["image"] == "example.org/server:1"


def test_image__replaces_every_container_that_runs_it(lab: Lab) -> None:
    """So one entry moves the server, the wait for the schema and the migration together; both tag and digest are kept."""
    digest = "sha256:" + "0" * 64
    built = lab.built(
        "resources: [../base]\n"
        f"images: [{{name: example.org/server, newName: mirror.example/server, newTag: '2', digest: '{digest}'}}]\n"
    )
    images = {each["image"] for group in ("containers", "initContainers") for each in _containers(built, group)}
    assert images == {f"mirror.example/server:2@{digest}"}


def test_secret__with_a_fixed_name_is_not_renamed_by_its_content(lab: Lab) -> None:
    """So a changed file of secrets renames nothing that a database was set up with; an empty value is kept."""
    names = set()
    for value in ("one", "two", ""):
        lab.write("overlay/secrets/db.env", f"password={value}\n")
        built = lab.built(
            "resources: [../base]\n"
            "secretGenerator: [{name: db, envs: [secrets/db.env], options: {disableNameSuffixHash: true}}]\n"
        )
        names |= {name for kind, name in built if kind == "Secret"}
    assert names == {"db"}
