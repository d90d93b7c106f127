"""Manifests of any origin: whole reports, the dialect of kubectl, and every option of the command."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from compiler.catalog import bundled, check_location, find, kinds, schema_versions
from compiler.conform import conform
from compiler.dialect import MANIFEST, go
from compiler.errors import Usage
from compiler.manifest import Manifest
from compiler.quick import plain
from compiler.releases import deprecated, removed, successors
from compiler.source import Refusal, chunks, decode, read_all
from tests.conftest import Answer, Golden, Run
from tests.corpus.corpus import WRITTEN, cases

CASES = Path(__file__).parent / "cases"
REPORTS = sorted([*CASES.glob("manifests/*.yaml"), *CASES.glob("invalid/*/*.manifest.yaml")])
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
GADGET = "apiVersion: example.org/v1\nkind: Gadget\nmetadata: {name: a}\nspec: {size: 1}\n"


@pytest.fixture
def run(tmp_path: Path, command_line: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs validate in a directory of its own, which is no project."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, stdin: str = "") -> Answer:
        return command_line("validate", *arguments, stdin=stdin)

    return run


def _report(answer: tuple[int, str, str]) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(answer[1])
    return report


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.name.partition(".")[0])
def test_invalid__gets_the_whole_report(path: Path, run: Run, tmp_path: Path, golden: Golden) -> None:
    (tmp_path / path.name).write_bytes(path.read_bytes())
    options = ["--kubernetes-version", "1.37", "--summary", *("--reject", "Secret") * ("rejected" in path.parent.name)]
    code, out, err = run(path.name, *options)
    assert (code, err) == (int("error: " in out), "")
    assert path.parent.name in ("manifests", *re.findall(r"\[([a-z-]+)\]\n", out))
    golden.check(path.with_suffix(".txt"), out)


def test_arguments__files_directories_and_standard_input(run: Run, tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "a.yml").write_text(CONFIG)
    (tmp_path / "deep" / "b.json").write_text('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b"}}')
    (tmp_path / "deep" / "notes.txt").write_text("a: b: c")
    (tmp_path / "deep" / ".hidden").mkdir()
    (tmp_path / "deep" / ".hidden" / "c.yaml").write_text("a: b: c")
    answer = run("deep", "-", "--output", "json", stdin=CONFIG.replace("name: a", "name: c"))
    assert answer[0] == 0
    assert [each["path"] for each in _report(answer)["files"]] == ["deep/b.json", "deep/er/a.yml", "stdin"]
    assert _report(answer)["summary"] == {"valid": 3, "invalid": 0, "skipped": 0, "unreadable": 0}


def test_arguments__what_is_not_there_is_said(run: Run) -> None:
    assert run("nothing.yaml") == (3, "", "mlflow-overlays: there is no file or directory nothing.yaml\n")


def test_kustomization__is_built_and_findings_name_the_file(run: Run, tmp_path: Path) -> None:
    base, over = tmp_path / "base", tmp_path / "over"
    base.mkdir()
    over.mkdir()
    (base / "kustomization.yaml").write_text("resources: [config.yaml]\n")
    (base / "config.yaml").write_text(CONFIG + "dta: {}\n")
    (over / "kustomization.yaml").write_text(
        "resources: [../base]\npatches:\n  - patch: |\n      apiVersion: v1\n      kind: ConfigMap\n"
        "      metadata: {name: a}\n      immutable: maybe\n"
    )
    code, out, _ = run("over")
    assert code == 1
    assert "base/config.yaml:4:1: error: ConfigMap a: dta is no field [schema-unknown-field]" in out
    assert "over/kustomization.yaml: error: ConfigMap a: immutable is 'maybe'" in out


def test_kustomization__has_to_have_what_it_refers_to(run: Run, tmp_path: Path) -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n"
    pod += "    - {name: a, image: 'a:1', envFrom: [{configMapRef: {name: b}}]}\n"
    (tmp_path / "pod.yaml").write_text(pod)
    assert run("pod.yaml") == (0, "", "")
    (tmp_path / "kustomization.yaml").write_text("resources: [pod.yaml]\n")
    code, out, _ = run(".")
    assert code == 1
    assert "pod.yaml:6:63: error: Pod a: the ConfigMap b is not there [dangling-reference]" in out


def test_kustomization__that_cannot_be_built_is_told_in_kubectls_words(run: Run, tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: [nothing.yaml]\n")
    code, out, _ = run(".", "--summary")
    assert code == 1
    assert "[build-failed]" in out
    assert "nothing.yaml" in out
    assert "1 unreadable" in out


def test_kustomization__a_component_is_skipped_and_said(run: Run, tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n")
    assert run(".") == (0, "1 objects in 1 files: 0 valid, 0 invalid, 1 skipped, 0 unreadable (Kubernetes 1.37)\n", "")


def test_kustomization__files_of_a_component_are_skipped_and_said(run: Run, tmp_path: Path) -> None:
    """They are parts: a Job without the volumes that another component adds is not wrong."""
    (tmp_path / "kustomization.yaml").write_text("apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n")
    part = tmp_path / "route.yaml"
    part.write_text("apiVersion: v1\nkind: Service\nmetadata: {name: PLACEHOLDER}\n")
    answer = run("route.yaml", "--summary")
    assert answer == (0, "1 objects in 1 files: 0 valid, 0 invalid, 1 skipped, 0 unreadable (Kubernetes 1.37)\n", "")


def test_versions__a_finding_of_some_says_which(run: Run) -> None:
    text = "apiVersion: flowcontrol.apiserver.k8s.io/v1beta3\nkind: FlowSchema\nmetadata: {name: a}\n"
    code, out, _ = run("-", "--kubernetes-version", "1.31.4", "--kubernetes-version", "1.32", stdin=text)
    assert code == 1
    assert "removed FlowSchema of flowcontrol.apiserver.k8s.io/v1beta3 (Kubernetes 1.32) [removed-api]" in out
    assert "is gone in Kubernetes 1.32 (Kubernetes 1.31) [deprecated-api]" in out


def test_versions__all_is_every_one_and_others_are_refused(run: Run) -> None:
    answer = run("-", "--kubernetes-version", "all", "--output", "json", stdin=CONFIG)
    assert _report(answer)["versions"] == list(schema_versions())
    assert len(schema_versions()) >= 13
    code, _, err = run("-", "--kubernetes-version", "1.2", stdin=CONFIG)
    assert code == 2
    assert "there are no schemas of Kubernetes 1.2; there are 1.25" in err


def test_skip_and_reject__by_kind_and_by_version(run: Run) -> None:
    both = CONFIG + "dta: {}\n---\n" + CONFIG.replace("ConfigMap", "Secret")
    answer = run("-", "--skip", "v1/ConfigMap", "--reject", "Pod,Secret", "--output", "json", stdin=both)
    report = _report(answer)
    assert [each["code"] for each in report["diagnostics"]] == ["rejected-kind"]
    assert report["summary"] == {"valid": 0, "invalid": 1, "skipped": 1, "unreadable": 0}


def test_missing_schemas__are_errors_unless_they_are_counted(run: Run) -> None:
    assert run("-", stdin=GADGET)[0] == 1
    code, out, _ = run("-", "--ignore-missing-schemas", stdin=GADGET)
    assert (code, out) == (0, "1 objects in 1 files: 0 valid, 0 invalid, 1 skipped, 0 unreadable (Kubernetes 1.37)\n")


@pytest.mark.parametrize(
    "text", [CONFIG.replace("ConfigMap", "ConfgMap"), "apiVersion: apps/v1beta1\nkind: Deployment\n"]
)
def test_missing_schemas__hide_no_mistyped_or_removed_kind(run: Run, text: str) -> None:
    assert run("-", "--ignore-missing-schemas", stdin=text)[0] == 1


SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"apiVersion": {}, "kind": {}, "metadata": {}, "spec": {"$ref": "spec.json"}},
}


def test_schema_location__finds_custom_resources_and_what_they_refer_to(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "crds" / "example.org"
    folder.mkdir(parents=True)
    (folder / "gadget_v1.json").write_text(json.dumps(SCHEMA))
    (folder / "spec.json").write_text('{"properties": {"size": {"type": "string"}}}')
    location = "crds/{{ .Group }}/{{.ResourceKind}}_{{ .ResourceAPIVersion }}.json"
    both = GADGET + "sepc: 1\n---\n" + CONFIG
    code, out, _ = run("-", "--schema-location", "default", "--schema-location", location, stdin=both)
    assert code == 1
    assert "stdin:4:14: error: Gadget a: spec.size is 1, and has to be of type string [schema-wrong-type]" in out
    assert "stdin:5:1: error: Gadget a: sepc is no field [schema-unknown-field]" in out
    assert "ConfigMap" not in out
    code, out, _ = run("-", "--schema-location", location, stdin=both)
    assert "has no ConfigMap of v1" in out


def test_schema_location__knows_kubeconforms_variables(tmp_path: Path) -> None:
    template = check_location(f"{tmp_path}/")
    path = tmp_path / "v1.37.0-standalone-strict" / "gadget-example-v1.json"
    path.parent.mkdir()
    path.write_text("{}")
    schema = find("1.37", (template,), "example.org/v1", "Gadget")
    assert schema is not None
    assert schema.path == path
    assert find("1.37", (template,), "../v1", "Gadget") is None


@pytest.mark.parametrize(
    ("location", "words"),
    [
        (
            "https://example.org/{{ .ResourceKind }}.json",
            "on the network, which validation never uses: bring the files",
        ),
        ("crds/{{ .Kind }}.json", "no variable 'Kind'; there are NormalizedKubernetesVersion"),
        ("nothing.json", "there is no file nothing.json"),
    ],
)
def test_schema_location__says_what_is_wrong_with_one(location: str, words: str) -> None:
    with pytest.raises(Usage, match=words):
        check_location(location)


def test_schema_location__a_broken_schema_is_said(run: Run, tmp_path: Path) -> None:
    for text in ("{", "[]", '{"type": 1}', '{"$ref": "http://example.org/a.json"}', '{"$ref": "nothing.json"}'):
        (tmp_path / "gadget.json").write_text(text)
        code, _, err = run("-", "--schema-location", "{{ .ResourceKind }}.json", stdin=GADGET)
        assert (code, err.count("\n")) == (3, 1), (text, err)


def test_outputs__sarif_and_junit_and_github_carry_the_place(run: Run) -> None:
    for output, words in (("sarif", '"startLine": 4'), ("junit", "stdin:4:1"), ("github", "file=stdin,line=4,col=1")):
        code, out, _ = run("-", "--output", output, stdin=CONFIG + "dta: 1\n")
        assert code == 1
        assert words in out


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((word, True) for word in ("y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE")),
        *((word, False) for word in ("n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE")),
        *((word, None) for word in ("", "~", "null", "Null", "NULL")),
        *((word, word) for word in ("yEs", "nO", "tRue", "nuLL", "1.2.3", "12:30:45", "2026-01-01", "0xg", "-", "+", ".")),
        ("0755", 493), ("0o755", 493), ("08", 8.0), ("0x1F", 31), ("0b101", 5), ("-0b11", -3), ("1_000", 1000), ("+5", 5),
        ("1e3", 1000.0), (".5", 0.5), ("1.", 1.0), ("1e400", "1e400"), ("18446744073709551615", 2**64 - 1),
        ("18446744073709551616", float(2**64)), ("_1", "_1"), ("0.1_0", 0.1),
    ],
)  # fmt: skip
def test_dialect__is_that_of_go_yaml(text: str, value: Any) -> None:
    assert (go(text), type(go(text))) == (value, type(value))


@pytest.mark.parametrize("name", WRITTEN)
def test_quick__agrees_with_the_reader_of_places(name: str) -> None:
    _agrees(WRITTEN[name])


def test_quick__agrees_over_the_corpus() -> None:
    texts = list(cases("1.37").values())
    for text in texts:
        _agrees(text)
    fast = [plain([part for _, part in chunks(text)]) is not None for text in texts]
    assert sum(fast) > len(texts) / 2, "hardly anything is read fast"


PLAIN = "a no 0755 1e3 1_0 y on 2026-01-01 12:30 ~ null -1 1.0 0x1 true True .5 +1 é x#y 1. 00 -0 0 ="
SIGNS = "# a: : [ ] { } , &a *a !!str | > % @ << --- ... ? ` |2 >- |+"
WORDS = st.sampled_from(
    [*PLAIN.split(), *SIGNS.split(), "- a", "a: b", "\n", "\n  ", "\t", "\\", "a b", '"', "'", "''"]
)


@given(st.lists(WORDS, max_size=12), st.sampled_from([" ", "", "\n", "\na: "]))
def test_quick__agrees_on_anything(words: list[str], between: str) -> None:
    _agrees("a: " + between.join(words) + "\n")


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8))  # fmt: skip
def test_quick__agrees_on_what_is_written_by_a_program(value: Any) -> None:
    _agrees(yaml.safe_dump({"a": value}))
    _agrees(json.dumps({"a": value}))


def _agrees(text: str) -> None:
    """Where the fast reader reads a text at all, it reads what the other does."""
    try:
        decode(text.encode("utf-8", "surrogatepass"), MANIFEST)
    except Refusal:
        return
    fast = plain([part for _, part in chunks(text)])
    if fast is not None:
        sources, problems = read_all("a", text)
        assert not problems, text
        assert [source.data for source in sources] == fast


def test_aliases__are_places_of_what_they_stand_for() -> None:
    text = "a: &x\n  b: 1\nc: *x\nd:\n  <<: *x\n  e: 2\n"
    [source], problems = read_all("f", text)
    assert problems == []
    assert source.data == {"a": {"b": 1}, "c": {"b": 1}, "d": {"b": 1, "e": 2}}
    assert str(source.locate(("c", "b"))) == "f:2:6"
    assert str(source.locate(("d", "e"))) == "f:6:6"


def test_aliases__do_not_blow_up() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    [problem] = read_all("f", "\n".join(lines))[1]
    assert problem.code == "too-large"


def test_releases__tell_what_went_and_what_came() -> None:
    assert removed("1.37", "policy/v1beta1", "PodDisruptionBudget") == "1.25"
    assert removed("1.37", "flowcontrol.apiserver.k8s.io/v1beta2", "FlowSchema") == "1.29"
    assert removed("1.37", "v1", "Pod") == ""
    assert successors("1.37", "extensions/v1beta1", "Ingress") == ("networking.k8s.io/v1",)
    assert deprecated("1.25", "autoscaling/v2beta2", "HorizontalPodAutoscaler") == (
        "autoscaling/v2beta2 is gone in Kubernetes 1.26",
        "write apiVersion: autoscaling/v2",
    )
    assert deprecated("1.37", "apps/v1", "Deployment") == ("", "")


def test_bounds__the_judge_and_what_explains_it_agree() -> None:
    """Over every kind: an object is invalid exactly where there is something to say."""
    for name, text in cases("1.37").items():
        if name.startswith(("Pod.", "Service.", "CronJob.", "Ingress.", "ConfigMap.", "Role.")):
            for source in read_all(name, text)[0]:
                found = [fault.code for fault in conform([Manifest(source.data)], "1.37")]
                assert bool(found) is not name.endswith((".minimal", ".filled", ".json")), (name, found)


def test_catalog__every_kind_of_every_minor_has_a_schema_that_stands_alone() -> None:
    for version in (schema_versions()[0], schema_versions()[-1]):
        for api_version, kind in kinds(version, "*set-apps-v1.json"):
            schema = bundled(version, api_version, kind)
            assert schema is not None
            assert "_definitions.json" not in json.dumps(schema.document)
