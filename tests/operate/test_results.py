"""What commands on a cluster print."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft7Validator

from compiler import errors
from compiler.cli.results import Telling
from compiler.contract import results_schema
from compiler.operate.verdict import failed, passed, skipped
from tests.conftest import ROOT, Run

RESULTS = [
    passed("apply", "done"),
    skipped("token", "no cloud"),
    failed("pods", "in trouble", "do this", ["its words"]),
]


def test_json__is_one_document_that_the_schema_describes(capsys: pytest.CaptureFixture[str]) -> None:
    telling = Telling("json")
    telling.progress("nothing of this is seen where nobody watches")
    telling.show(RESULTS)
    with pytest.raises(SystemExit) as stop:
        telling.finish(
            "cleanup", environment="prod", context="c", namespace="n", survey={"goes": ["Job a"], "stays": []}
        )
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert (stop.value.code, printed.err, document["ok"]) == (errors.FINDINGS, "", False)
    assert [error.message for error in Draft7Validator(results_schema()).iter_errors(document)] == []
    assert document["results"][2]["words"] == ["its words"]
    del document["results"][0]["verdict"]
    assert list(Draft7Validator(results_schema()).iter_errors(document))


def test_text__says_what_to_do_and_whose_words_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    telling = Telling("")
    telling.progress("how far it is")
    telling.show(RESULTS)
    with pytest.raises(SystemExit):
        telling.finish("deploy")
    printed = capsys.readouterr()
    assert printed.err == "... how far it is\n"
    assert printed.out.splitlines() == [
        "passed  apply: done",
        "skipped token: no cloud",
        "failed  pods: in trouble",
        "        do: do this",
        "        | its words",
        "1 passed, 1 failed, 1 skipped",
    ]


def test_exit__0_where_nothing_failed(capsys: pytest.CaptureFixture[str]) -> None:
    telling = Telling("")
    telling.show(RESULTS[:2])
    telling.finish("deploy")
    assert capsys.readouterr().out.endswith("1 passed, 0 failed, 1 skipped\n")


def test_output__of_other_commands_is_refused() -> None:
    with pytest.raises(errors.Usage, match="there is no output 'sarif'; there are text, json"):
        Telling("sarif")


def test_schema__of_results_is_printed(command_line: Run) -> None:
    answer = command_line("schema", "results")
    assert answer.code == 0
    assert answer.out == (ROOT / "schema" / "results.schema.json").read_text(encoding="utf-8")
