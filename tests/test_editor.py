"""The published schema: it judges as the other one does, and says something about every key."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from compiler.editor import published
from compiler.kinds import KINDS
from compiler.scaffold import MODELINE
from compiler.schema import environment_schema
from compiler.source import read
from tests.conftest import ROOT

CASES = sorted([*(ROOT / "tests" / "cases").rglob("*.yaml"), *(ROOT / "overlays").glob("*/environment.yaml")])
SCHEMA = published()


def _keys(schema: dict[str, Any], name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for key, inner in schema.get("properties", {}).items():
        yield f"{name}{key}", inner
        yield from _keys(inner, f"{name}{key}.")


KEYS = dict(_keys(SCHEMA))


def test_schema__is_draft_7() -> None:
    Draft7Validator.check_schema(SCHEMA)
    assert "oneOf" not in json.dumps(SCHEMA)


def test_schema__judges_as_the_other_does() -> None:
    """Over every case of the tests: it finds the same places wrong."""
    ours, theirs = Draft7Validator(environment_schema()), Draft7Validator(SCHEMA)
    judged = 0
    for path in CASES:
        source, _ = read(path.name, path.read_bytes())
        if source is None:
            continue
        expected = {_complaint(error) for error in ours.iter_errors(source.data)}
        assert {_complaint(error) for error in theirs.iter_errors(source.data)} == expected, path
        judged += bool(expected)
    assert judged > 20


def _complaint(error: Any) -> tuple[str, ...]:
    missing = error.message if error.validator == "required" else ""
    return (*map(str, error.absolute_path), error.validator, missing)


@pytest.mark.parametrize("name", KEYS)
def test_key__says_what_it_is(name: str) -> None:
    key = KEYS[name]
    assert key["title"] == name
    assert re.fullmatch(r"[A-Z].*[.]", key["description"], re.DOTALL)
    assert key["markdownDescription"].startswith(key["description"])
    # Markdown takes <word> for a tag and shows nothing of it.
    assert not re.search(r"(?<!\\)<\w", re.sub(r"`[^`]*`", "", key["markdownDescription"]))


@pytest.mark.parametrize("name", [name for name, key in KEYS.items() if "enum" in key])
def test_word__says_what_it_means(name: str) -> None:
    key = KEYS[name]
    if name.lower().endswith("version"):
        return
    assert len(key["enumDescriptions"]) == len(set(key["enumDescriptions"])) == len(key["enum"])


def test_default__is_told_and_only_those_of_whole_keys_are_filled_in() -> None:
    judged = dict(_keys(environment_schema()))
    told = {name for name, key in KEYS.items() if "Default: `" in key["markdownDescription"]}
    assert told == {name for name, key in judged.items() if "default" in key}
    assert {name for name, key in KEYS.items() if "default" in key} == {name for name in told if "." not in name}


def test_examples__are_accepted() -> None:
    for name, key in KEYS.items():
        for example in key.get("examples", ()):
            assert not list(Draft7Validator(key).iter_errors(example)), name


def test_snippets__one_a_kind() -> None:
    assert [snippet["label"] for snippet in SCHEMA["defaultSnippets"]] == list(KINDS)


def test_manual__shows_the_line_and_the_setting_that_are_used() -> None:
    page = (ROOT / "docs" / "editors.md").read_text(encoding="utf-8")
    assert f"\n{MODELINE}\n" in page
    assert (ROOT / ".vscode" / "settings.json").read_text(encoding="utf-8") in page


def test_setting__names_the_schema_for_every_environment() -> None:
    """Of Visual Studio Code, for whoever opens the project itself."""
    settings = json.loads((ROOT / ".vscode" / "settings.json").read_text(encoding="utf-8"))
    [(schema, pattern)] = settings["yaml.schemas"].items()
    assert (ROOT / schema).is_file()
    assert Path("overlays/prod/environment.yaml").match(pattern)
