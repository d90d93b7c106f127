"""Every value of a build leads back to a line of the environment or of the base."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from compiler.diagnostic import Place
from compiler.errors import Usage
from compiler.explain import Reason, explain, find, parse_object, parse_route
from compiler.manifest import Manifest
from compiler.overlay import Change
from compiler.pipeline import compile_environment, search
from compiler.route import Named, Route, follow, indexed
from compiler.rules.changes import is_hashed
from compiler.source import read
from compiler.understand import Compilation
from compiler.workspace import Workspace
from tests.conftest import ROOT, Project, put_base


@pytest.fixture(scope="module")
def prod() -> Compilation:
    return compile_environment(Workspace(ROOT), "prod")


def reasons(compilation: Compilation, where: str, path: str) -> list[Reason]:
    assert compilation.source is not None
    assert compilation.overlay is not None
    manifest = find(compilation.overlay, compilation.manifests, *parse_object(where))
    return explain(search(Workspace(ROOT), compilation), manifest, parse_route(path))


@pytest.mark.parametrize(
    ("where", "path", "file", "line", "why"),
    [
        ("deployment/mlflow", "spec.replicas", "overlays/prod/environment.yaml", "replicas: 3", "pods of the server"),
        (
            "configmap/mlflow-env",
            "data.MLFLOW_SERVER_ALLOWED_HOSTS",
            "overlays/prod/environment.yaml",
            "host: mlflow.acme.example",
            "every name of the server",
        ),
        (
            "deployment/mlflow",
            "spec.template.spec.containers[0].env[name=PGPASSWORD]",
            "base/components/driver-postgres/mlflow.deployment.patch.yaml",
            "- name: PGPASSWORD",
            "the component driver-postgres",
        ),
        ("job/mlflow-migrate", "spec.backoffLimit", "base/mlflow/job-migrate.yaml", "backoffLimit: 4", "the base"),
    ],
)
def test_explain__names_the_line(prod: Compilation, where: str, path: str, file: str, line: str, why: str) -> None:
    [reason] = reasons(prod, where, path)
    assert reason.place.path == file
    assert (ROOT / file).read_text().splitlines()[reason.place.line - 1].strip() == line
    assert why in reason.why


def test_explain__gives_every_change_below_a_place(prod: Compilation) -> None:
    found = reasons(prod, "deployment/mlflow", "spec.template.spec.containers[name=mlflow].resources.limits")
    assert {reason.route[-1] for reason in found[:3]} == {"cpu", "memory", "ephemeral-storage"}


def test_explain__of_a_list_names_every_component_that_adds_to_it(prod: Compilation) -> None:
    found = reasons(prod, "deployment/mlflow", "spec.template.spec.containers[0].env")
    assert {(reason.route[-1], reason.why) for reason in found} == {
        (Named("PGPASSWORD"), "the component driver-postgres"),
        (Named("AWS_REGION"), "the component identity-region"),
        (Named("AWS_DEFAULT_REGION"), "the component identity-region"),
        (Named("PYTHONPATH"), "the component mode-proxied"),
    }


@pytest.mark.parametrize("name", sorted(path.parent.name for path in (ROOT / "overlays").glob("*/environment.yaml")))
def test_origin__every_value_of_a_build_stands_where_it_is_said_to(name: str) -> None:
    """Each value is read again at the place that is named for it."""
    compilation = compile_environment(Workspace(ROOT), name)
    found = search(Workspace(ROOT), compilation)
    seen = 0
    for manifest in compilation.manifests:
        for route, value in _leaves(manifest.data):
            origin = found.origin(manifest, route)
            assert origin is not None, (manifest.ref, route)
            assert origin.place.line > 0
            seen += 1
            if origin.place.path.startswith("overlays/"):
                assert origin.place.path == f"overlays/{name}/environment.yaml"
                assert origin.change is None or _within(origin.change, manifest, route, value), (manifest.ref, route)
            else:
                assert _stands(origin.place, manifest, route, value), (manifest.ref, route, value, origin)
    assert seen > 150


def _leaves(value: Any, route: Route = ()) -> Iterator[tuple[Route, Any]]:
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    if not keys:
        yield route, value
    for key in keys:
        yield from _leaves(value[key], (*route, key))


def _within(change: Change, manifest: Manifest, route: Route, value: Any) -> bool:
    """Whether a change of the overlay holds a value of the build."""
    assert indexed(manifest.data, change.route) == route[: len(change.route)]
    wanted = follow(change.value, route[len(change.route) :])
    return bool(wanted == value or is_hashed(str(value), str(wanted)))


def _stands(place: Place, manifest: Manifest, route: Route, value: Any) -> bool:
    """Whether a file of the base says a value at a place, but for what Kustomize makes of it."""
    text = (ROOT / place.path).read_text(encoding="utf-8")
    if not place.path.endswith(".yaml"):
        key, _, rest = text.splitlines()[place.line - 1].partition("=")
        return value == text or (rest == value and key == route[-1])
    if place.path.endswith("kustomization.yaml") and route in (("apiVersion",), ("kind",)):
        return manifest.origin == place.path
    source, _ = read(place.path, text.encode())
    assert source is not None
    at = [
        each
        for each, entry in source.entries.items()
        if (entry.value.line, entry.value.column) == (place.line, place.column)
    ]
    written = follow(source.data, max(at, key=len))
    if route[-1:] == ("image",) and isinstance(written, dict):
        return str(value) == f"{written['name']}:{written['newTag']}"
    named = route == ("metadata", "name") and str(value).startswith(f"{written}-")
    return bool(written == value or is_hashed(str(value), str(written)) or named)


def test_explain__a_value_of_custom_wins_and_says_its_line(project: Project) -> None:
    custom = project.add("dev", "overlay: minio-postgres\nreplicas: 2\n") / "custom"
    custom.mkdir()
    (custom / "kustomization.yaml").write_text(CUSTOM)
    (custom / "more.yaml").write_text(MORE)
    compilation = compile_environment(project.workspace, "dev")
    assert compilation.diagnostics == []
    found = search(project.workspace, compilation)
    server = find(found.overlay, compilation.manifests, "deployment", "mlflow")
    for path, place in (
        ("spec.template.spec.containers[name=mlflow].env[name=INLINE].value", "kustomization.yaml:16:32"),
        ("spec.template.metadata.annotations.op", "kustomization.yaml:21:18"),
        ("spec.template.metadata.annotations.file", "more.yaml:13:15"),
        ("spec.template.metadata.annotations.json", "kustomization.yaml:24:12"),
        ("metadata.labels.team", "kustomization.yaml:6:13"),
    ):
        [reason] = explain(found, server, parse_route(path))
        assert str(reason.place) == f"overlays/dev/custom/{place}", path
        assert reason.why == "custom/, which is yours"
    [replicas] = explain(found, server, ("spec", "replicas"))
    assert replicas.place.path == "overlays/dev/environment.yaml"
    [name] = explain(found, server, parse_route("spec.template.spec.containers[name=mlflow].name"))
    assert name.place.path == "base/mlflow/deployment.yaml"


CUSTOM = """\
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
labels:
  - includeSelectors: false
    pairs:
      team: ml
patches:
  - patch: |-
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: mlflow}
      spec:
        template:
          spec:
            containers:
              - {env: [{value: here, name: INLINE}], name: mlflow}
  - path: more.yaml
  - target: {kind: Deployment, name: mlf.*}
    patch: |-
      - {op: add, path: /spec/template/metadata/annotations/op,
         value:  by operation}
  - target: {kind: Deployment, name: mlflow}
    # JSON on one line has no lines of its own.
    patch: '[{"op": "add", "path": "/spec/template/metadata/annotations/json", "value": "x"}]'
"""
MORE = """\
apiVersion: v1
kind: ServiceAccount
metadata: {name: mlflow}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: mlflow}
spec:
  template:
    metadata:
      annotations:
        # The second document of a file.
        file: by file
"""


def test_explain__what_every_pod_is_told(tmp_path: Path) -> None:
    """A field of every pod leads back to its line, in a Job too, which has another name in the build."""
    environment = ROOT / "tests" / "everything" / "eks-irsa" / "environment.yaml"
    put_base(tmp_path)
    project = Project(Workspace(tmp_path))
    project.add("example", environment.read_bytes())
    compilation = compile_environment(project.workspace, "example")
    for where in ("job/mlflow-migrate", "deployment/mlflow"):
        [reason] = reasons(compilation, where, "spec.template.spec.priorityClassName")
        line = environment.read_text(encoding="utf-8").splitlines()[reason.place.line - 1]
        assert line.strip() == "priorityClassName: acme-services"
    [reason] = reasons(compilation, "serviceaccount/mlflow", "metadata.annotations[acme.example/owner]")
    assert "serviceAccount.annotations.acme.example/owner" in reason.why


def test_parse_route__takes_indexes_names_and_keys_with_dots() -> None:
    assert parse_route("a.b[0][name=c].d[e.f/g]") == ("a", "b", 0, Named("c"), "d", "e.f/g")


@pytest.mark.parametrize("where", ["deployment", "/mlflow", "deployment/"])
def test_parse_object__refuses_what_names_none(where: str) -> None:
    with pytest.raises(Usage, match="names no object"):
        parse_object(where)


def test_explain__refuses_what_is_not_there(prod: Compilation) -> None:
    with pytest.raises(Usage, match="has nothing at"):
        reasons(prod, "deployment/mlflow", "spec.nothing")
    with pytest.raises(Usage, match="there is no deployment/other"):
        reasons(prod, "deployment/other", "spec")
