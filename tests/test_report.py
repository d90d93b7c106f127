"""The formats that machines read, held against what their readers publish."""

from __future__ import annotations

import json
import random
import re
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft4Validator, Draft7Validator

from compiler.change import Consequence, Difference, Outcome
from compiler.cli.results import as_text
from compiler.codes import CODES, MENDS
from compiler.compare import Cause, Comparison, Told
from compiler.contract import report_schema
from compiler.diagnostic import Diagnostic, Edit, Place, Severity
from compiler.manifest import Manifest
from compiler.operate.verdict import failed
from compiler.overlay import Ref
from compiler.printable import as_json as written
from compiler.printable import guarded
from compiler.report import FORMATS, as_fixed, as_json, github, github_fixed, junit, sarif
from compiler.tell import text as told
from compiler.understand import understand
from tests.conftest import ROOT, Project, Run

CASES = sorted((ROOT / "tests" / "cases" / "invalid").glob("*/*.yaml"))
ODD = Diagnostic(Place("a b/ü,:%.yaml"), "stale", 'one <two> & "three"\nfour % ::error::', "hint", Severity.WARNING)


@cache
def found() -> list[Diagnostic]:
    """What is wrong with every failing example, and a thing that is hard to write."""
    problems = [
        problem
        for case in CASES
        for problem in understand("dev", str(case.relative_to(ROOT)), case.read_bytes()).diagnostics
    ]
    assert len({problem.code for problem in problems}) > 25
    return [*problems, ODD]


# SARIF


@cache
def _sarif() -> Any:
    path = Path(__file__).parent / "standards" / "sarif-schema-2.1.0.json"
    return Draft4Validator(json.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("some", [slice(0, 0), slice(0, 1), slice(None)], ids=["none", "one", "all"])
def test_sarif__fits_the_schema_of_the_standard(some: slice) -> None:
    assert [error.message for error in _sarif().iter_errors(json.loads(sarif(found()[some])))] == []


def test_sarif__the_schema_refuses_what_is_wrong() -> None:
    document = json.loads(sarif(found()))
    document["runs"][0]["results"][0]["level"] = "fatal"
    assert list(_sarif().iter_errors(document))


def test_sarif__each_rule_says_what_to_do() -> None:
    [one] = json.loads(sarif(found()))["runs"]
    rules = one["tool"]["driver"]["rules"]
    assert {rule["id"] for rule in rules} == {each.code for each in found()}
    for rule in rules:
        assert rule["shortDescription"]["text"] == CODES[rule["id"]]
        assert MENDS[rule["id"]] in rule["help"]["text"]
    for result in one["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]


def test_sarif__carries_the_fixes() -> None:
    edit = Edit(2, 3, 2, 7, "new")
    fixed = Diagnostic(Place("a.yaml", 2, 3), "unknown-key", "message", edits=(edit,))
    first, second = json.loads(sarif([fixed, ODD]))["runs"][0]["results"]
    [change] = first["fixes"][0]["artifactChanges"]
    assert change["artifactLocation"]["uri"] == "a.yaml"
    assert change["replacements"] == [
        {
            "deletedRegion": {"startLine": 2, "startColumn": 3, "endLine": 2, "endColumn": 7},
            "insertedContent": {"text": "new"},
        }
    ]
    assert "fixes" not in second


def test_sarif__fingerprints_stay_when_lines_move_and_tell_alike_ones_apart() -> None:
    def prints(*lines: int) -> list[str]:
        alike = [Diagnostic(Place("a.yaml", line, 1), "unknown-key", "message") for line in lines]
        results = json.loads(sarif(alike))["runs"][0]["results"]
        return [each["partialFingerprints"]["mlflowOverlays/v1"] for each in results]

    assert prints(1, 2) == prints(5, 9)
    assert len(set(prints(1, 2))) == 2


# JSON


def test_json__the_schema_is_one_that_is_closed() -> None:
    schema = report_schema()
    Draft7Validator.check_schema(schema)
    document = json.loads(as_json(found()))
    assert not Draft7Validator(schema).is_valid(document)
    document["fixed"] = []
    assert [error.message for error in Draft7Validator(schema).iter_errors(document)] == []
    document["diagnostics"][0]["more"] = 1
    assert not Draft7Validator(schema).is_valid(document)


BROKEN = "overlay: minio-postgre\nreplicas: many\n"
WARNED = "overlay: minio-postgres\nhost: mlflow.acme.example\n"


@pytest.mark.parametrize("content", ["overlay: minio-postgres\n", WARNED, BROKEN, "", "["])
@pytest.mark.parametrize(
    "command",
    [
        ["check"],
        ["check", "--fix"],
        ["compile"],
        ["compile", "--check"],
        ["explain", "dev", "service/mlflow"],
        ["lint"],
        ["lint", "--fix"],
        ["secrets"],
    ],
    ids=" ".join,
)
def test_json__of_each_command_fits_its_schema(project: Project, run: Run, command: list[str], content: str) -> None:
    project.add("dev", content)
    answer = run(*command, "--output", "json")
    assert answer.code in (0, 1)
    document = json.loads(answer.out)
    assert [error.message for error in Draft7Validator(report_schema()).iter_errors(document)] == []
    assert bool(document["fixed"]) is ("--fix" in command and content == BROKEN)
    if command[0] in ("check", "compile", "secrets") and content == WARNED:
        assert [each["name"] for each in document["environments"]] == ["dev"]
    if command[0] == "explain" and content == WARNED:
        assert {each["path"] for each in document["values"]} >= {"base/mlflow/service.yaml"}


def test_schema__of_the_report_is_printed(run: Run) -> None:
    answer = run("schema", "report")
    assert answer.code == 0
    assert answer.out == (ROOT / "schema" / "report.schema.json").read_text(encoding="utf-8")
    assert run("schema", "nonsense").code == 2


# JUnit and GitHub


def test_junit__has_the_shape_that_its_readers_take() -> None:
    """The attributes and elements of the schema that Jenkins publishes: suites count their cases, cases name themselves."""
    suite = ET.fromstring(junit(found()))
    cases = list(suite)
    assert suite.tag == "testsuite"
    assert suite.attrib.keys() == {"name", "tests", "failures"}
    assert int(suite.attrib["tests"]) == len(cases) == len({each.place.path for each in found()})
    assert int(suite.attrib["failures"]) == len([case for case in cases if case.find("failure") is not None])
    for case in cases:
        assert case.tag == "testcase"
        assert case.attrib.keys() == {"classname", "name"}
        assert {part.tag for part in case} <= {"failure", "system-out"}
        assert len(case) <= 1
        for failure in case.findall("failure"):
            assert failure.attrib.keys() == {"message", "type"}


def test_github__nothing_in_a_finding_can_end_its_command() -> None:
    text = github([ODD])
    assert text.count("\n") == 1
    assert text.startswith("::warning file=a b/ü%2C%3A%25.yaml,line=1,col=1::one ")
    assert "four %25 ::error:: [stale]%0Ahint: hint" in text


def test_github__is_chosen_by_itself_for_what_was_fixed_too(
    project: Project, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.add("dev", BROKEN)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    lines = run("lint", "--fix").out.splitlines()
    assert lines[0].startswith("::notice file=overlays/dev/environment.yaml,line=1,col=10::fixed: ")
    assert lines[1].startswith("::error file=overlays/dev/environment.yaml,line=2,col=11::")


# Texts of others

NASTY = [
    *map(chr, (*range(0x20), *range(0x7F, 0xA0), 0xA0, 0xAD, 0x61C, 0x200B, 0x200E, 0x200F, *range(0x2028, 0x202F))),
    *map(chr, (*range(0x2060, 0x2070), 0xDC80, 0xDFFF, 0xE000, 0xFDD0, 0xFEFF, 0xFFFE, 0xFFFF, 0xE0001, 0x10FFFF)),
    *("::error::x", "\n::error::x", "\n  ::warning ::x", "##[error]x", "\n##[group]", "\r::x", "\033[1;31m", "\033[2J"),
    *("%0A::x", "]]>", "<a b='c'>&", "é", "日本", "a", " ", ":", "'", '"', "\\", "\\u202e", "{", "#", "\u2028::x"),
]


def _texts(count: int) -> list[str]:
    chance = random.Random(20260131)
    return ["".join(chance.choice(NASTY) for _ in range(chance.randint(0, 12))) for _ in range(count)]


def _seen(text: str, *, commands: bool = False) -> None:
    """Nothing in a text that is printed steers, hides or runs."""
    assert all(character.isprintable() or character == "\n" for character in text), repr(text)
    if not commands:
        assert not re.search(r"^\s*::|##\[", text, re.MULTILINE), repr(text)


def test_texts_of_others__are_visible_in_every_format() -> None:
    texts = _texts(600)
    for one, other, third in zip(texts, texts[1:], texts[2:], strict=False):
        code = "unknown-key"
        each = Diagnostic(Place(one or "a", 2, 3), code, other, third, line=one, edits=(Edit(2, 3, 2, 4, third),))
        for name, format_ in FORMATS.items():
            _seen(format_([each]), commands=name == "github")
        for line in github([each]).splitlines() + github_fixed([each]).splitlines():
            assert line.startswith(("::error file=", "::notice file="))
        assert len(github([each]).splitlines()) == 1
        assert ET.fromstring(junit([each])).tag == "testsuite"
        assert json.loads(as_json([each]))["diagnostics"][0]["message"] == other
        result = json.loads(sarif([each]))["runs"][0]["results"][0]
        assert result["fixes"][0]["artifactChanges"][0]["replacements"][0]["insertedContent"]["text"] == third
        _seen(as_fixed([each]))


def test_texts_of_others__are_visible_in_plans_and_in_results() -> None:
    texts = _texts(600)
    for one, other, third in zip(texts, texts[1:], texts[2:], strict=False):
        manifest = Manifest({"kind": "ConfigMap", "metadata": {"name": one}})
        difference = Difference(manifest, manifest, ("data", one), other, third)
        cause = Cause(difference, Place(third, 1, 1), one)
        for outcome in Outcome:
            consequence = Consequence(outcome, Ref("v1", one, other), third, one, (difference,))
            _seen(told(Comparison("dev", other, (Told(consequence, (cause,)),)), ()))
        _seen(as_text(failed(one, other, third, [one, other])))
        assert json.loads(written([one, {other: third}])) == [one, {other: third}]
        _seen(written([one, {other: third}]))
        _seen(re.sub("\033\\[[0-9;]+m", "", guarded(one)))


def test_texts_of_others__never_begin_a_line_of_a_report() -> None:
    report = FORMATS["text"](
        [Diagnostic(Place("a.yaml", 1, 1), "stale", "one\nb.yaml:1:1: error: forged", "x\nhint: y")]
    )
    assert report.splitlines() == [
        "a.yaml:1:1: error: one",
        "  | b.yaml:1:1: error: forged [stale]",
        "  hint: x",
        "  | hint: y",
    ]


def test_printing__has_one_way_out() -> None:
    """What is printed goes through `cli.output`, but for programs that are sent into pods."""
    printing = re.compile(r"\bprint\(|\btyper\.echo\(|\bsys\.std(out|err)\.write\(|\bsecho\(")
    paths = sorted((ROOT / "compiler").rglob("*.py"))
    found = [str(path.relative_to(ROOT)) for path in paths if printing.search(path.read_text(encoding="utf-8"))]
    assert [path for path in found if "/programs/" not in path] == []


def test_command_line__repeats_names_visibly(run: Run) -> None:
    for name in ("a\033[31m\n::error::x", "--a\033[31m\n::error::x"):
        answer = run("lint", name)
        assert answer.code in (2, 3)
        _seen(answer.err)


def test_plan__in_github_actions_runs_nothing(project: Project, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    project.add("one", "overlay: local\npodAnnotations: {a: b}\n")
    project.add("dev", 'overlay: local\npodAnnotations: {a: "\\u202e::error::x"}\n')
    answer = run("plan", "dev", "--from", "one")
    assert "-> \\u202e::error::x" in answer.out
    _seen(answer.out)
