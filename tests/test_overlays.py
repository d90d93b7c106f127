"""The reference environments: what is committed is what the compiler makes, and every build is the accepted one."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from compiler.block import dump
from compiler.build import kustomize
from compiler.kinds import KINDS, kinds_of
from compiler.manifest import parse
from compiler.outline import localized
from compiler.parts.kubernetes_version import SUPPORTED
from compiler.pipeline import compile_environment
from compiler.report import text
from compiler.tree import KUSTOMIZATION, env_file
from compiler.workload import matches
from compiler.workspace import Workspace
from tests.conftest import ROOT, Golden, Project

WORKSPACE = Workspace(ROOT)
NAMES = WORKSPACE.names()
SECRET = "0123456789abcdef"


@pytest.mark.parametrize("name", NAMES)
def test_reference__is_up_to_date_and_renders_as_accepted(name: str, golden: Golden) -> None:
    compilation = compile_environment(WORKSPACE, name)
    assert text(compilation.diagnostics) == ""
    assert compilation.tree is not None
    assert WORKSPACE.stale(name, compilation.tree) == []
    rendered = [_shortened(manifest.data) for manifest in compilation.manifests if manifest.ref.kind != "Secret"]
    golden.check(ROOT / "tests" / "golden" / f"{name}.yaml", "---\n".join(map(dump, rendered)))


def _shortened(manifest: dict[str, Any]) -> dict[str, Any]:
    """A manifest whose ConfigMap names the files of the base that it holds, instead of repeating them."""
    if manifest["kind"] != "ConfigMap":
        return manifest
    files = {path.read_text(encoding="utf-8"): path for path in (ROOT / "base").rglob("*") if path.is_file()}
    data = manifest["data"].items()
    return {
        **manifest,
        "data": {key: f"(base/.../{files[text].name})" if text in files else text for key, text in data},
    }


@pytest.mark.parametrize("name", NAMES)
def test_reference__fits_every_supported_kubernetes(name: str) -> None:
    assert text(compile_environment(WORKSPACE, name, SUPPORTED).diagnostics) == ""


@pytest.mark.parametrize("name", NAMES)
def test_reference__builds_on_disk_as_it_was_proved(name: str, project: Project) -> None:
    """What `kubectl kustomize overlays/<env>` prints is what was proved, but for the values of Secrets."""
    source = ROOT / "overlays" / name
    project.add(name, (source / "environment.yaml").read_bytes())
    compilation = compile_environment(project.workspace, name)
    assert compilation.tree is not None
    assert compilation.overlay is not None
    project.workspace.write(name, compilation.tree)
    for secret in compilation.overlay.generated_secrets():
        path = project.workspace.directory(name) / "secrets" / f"{secret.name}.env"
        path.parent.mkdir(exist_ok=True)
        path.write_text(env_file({key.key: SECRET for key in secret.keys}))
    file = project.workspace.directory(name) / KUSTOMIZATION
    file.write_text(localized(file.read_text(), "../.."))
    printed, error = kustomize(project.workspace.directory(name))
    assert error == ""
    built = [document for document in parse(printed) if document["kind"] != "Secret"]
    here = [each for each in compilation.manifests if not each.apart and each.ref.kind not in ("Secret", "Profile")]
    assert built == [manifest.data for manifest in here]


def test_references__show_every_kind() -> None:
    assert set(KINDS) | {"prod"} == set(NAMES)


def test_compile__is_the_same_twice() -> None:
    trees = [compile_environment(WORKSPACE, "prod").tree for _ in range(2)]
    assert trees[0] == trees[1]


def test_thin__no_value_is_the_same_in_every_overlay() -> None:
    """What every environment sets alike belongs into the base; these few follow from a key, and happen to agree."""
    alike = {
        ("MLFLOW_LOGGING_LEVEL", "INFO"),
        ("MLFLOW_SERVE_ARTIFACTS", "true"),
        ("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false"),
    }
    settings = []
    for name in set(NAMES) - set(kinds_of("pipelines")):
        overlay = compile_environment(WORKSPACE, name).overlay
        assert overlay is not None
        settings.append(
            {(str(change.route[-1]), change.value) for change in overlay.changes if change.target.kind == "ConfigMap"}
        )
    assert set.intersection(*settings) <= alike


def test_secrets__no_value_is_committed() -> None:
    for name in NAMES:
        for path in (ROOT / "overlays" / name).glob("*.*"):
            for env in (ROOT / "overlays" / name / "secrets").glob("*.env"):
                values = [line.partition("=")[2] for line in env.read_text().splitlines()]
                assert not any(len(value) > 8 and value in path.read_text() for value in values)


def test_kustomizations__one_file_name_everywhere() -> None:
    found = [path for folder in ("base", "overlays") for path in (ROOT / folder).rglob("[Kk]ustomization*")]
    assert found
    assert {path.name for path in found} == {"kustomization.yaml"}


def test_base__builds_alone() -> None:
    printed, error = kustomize(ROOT / "base" / "mlflow")
    assert error == ""
    assert {"Deployment", "Service", "Job", "ConfigMap"} <= {document["kind"] for document in parse(printed)}


def test_components__each_is_used_by_an_environment() -> None:
    used: set[str] = set()
    cases = Path(__file__).parent / "cases" / "valid"
    for source in [*cases.glob("*.yaml"), *(ROOT / "overlays").glob("*/environment.yaml")]:
        from compiler.understand import understand

        others = {each.stem: each.read_bytes() for each in source.with_suffix(".others").glob("*.yaml")}
        overlay = understand("example", str(source), source.read_bytes(), others=partial(dict, others)).overlay
        assert overlay is not None, source
        used |= set(overlay.components)
    there = {path.name for path in (ROOT / "base" / "components").iterdir()}
    assert used == there


@pytest.mark.parametrize("name", [each for each in NAMES if each not in kinds_of("pipelines")])
def test_reference__owners_of_a_volume_are_changed_once(name: str) -> None:
    """A pod that has a volume which stays does not go through all of its files at each start."""
    for manifest in parse((ROOT / "tests" / "golden" / f"{name}.yaml").read_text(encoding="utf-8")):
        spec = manifest.get("spec", {})
        pod = spec.get("template", {}).get("spec", {})
        stays = [
            *spec.get("volumeClaimTemplates", []),
            *(v for v in pod.get("volumes", []) if "persistentVolumeClaim" in v),
        ]
        if stays and "fsGroup" in pod["securityContext"]:
            assert pod["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch", manifest["metadata"]["name"]


def test_namespace__its_owner_denies_what_no_policy_allows() -> None:
    """Where the overlay creates the namespace, every pod is bound but those that controllers start beside it."""
    golden = (ROOT / "tests" / "golden" / "minio-postgres.yaml").read_text(encoding="utf-8")
    [policy] = [each for each in parse(golden) if each["metadata"]["name"] == "default-deny"]
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert {"ingress", "egress"}.isdisjoint(policy["spec"])
    selector = policy["spec"]["podSelector"]
    assert matches(selector, {"app": "anything"})
    assert not matches(selector, {"acme.cert-manager.io/http01-solver": "true"})
    assert not matches(selector, {"gateway.networking.k8s.io/gateway-name": "public"})
