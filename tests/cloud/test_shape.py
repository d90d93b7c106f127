"""What judges text alone: linters of policies and shell, and two readers of Terraform's language."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stack.programs import Missing, server

from .environments import ENVIRONMENTS, documents, put
from .tools import programs, run

LINT = """
import json, sys
from parliament import analyze_policy_string
for text in json.load(sys.stdin):
    for finding in analyze_policy_string(text).findings:
        print(finding.issue, finding.detail)
"""
UNKNOWN = {
    "UNKNOWN_CONDITION_FOR_ACTION Unknown condition kms:ResourceAliases for action kms:Decrypt",
    "UNKNOWN_CONDITION_FOR_ACTION Unknown condition kms:ResourceAliases for action kms:GenerateDataKey",
}
"""What the linter's own data lack: Amazon lists the condition with the resource, and not with each action."""
STARRED = ("star", "kfp-prefix")
"""Environments whose prefix has a star that is one, as the linter does not know."""
REFERENCE = re.compile(r"(?<![\w.\"])((?:data\.)?(?:aws|google|azurerm|alicloud)_\w+\.\w+|var\.\w+|local\.\w+)")
"""A reference in an expression of Terraform: to a resource, something looked up, a variable or a local value."""
QUOTE = '"'


def test_permissions__the_linter_finds_nothing() -> None:
    """A policy without a principal is for an identity; the linter knows which actions, resources and conditions go together."""
    texts = [
        text
        for name, values in ENVIRONMENTS.items()
        if name not in STARRED
        for path, text in documents(values).items()
        if path.startswith("aws/") and path.endswith("permissions.json")
    ]
    assert len(texts) > len(ENVIRONMENTS) / 2
    assert set(_linted(texts).splitlines()) == UNKNOWN


def test_permissions__the_linter_finds_what_is_wrong() -> None:
    wrong = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": ["arn:aws:s3:::acme/*"]}],
    }
    assert "RESOURCE_MISMATCH" in _linted([json.dumps(wrong)])


def _linted(texts: list[str]) -> str:
    words = [str(programs() / "python"), "-W", "ignore", "-c", LINT]
    done = subprocess.run(words, input=json.dumps(texts), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_scripts__shellcheck_finds_nothing(name: str, tmp_path: Path) -> None:
    scripts = sorted(put(ENVIRONMENTS[name], tmp_path).glob("*.sh"))
    assert scripts
    done = run("shellcheck", "--shell=sh", "--enable=quote-safe-variables,require-double-brackets", *scripts)
    assert done.stdout == ""


def test_terraform__is_laid_out_as_its_formatter_does(tmp_path: Path) -> None:
    try:
        tofu = server("tofu")["path"]
    except Missing as reason:
        pytest.skip(str(reason))
    for name, values in ENVIRONMENTS.items():
        put(values, tmp_path / name, "terraform")
    done = run(tofu, "fmt", "-check", "-recursive", "-diff", tmp_path)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_terraform__every_reference_leads_somewhere(name: str, tmp_path: Path) -> None:
    """No provider can be fetched here, so what `validate` would say of references is worked out."""
    file = put(ENVIRONMENTS[name], tmp_path, "terraform") / "main.tf"
    words = "import hcl2, json, sys; print(json.dumps(hcl2.loads(open(sys.argv[1]).read())))"
    done = run(programs() / "python", "-c", words, file)
    assert done.returncode == 0, done.stderr
    whole = json.loads(done.stdout)
    declared = {
        *_labelled(whole, "resource", ""),
        *_labelled(whole, "data", "data."),
        *(f"var.{label.strip(QUOTE)}" for each in whole.get("variable", []) for label in each),
        *(f"local.{key}" for each in whole.get("locals", []) for key in each if not key.startswith("__")),
    }
    used = set(REFERENCE.findall(file.read_text(encoding="utf-8")))
    assert used
    assert used <= declared
    variables = {each for each in declared if each.startswith("var.")}
    assert variables <= used


def _labelled(whole: dict[str, Any], what: str, head: str) -> Iterator[str]:
    for each in whole.get(what, []):
        for kind, inner in each.items():
            for label in inner:
                yield f"{head}{kind.strip(QUOTE)}.{label.strip(QUOTE)}"
