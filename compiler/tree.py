"""The files that make up an overlay: what they are called."""

from __future__ import annotations

Tree = dict[str, str]
"""The text of each file of an overlay, by its path inside the overlay."""

KUSTOMIZATION = "kustomization.yaml"
SECRETS = "SECRETS.md"
WRITTEN = (KUSTOMIZATION, f"compiled-*/{KUSTOMIZATION}", "externalsecrets-*.yaml", SECRETS)
"""Patterns of every file that the compiler may write, and may remove when it no longer does."""


def env_file(values: dict[str, str]) -> str:
    """The text of a file that a secretGenerator reads values from."""
    return "".join(f"{key}={value}\n" for key, value in values.items())
