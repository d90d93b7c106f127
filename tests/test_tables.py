"""The tables of charts and guides are true: what a row names is there, no cell is empty, and no key of a chart is left out."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "scripts"))

import tables

CHARTS = {path.stem: path for path in sorted((ROOT / "tests" / "charts").glob("*.txt"))}
TABLES = {path.stem: table for page in tables.PAGES for path, table in tables.tables(ROOT, page)}
PROJECT = tables.Project(ROOT)
PROJECTS = {system: tables.Project(ROOT, system) for system in ("mlflow", "pipelines")}
Row = dict[str, Any]


def _row(here: str, state: str = "done", **more: str) -> Row:
    return {"theirs": "a", "state": state, "here": here, **more}


@pytest.fixture(params=TABLES)
def rows(request: pytest.FixtureRequest) -> list[Row]:
    return tables.rows(TABLES[request.param])


def test_rows__name_what_is_there(rows: list[Row]) -> None:
    named = [ref for row in rows for ref in tables.refs(f"{row['here']} {row.get('proof', '')}")]
    assert [ref for ref in named if not tables.is_there(ref, PROJECT)] == []


def test_rows__leave_no_cell_empty(rows: list[Row]) -> None:
    for row in rows:
        assert row.keys() <= {"theirs", "state", "here", "proof"}
        assert row["theirs"]
        assert row["here"].strip()
        assert row["state"] in tables.STATES


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
def test_rows__say_how_each_is_proved(table: Row) -> None:
    project = PROJECTS[table.get("system", "mlflow")]
    assert [row for row in tables.rows(table) if not tables.proved(row, project)] == [], "say how it is proved"


def test_rows__of_pipelines_are_proved_by_their_own_tests_and_environments() -> None:
    of_mlflow, of_pipelines = (tables.proved(_row("`artifacts.bucket`"), each) for each in PROJECTS.values())
    assert "run" in of_mlflow.split(", ")
    assert "tests/kubeflow/" not in of_mlflow
    assert of_pipelines.endswith(", applied")
    assert "tests/parts/" not in of_pipelines
    ceph = tables.proved(_row("`artifacts.provider: ceph`"), PROJECTS["pipelines"])
    assert "tests/kubeflow/test_provider.py" in ceph


def test_rows__give_a_reason_where_we_differ(rows: list[Row]) -> None:
    different = [row["here"] for row in rows if row["state"] != "done"]
    assert [here for here in different if len(re.sub(r"`[^`]*`", "", here).split()) < 2] == []


def test_charts__what_is_done_has_a_key_or_file_here(rows: list[Row]) -> None:
    done = [row for row in rows if isinstance(row["theirs"], list) and row["state"] in {"done", "differently"}]
    assert [row for row in done if not list(tables.refs(row["here"]))] == []


@pytest.mark.parametrize("chart", CHARTS)
def test_charts__every_key_is_in_one_row(chart: str) -> None:
    [table] = [table for name, table in TABLES.items() if name.endswith(chart)]
    theirs = Counter(key for row in tables.rows(table) if isinstance(row["theirs"], list) for key in row["theirs"])
    assert [key for key, count in theirs.items() if count > 1] == []
    every = CHARTS[chart].read_text(encoding="utf-8").split()
    covered = {key: [known for known in theirs if key == known or key.startswith(f"{known}.")] for key in every}
    assert [key for key, rows in covered.items() if len(rows) != 1] == []
    assert set(theirs) == {known for rows in covered.values() for known in rows}, "no such keys in the chart"
    assert [key for key in theirs if "." not in key and key not in every] == [], "say which keys below it"


def test_charts__each_has_a_table() -> None:
    assert len(CHARTS) == len(list((ROOT / "docs" / "tables" / "charts").glob("*.yaml"))) == 3


def test_leaves__are_the_keys_that_hold_a_value() -> None:
    values = yaml.safe_load("{a: {b: 1, c: {}, d: [{e: 1}]}, f: ''}")
    assert list(tables.leaves(values)) == ["a.b", "a.c", "a.d", "f"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("`artifacts.bucket`, `.prefix`", [("key", "artifacts.bucket", None), ("key", "artifacts.prefix", None)]),
        ("`mlflow.mode: direct`", [("key", "mlflow.mode", "direct")]),
        ("kinds `minio-*`", [("kind", "minio-mysql", None), ("kind", "minio-postgres", None)]),
        ("`pod-security`", [("code", "pod-security", None)]),
        ("`make stack-test`", [("target", "stack-test", None)]),
        (
            "`base/mlflow/mlflow.env`, `custom/`",
            [("path", "base/mlflow/mlflow.env", None), ("path", tables.CUSTOM, None)],
        ),
        ("artifacts.bucket, `kubectl get pods`, `.gitignore`, `overlays/<env>/secrets/`", []),
    ],
)
def test_refs__are_what_stands_between_backticks(text: str, named: list[tuple[str, str, str | None]]) -> None:
    assert [(ref.sort, ref.name, ref.value) for ref in tables.refs(text)] == named


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("`mlflow.workers`", True),
        ("`waivers.rule`", True),
        ("`mlflow.env.ANYTHING`", True),
        ("`mlflow.wrokers`", False),
        ("`replicas.min`", False),
        ("`mlflow.mode: direct`", True),
        ("`mlflow.mode: directly`", False),
        ("`base/mlflow/mlflow.env`", True),
        ("`base/mlflow/mlflow.environment`", False),
        ("`make test`", True),
        ("`make tset`", False),
    ],
)
def test_refs__are_there_or_not(text: str, *, there: bool) -> None:
    [ref] = tables.refs(text)
    assert tables.is_there(ref, PROJECT) is there


def test_proved__names_tests_and_what_was_applied_and_run() -> None:
    assert tables.proved(_row("`auth.defaultPermission`"), PROJECT) == "`tests/parts/test_auth.py`, applied, run"
    assert tables.proved(_row("`artifacts.tenantId`"), PROJECT) == "`tests/parts/test_stores.py`, applied"
    assert tables.proved(_row("`base/components/auth-basic`"), PROJECT) == "applied, run"
    assert tables.proved(_row("`base/components/identity-azure`", proof="`a`"), PROJECT).startswith("`a`, applied")
    assert tables.proved(_row("`one-writer`"), PROJECT) == "`tests/cases/invalid/one-writer`"


def test_proved__takes_all_that_a_row_names() -> None:
    both = tables.proved(_row("`auth.defaultPermission`, `artifacts.tenantId`"), PROJECT)
    assert both == "`tests/parts/test_auth.py`, `tests/parts/test_stores.py`, applied"
    assert "applied" not in tables.proved(_row("`auth.defaultPermission: NOBODY`"), PROJECT)


def test_proved__is_empty_where_nothing_is() -> None:
    assert tables.proved(_row("by hand"), PROJECT) == ""
    assert tables.proved(_row("by hand", "unwanted"), PROJECT) == "nothing to prove"
    assert tables.proved(_row("`replicas`", "later"), PROJECT) == "nothing yet"


def test_pages__are_linked_and_have_no_empty_cell() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for path, text in tables.pages(ROOT).items():
        assert f"({path})" in readme
        lines = [line for line in text.splitlines() if line.startswith("|")]
        assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {5}
        assert [line for line in lines if re.search(r"\| *\|", line)] == []


def test_pages__there_are_none_without_tables(tmp_path: Path) -> None:
    assert tables.pages(tmp_path) == {}
