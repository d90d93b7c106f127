"""The hooks for pre-commit, written out in one table: `.pre-commit-hooks.yaml` and the manual follow from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Hook:
    """A command that is run on the files that a commit changes.

    `files` and `exclude` are regular expressions, searched for in paths from the root of the repository.
    """

    id: str
    name: str
    description: str
    entry: str
    files: str
    exclude: str = "^$"


HOOKS = (
    Hook(
        id="mlflow-overlays-lint",
        name="environments by schema and meaning",
        description="Holds each changed environment.yaml against the language; builds nothing.",
        entry="mlflow-overlays lint",
        files=r"(^|/)overlays/[^/]+/environment\.yaml$",
    ),
    Hook(
        id="mlflow-overlays-compile",
        name="overlays proved and up to date",
        description="Compiles and proves the environments that the changed files touch, and finds overlays that are stale.",
        entry="mlflow-overlays compile --check --changed",
        files=r"^(base|overlays/[^/]+)/|^\.pre-commit-config\.yaml$",
    ),
    Hook(
        id="mlflow-overlays-validate",
        name="manifests by the schemas of Kubernetes",
        description="Validates each changed manifest of base/ and custom/ that is a whole object.",
        entry="mlflow-overlays validate",
        files=r"^(base|overlays/[^/]+/custom)/.+\.ya?ml$",
        # The outlines of base/pipelines are parts of what others have, and no whole of their own.
        exclude=r"(^|/)kustomization\.ya?ml$|\.patch\.ya?ml$|^base/pipelines/",
    ),
)
"""Every hook. One process takes all files, since starting costs more than a file does."""
