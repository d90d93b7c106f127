"""The policy, held against the tools that it answers to: on the reference environments, and on what breaks each rule."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from compiler.build import build, kustomize
from compiler.emit import emit
from compiler.kinds import kinds_of
from compiler.manifest import Manifest
from compiler.policy import ELSEWHERE, POLICY, Rule
from compiler.understand import understand
from compiler.workspace import Workspace
from tests.conftest import ROOT, Project, put_base
from tests.sample import sampled

from .tools import Finding, Tool

pytestmark = pytest.mark.policy
ENVIRONMENTS = sampled(
    sorted({path.parent.name for path in (ROOT / "overlays").glob("*/environment.yaml")} - {*kinds_of("pipelines")})
)
RULES = [name for name, rule in POLICY.items() if rule.kube_linter + rule.kube_score + rule.checkov + rule.trivy]
CASES = ROOT / "tests" / "cases" / "invalid"


def _ids(tool: Tool, rule: Rule) -> set[str]:
    ids = {"kube-linter": rule.kube_linter, "kube-score": rule.kube_score, "checkov": rule.checkov, "trivy": rule.trivy}
    return set(ids[tool.name])


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_references__the_tool_finds_nothing(tool: Tool, environment: str, tmp_path: Path, said: list[str]) -> None:
    """What kubectl prints of a reference environment is clean by itself: its waivers are in it."""
    text, error = kustomize(ROOT / "overlays" / environment)
    assert not error
    file = tmp_path / f"{environment}.yaml"
    file.write_text(text, encoding="utf-8")
    scan = tool.scan([file])
    assert {each for each in scan.findings[file.name] if each.check not in ELSEWHERE} == set()
    lines = [line for line in scan.output.splitlines() if line.strip()]
    words = [f"{len(lines)} checks are OK or skipped"] if tool.name == "kube-score" else lines
    said.append(f"{tool.name} {tool.version}, {environment}: {' '.join(words)}")


def test_waivers__are_what_silences_the_tool(tool: Tool, tmp_path: Path) -> None:
    """Without its annotations the same build has findings, each of a rule that is waived."""
    if tool.name == "trivy":
        pytest.skip("Trivy has no check of a rule that is waived in the base, and reads no annotation")
    text, _ = kustomize(ROOT / "overlays" / "minio-postgres")
    documents = list(yaml.safe_load_all(text))
    for document in documents:
        document["metadata"].pop("annotations", None)
    file = tmp_path / "bare.yaml"
    file.write_text(yaml.safe_dump_all(documents), encoding="utf-8")
    found = {finding.check for finding in tool.scan([file]).findings[file.name]}
    waived = ("few-replicas", "headless-service", "identical-probes", "job-ttl", "missing-digest", "pull-policy")
    known = {id_ for rule in (*waived, "secret-in-environment") for id_ in _ids(tool, POLICY[rule])}
    assert found
    assert found <= known


def test_checks__each_is_answered_or_declined(tool: Tool) -> None:
    """Every default check of the tool belongs to a rule, or is listed with the reason why to none."""
    answered = {id_ for rule in POLICY.values() for id_ in _ids(tool, rule)}
    assert len(tool.checks) > 25
    assert tool.checks - answered == set(ELSEWHERE) & tool.checks
    assert not answered & set(ELSEWHERE)
    if tool.name == "checkov":
        assert {each for each in ELSEWHERE if each.startswith("CKV")} <= tool.checks
        assert answered <= tool.checks
    here, declined = len(answered & tool.checks), len(set(ELSEWHERE) & tool.checks)
    row = f"| {tool.name} | {tool.version.removeprefix('v')} | {len(tool.checks)} | {here} | {declined} |"
    assert row in (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("rule", RULES)
def test_rules__the_tool_finds_what_the_rule_finds(tool: Tool, rule: str, found: dict[str, set[str]]) -> None:
    """In the failing examples of a rule the tool finds every id that the rule answers to."""
    wanted = _ids(tool, POLICY[rule]) & tool.checks
    if not wanted:
        pytest.skip(f"no default check of {tool.name}")
    assert wanted - found[rule] == set()


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """The builds of the failing examples of each rule."""
    directory = tmp_path_factory.mktemp("examples")
    files: dict[str, list[Path]] = {}
    for rule in RULES:
        for path in sorted((CASES / rule).glob("*.yaml")):
            file = directory / f"{rule}-{path.name}"
            file.write_text(_built(path, tmp_path_factory.mktemp(path.stem)), encoding="utf-8")
            files.setdefault(rule, []).append(file)
    return files


@pytest.fixture(scope="module")
def found(tool: Tool, examples: dict[str, list[Path]]) -> dict[str, set[str]]:
    """The checks that fail in the examples of each rule."""
    alone = [rule for rule in examples if any(id_.startswith("CKV2") for id_ in _ids(tool, POLICY[rule]))]
    findings: dict[str, set[Finding]] = {}
    # Checks of several objects take all files of a run for one cluster.
    together = [file for rule in examples if rule not in alone for file in examples[rule]]
    for files in (*([file] for rule in alone for file in examples[rule]), together):
        findings |= tool.scan(files).findings
    return {rule: {each.check for file in files for each in findings[file.name]} for rule, files in examples.items()}


def _built(path: Path, directory: Path) -> str:
    """The build of a failing example, as it would be if nothing judged it; empty where there is none."""
    put_base(directory)
    custom = path.with_suffix(".custom")
    project = Project(Workspace(directory))
    project.add("example", path.read_bytes(), custom if custom.is_dir() else None)
    overlay = understand("example", str(path), path.read_bytes(), custom=custom.is_dir()).overlay
    if overlay is None:
        # The language itself refuses it; the namespace is what the rule is about.
        overlay = understand("example", "e.yaml", b"overlay: minio-postgres").overlay
        assert overlay is not None
        overlay = replace(overlay, namespace="default")
    built = build(directory, "example", emit("example", overlay), overlay.generated_secrets())
    assert not built.error
    return _text(built.manifests)


def _text(manifests: tuple[Manifest, ...]) -> str:
    return yaml.safe_dump_all(manifest.data for manifest in manifests)
