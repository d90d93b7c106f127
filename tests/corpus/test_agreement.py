"""On what is valid, kubeconform and this project agree, but for the differences of a table that says why."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml

from compiler.catalog import directory
from tests.conftest import ROOT
from tests.corpus.corpus import cases

VERSION = "1.37"
TABLE: list[dict[str, str]] = yaml.safe_load((Path(__file__).parent / "differences.yaml").read_text(encoding="utf-8"))
pytestmark = pytest.mark.corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    for name, text in cases(VERSION).items():
        (folder / f"{name}.yaml").write_bytes(text.encode())
    return folder


@pytest.fixture(scope="module")
def theirs(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What kubeconform says of each file, with the schemas that kubernetes-validate bundles."""
    schemas = tmp_path_factory.mktemp("schemas")
    for path in directory(VERSION).glob("*.json"):
        schema = json.loads(path.read_text(encoding="utf-8").replace('"/api/_definitions.json', '"_definitions.json'))
        schema.pop("$id", None)
        (schemas / path.name).write_text(json.dumps(schema), encoding="utf-8")
    location = f"{schemas}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"
    options = ["-strict", "-verbose", "-output", "json", "-schema-location", location]
    answer = subprocess.run([_kubeconform(), *options, str(corpus)], capture_output=True, text=True, check=False)
    found: dict[str, set[str]] = {}
    for each in json.loads(answer.stdout)["resources"]:
        found.setdefault(Path(each["filename"]).stem, set()).add(each["status"])
    bad = {"statusInvalid", "statusError"}
    return {name: "invalid" if statuses & bad else "valid" for name, statuses in found.items()}


@pytest.fixture(scope="module")
def ours(corpus: Path) -> dict[str, str]:
    """What this project says of each file."""
    command = [sys.executable, "-m", "compiler.cli", "validate", str(corpus), "--output", "json"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 1, answer.stderr
    files = json.loads(answer.stdout)["files"]
    return {Path(each["path"]).stem: "invalid" if each["invalid"] or each["unreadable"] else "valid" for each in files}


def _kubeconform() -> str:
    command = [sys.executable, str(ROOT / "scripts" / "servers.py"), "ensure", "kubeconform"]
    answer = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout)["kubeconform"]
    if "missing" in answer:
        pytest.fail(f"kubeconform: {answer['missing']}")
    return str(answer["path"])


def test_corpus__is_large_and_of_every_kind(corpus: Path) -> None:
    names = [path.stem for path in corpus.iterdir()]
    variants = Counter(name.rpartition(".")[2] for name in names)
    assert len(names) > 1000
    assert variants["filled"] == variants["minimal"] > 60


def test_kubeconform__agrees_but_for_what_is_explained(ours: dict[str, str], theirs: dict[str, str]) -> None:
    assert set(ours) == set(cases(VERSION))
    differ = {name: (theirs.get(name, "valid"), verdict) for name, verdict in ours.items()}
    differ = {name: pair for name, pair in differ.items() if pair[0] != pair[1]}
    explained = {
        name: entry
        for name, (their, our) in differ.items()
        for entry in TABLE
        if fnmatchcase(name, entry["case"]) and (entry["kubeconform"], entry["here"]) == (their, our)
    }
    assert sorted(set(differ) - set(explained)) == []
    used = [entry["case"] for entry in TABLE if entry in explained.values()]
    assert used == [entry["case"] for entry in TABLE], "a row of the table explains nothing"


def test_valid_ones__are_valid_for_both(ours: dict[str, str], theirs: dict[str, str]) -> None:
    for name, verdict in ours.items():
        if name.rpartition(".")[2] in ("minimal", "filled", "json"):
            assert (verdict, theirs.get(name)) == ("valid", "valid"), name


def test_table__says_why() -> None:
    for entry in TABLE:
        assert set(entry) == {"case", "kubeconform", "here", "why"}
        assert len(entry["why"].split()) > 5


def test_page__names_every_difference() -> None:
    page = (ROOT / "docs" / "validate.md").read_text(encoding="utf-8")
    count = len(cases(VERSION))
    assert f"{count} manifests" in page
    for entry in TABLE:
        assert entry["why"] in page, entry["case"]
