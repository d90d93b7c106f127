"""The table of hooks: what pre-commit shows each, and that its command is there."""

from __future__ import annotations

import re

import pytest
import yaml

from compiler.cli import COMMANDS
from compiler.hooks import HOOKS, Hook
from tests.conftest import ROOT

SHOWN = {
    "mlflow-overlays-lint": ("overlays/prod/environment.yaml", "deploy/overlays/a-b/environment.yaml"),
    "mlflow-overlays-compile": (
        "overlays/prod/environment.yaml",
        "overlays/prod/kustomization.yaml",
        "overlays/prod/custom/kustomization.yaml",
        "overlays/prod/SECRETS.md",
        "base/mlflow/mlflow.env",
        "base/components/artifacts-minio/setup.sh",
        ".pre-commit-config.yaml",
    ),
    "mlflow-overlays-validate": (
        "base/mlflow/deployment.yaml",
        "base/components/ingress-http/ingress.yaml",
        "overlays/prod/custom/quota.yml",
    ),
}
NOT_SHOWN = {
    "mlflow-overlays-lint": (
        "environment.yaml",
        "overlays/environment.yaml",
        "overlays/prod/custom/environment.yaml",
        "overlays/prod/environment.yml",
        "overlays/prod/environment.yaml.bak",
        "overlays/prod/my-environment.yaml",
        "myoverlays/prod/environment.yaml",
    ),
    "mlflow-overlays-compile": (
        "overlays/README.md",
        "docs/base/mlflow.md",
        "baseline/values.yaml",
        "database/schema.sql",
        "README.md",
        "x.pre-commit-config.yaml",
    ),
    "mlflow-overlays-validate": (
        "base/mlflow/kustomization.yaml",
        "base/components/identity-keys/mlflow.deployment.patch.yaml",
        "base/mlflow/mlflow.env",
        "overlays/prod/kustomization.yaml",
        "overlays/prod/environment.yaml",
        "overlays/prod/custom/kustomization.yaml",
        "charts/base/values.yaml",
    ),
}


def _shows(hook: str, path: str) -> bool:
    """What pre-commit does with the two expressions of a hook: it searches."""
    [row] = [each for each in HOOKS if each.id == hook]
    return bool(re.search(row.files, path)) and not re.search(row.exclude, path)


@pytest.mark.parametrize(("hook", "path"), [(hook, path) for hook, paths in SHOWN.items() for path in paths])
def test_files__that_a_hook_is_for(hook: str, path: str) -> None:
    assert _shows(hook, path)


@pytest.mark.parametrize(("hook", "path"), [(hook, path) for hook, paths in NOT_SHOWN.items() for path in paths])
def test_files__that_a_hook_is_not_for(hook: str, path: str) -> None:
    assert not _shows(hook, path)


def test_table__every_hook_has_names_here() -> None:
    assert set(SHOWN) == set(NOT_SHOWN) == {hook.id for hook in HOOKS}


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.id)
def test_entry__is_a_command(hook: Hook) -> None:
    program, command, *_ = hook.entry.split()
    assert program == "mlflow-overlays"
    assert command in COMMANDS


def test_manifest__has_what_pre_commit_asks_for() -> None:
    rows = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert [row["id"] for row in rows] == [hook.id for hook in HOOKS]
    assert all(row["language"] == "python" and row["require_serial"] for row in rows)


def test_base__every_whole_object_is_shown_to_the_hook_of_manifests() -> None:
    """And nothing that is only a part of one, nor an outline."""
    outlines = ROOT / "base" / "pipelines"
    for path in (ROOT / "base").rglob("*.yaml"):
        part = path.name == "kustomization.yaml" or path.name.endswith(".patch.yaml")
        whole = not part and outlines not in path.parents
        assert _shows("mlflow-overlays-validate", path.relative_to(ROOT).as_posix()) == whole, path
