"""Every value of a build leads back to a line of the environment or of the base."""

from __future__ import annotations

import pytest

from compiler.errors import Usage
from compiler.explain import Reason, explain, find, parse_object, parse_route
from compiler.pipeline import Compilation, compile_environment, search
from compiler.route import Named
from compiler.workspace import Workspace
from tests.conftest import ROOT


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
            "spec.template.spec.containers[0].env",
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
