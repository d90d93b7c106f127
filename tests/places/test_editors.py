"""What an editor shows of environment.yaml, asked of the language server that most of them run."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from compiler.kinds import KINDS
from compiler.scaffold import MODELINE, scaffold
from compiler.understand import understand
from tests.conftest import ROOT

from .language_server import Client, editing
from .node import NODE, installed

SCHEMA = Path("schema/environment.schema.json")
EKS = 'overlay: eks-irsa\nartifacts: {bucket: acme, region: us-east-1, roleArn: "arn:aws:iam::123456789012:role/m"}\n'


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """An editor with the file of an environment open, in a project where nothing but its first line names the schema."""
    project = tmp_path_factory.mktemp("project")
    (project / SCHEMA).parent.mkdir()
    shutil.copy(ROOT / SCHEMA, project / SCHEMA)
    file = project / "overlays" / "dev" / "environment.yaml"
    file.parent.mkdir(parents=True)
    server = installed("editor") / "yaml-language-server" / "bin" / "yaml-language-server"
    with editing([NODE, server, "--stdio"], file) as client:
        yield client


def _found(editor: Client, text: str) -> list[tuple[int, int, str]]:
    """What is wrong with a text, each with its line and column in it, counted from 1."""
    found = editor.show(f"{MODELINE}\n{text}")
    starts = [(each["range"]["start"], each["message"]) for each in found]
    return sorted((start["line"], start["character"] + 1, message) for start, message in starts)


def _hover(editor: Client, text: str, line: int, column: int) -> str:
    editor.show(f"{MODELINE}\n{text}")
    return str(editor.at("hover", line, column - 1)["contents"]["value"])


def _completions(editor: Client, text: str) -> dict[str, dict[str, Any]]:
    """What is offered at the end of a text, by label."""
    editor.show(f"{MODELINE}\n{text}")
    lines = text.split("\n")
    answer = editor.at("completion", len(lines), len(lines[-1]))
    items = answer["items"] if isinstance(answer, dict) else answer
    return {item["label"]: item for item in items}


def _inserted(item: dict[str, Any]) -> str:
    return str(item.get("textEdit", item).get("newText", item.get("insertText")))


# Diagnostics


@pytest.mark.parametrize("name", sorted(path.parent.name for path in ROOT.glob("overlays/*/environment.yaml")))
def test_diagnostics__none_in_a_reference_environment(editor: Client, name: str) -> None:
    text = (ROOT / "overlays" / name / "environment.yaml").read_text(encoding="utf-8")
    assert text.startswith(f"{MODELINE}\n")
    assert editor.show(text) == []


@pytest.mark.parametrize("kind", KINDS)
def test_diagnostics__none_in_a_scaffold(editor: Client, kind: str) -> None:
    assert editor.show(scaffold(kind)) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("overlay: minio-postgres\nreplicsa: 2\n", (2, 1, "Property replicsa is not allowed.")),
        ("overlay: minio-postgres\nmlflow:\n  imag: {}\n", (3, 3, "Property imag is not allowed.")),
        ("overlay: minio-postgres\nreplicas: many\n", (2, 11, 'Incorrect type. Expected "integer".')),
        ("overlay: minio-postgres\nreplicas: 0\n", (2, 11, "Value is below the minimum of 1.")),
        ("overlay: minio-postgres\nnamespace: A_b\n", (2, 12, "lower-case letters, digits and dashes")),
        (
            "overlay: minio-postgres\nmlflow: {mode: x}\n",
            (2, 16, 'Valid values: "proxied", "presigned", "split", "direct".'),
        ),
        ("overlay: minio\n", (1, 10, f'Valid values: "{next(iter(KINDS))}", ')),
        ("replicas: 2\n", (1, 1, 'Missing property "overlay".')),
        ("overlay: eks-irsa\n", (1, 1, "'eks-irsa' needs artifacts: with bucket, region, roleArn")),
        (
            "overlay: eks-irsa\nartifacts: {bucket: acme, region: us-east-1}\n",
            (2, 1, "'eks-irsa' needs artifacts.roleArn: the server's service account assumes this role"),
        ),
    ],
)
def test_diagnostics__say_what_is_wrong_and_where(editor: Client, text: str, found: tuple[int, int, str]) -> None:
    [(line, column, message)] = _found(editor, text)
    assert (line, column) == found[:2]
    assert found[2] in message


def test_diagnostics__a_kind_that_demands_nothing_is_complete(editor: Client) -> None:
    assert _found(editor, "overlay: minio-postgres\n") == []
    assert _found(editor, EKS) == []


# Hover


def test_hover__on_a_key_is_its_manual(editor: Client) -> None:
    text = f"{EKS}mlflow:\n  workers: 3\n"
    shown = _hover(editor, text, 4, 4)
    assert shown.startswith("#### mlflow.workers\n")
    assert "Server processes in each pod." in shown
    assert "It is a whole number, 1 to 32." in shown
    assert "Default: `2`." in shown
    assert "Where artifacts are kept." in _hover(editor, text, 2, 3)


def test_hover__on_an_enum_value_says_what_each_means(editor: Client) -> None:
    text = "overlay: minio-postgres\ndatabase:\n  tls:\n    mode: verify-full\n"
    shown = _hover(editor, text, 4, 12)
    assert shown.startswith("#### database.tls.mode\n")
    values = shown.partition("Allowed Values:")[2]
    # The value that is written comes first.
    assert values.split()[:2] == ["*", "`verify-full`:"]
    assert "names the host" in values
    assert "* `disable`: In the clear." in values


def test_hover__on_the_kind_lists_every_kind(editor: Client) -> None:
    shown = _hover(editor, "overlay: minio-mysql\n", 1, 12)
    assert all(f"* `{kind}`: " in shown for kind in KINDS)


# Completion


def test_completion__of_an_empty_file_offers_an_environment_of_each_kind(editor: Client) -> None:
    """As small as it can be, and right once what is filled in is taken as it is."""
    offered = _completions(editor, "")
    assert {"overlay", "artifacts", "mlflow", *KINDS} <= set(offered)
    for kind in KINDS:
        text = _plain(_inserted(offered[kind]))
        assert text.startswith(f"overlay: {kind}")
        assert _found(editor, text) == []
        assert understand("dev", "environment.yaml", text.encode()).diagnostics == []


def _plain(snippet: str) -> str:
    """A snippet with its placeholders taken as they are."""
    return re.sub(r"\$\{\d+:([^{}]*)\}", r"\1", snippet)


def test_completion__of_kinds_says_what_they_are(editor: Client) -> None:
    offered = _completions(editor, "overlay: ")
    assert list(offered) == list(KINDS)
    assert "MinIO" in json.dumps(offered["minio-mysql"]["documentation"])


def test_completion__of_keys_inside_another(editor: Client) -> None:
    offered = _completions(editor, "overlay: eks-irsa\nartifacts:\n  ")
    assert {"bucket", "region", "roleArn", "storage"} <= set(offered)
    assert "mlflow" not in offered
    assert "The bucket." in json.dumps(offered["bucket"]["documentation"])
    assert _inserted(offered["bucket"]) == "bucket: ${1:acme-mlflow}"


def test_completion__leaves_out_keys_that_are_there(editor: Client) -> None:
    offered = _completions(editor, "overlay: minio-postgres\nreplicas: 2\n")
    assert "host" in offered
    assert not {"overlay", "replicas"} & set(offered)


def test_completion__of_a_mapping_writes_no_default_into_it(editor: Client) -> None:
    """`artifacts` with the Secret of another kind would be refused."""
    offered = _completions(editor, "overlay: eks-irsa\n")
    for key in ("artifacts", "database", "mlflow", "ingress", "networkPolicy"):
        assert _inserted(offered[key]).strip() == f"{key}:"


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("overlay: minio-postgres\nmlflow:\n  mode: ", {"proxied", "presigned", "split", "direct"}),
        ("overlay: minio-postgres\nmlflow:\n  jobs: ", {"true", "false"}),
        ("overlay: minio-postgres\ndatabase:\n  tls:\n    mode: ", {"disable", "require", "verify-ca", "verify-full"}),
        ("overlay: minio-postgres\nartifacts:\n  region: ", {"eu-central-1"}),
    ],
)
def test_completion__of_values(editor: Client, text: str, values: set[str]) -> None:
    assert set(_completions(editor, text)) == values


def test_completion__of_a_version_keeps_it_text(editor: Client) -> None:
    """1.30 without quotes is a number, and another one."""
    offered = _completions(editor, "overlay: minio-postgres\nkubernetesVersion: ")
    assert _inserted(offered['"1.30"']) == '"1.30"'


def test_completion__says_what_each_value_means(editor: Client) -> None:
    offered = _completions(editor, "overlay: minio-postgres\nmlflow:\n  mode: ")
    assert "credentials of their own" in json.dumps(offered["direct"]["documentation"])
