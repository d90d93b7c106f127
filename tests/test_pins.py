"""What the pages and the action fetch has a pin: nothing that somebody copies changes later by itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

QUOTED = ("charts.md", "diagnostics.md", "sources.md")
"""Pages that quote what other projects have, and what is refused. Images of the base are a matter of the policy."""
PAGES = [*(path for path in sorted(ROOT.glob("docs/*.md")) if path.name not in QUOTED), *sorted(ROOT.glob("*.md"))]
FILES = [ROOT / name for name in ("action.yml", ".pre-commit-hooks.yaml", ".pre-commit-config.yaml")]
COMMIT = r"@[0-9a-f]{40}\b"
VERSION = r"(?:v?\d+\.\d+|RELEASE\.\d{4}-\d\d-\d\dT)[\w.-]*"
FETCHES: dict[str, tuple[str, str]] = {
    "an action": (r"\buses: *(?!\./)(\S+)", COMMIT),
    "an image": (
        r"(?:\bimage: *|\bdocker (?:run|pull)\b.* )[\"']?([\w.-]+(?:/[\w.-]+)*(?::[^\s\"']+)?)(?=[\"',}\s]|$)",
        rf"@sha256:[0-9a-f]{{64}}|:{VERSION}",
    ),
    "a hook": (r"\brev: *(\S+)", rf"^{VERSION}$|^[0-9a-f]{{40}}$"),
    "a repository": (r"\bgit (?:-C \S+ )?(?:clone|fetch)\b.*?(\S+//\S+.*)", r" [0-9a-f]{40}\b|--revision"),
    "a Python package": (r"\b(?:pip3?|pipx|uv tool) install\b(.*)", r"==\d|--requirement|-r |--editable|-e "),
    "a package of npm": (r"\b(?:npx|npm (?:install|i))\b(?! *$)(.*)", r"@\d|--package-lock"),
    "a program in Go": (r"\bgo (?:install|run)\b(.*)", rf"@{VERSION}"),
    "a chart": (r"\bhelm (?:install|upgrade|pull)\b(.*)", rf"--version[= ]{VERSION}"),
    "a manifest": (r"\bkubectl (?:apply|create)\b.*(https://\S+)", rf"{VERSION}/|/[0-9a-f]{{40}}/"),
}  # fmt: skip
"""What is fetched: how it is found on a line, and what a pin of it looks like."""


def unpinned(line: str) -> list[str]:
    """Return what a line fetches without a pin."""
    return [
        what
        for what, (found, pin) in FETCHES.items()
        for match in re.finditer(found, line)
        if not re.search(pin, match[1])
    ]


def _code(page: str) -> str:
    """The lines of the blocks of code in a page, and its commands in the middle of a sentence."""
    blocks = re.findall(r"^ *```\w*\n(.*?)^ *```$", page, re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^ *```\w*\n(.*?)^ *```$", "", page, flags=re.MULTILINE | re.DOTALL)
    return "\n".join([*blocks, *re.findall(r"`([^`\n]+ [^`\n]+)`", prose)])


@pytest.mark.parametrize("path", [*PAGES, *FILES], ids=lambda path: str(path.relative_to(ROOT)))
def test_file__fetches_nothing_without_a_pin(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lines = (_code(text) if path.suffix == ".md" else text).splitlines()
    assert [(line, what) for line in lines if (what := unpinned(line))] == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("- uses: actions/checkout@v7", ["an action"]),
        (f"- uses: actions/checkout@{'a1' * 20} # v7.0.1", []),
        ("  image: python", ["an image"]),
        ("  image: python:latest", ["an image"]),
        ("  image: python:3", ["an image"]),
        ("  image: ghcr.io/mlflow/mlflow:v3.17.2-full", []),
        (f"  image: python:3@sha256:{'ab' * 32}", []),
        ("docker run --rm hadolint/hadolint", ["an image"]),
        ("rev: main", ["a hook"]),
        ("rev: v1.2.3", []),
        ("git clone https://git.acme.example/x", ["a repository"]),
        (f"git -C x fetch --depth 1 https://git.acme.example/x {'a1' * 20}", []),
        ("pip install mlflow", ["a Python package"]),
        ("pip install mlflow==3.17.2", []),
        ("pip install --require-hashes --requirement requirements.lock", []),
        ("npx cdk8s", ["a package of npm"]),
        ("npx cdk8s@2.1.0", []),
        ("go install example.com/x@latest", ["a program in Go"]),
        ("go install example.com/x@v1.2.3", []),
        ("helm upgrade --install mlflow community/mlflow", ["a chart"]),
        ("helm upgrade --install mlflow community/mlflow --version 1.2.3", []),
        ("kubectl apply -f https://acme.example/main/install.yaml", ["a manifest"]),
        ("kubectl apply -f https://acme.example/v1.2.3/install.yaml", []),
    ],
)  # fmt: skip
def test_unpinned__is_found(line: str, found: list[str]) -> None:
    assert unpinned(line) == found


def test_files__are_those_that_fetch() -> None:
    """The test reads what it is about: the action, and the recipes for CI and for pre-commit."""
    read = "\n".join(path.read_text(encoding="utf-8") for path in [*PAGES, *FILES])
    kinds = {what for what, (found, _) in FETCHES.items() if re.search(found, read)}
    assert {"an action", "an image", "a hook", "a repository"} <= kinds
    assert [step for step in yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"] if "uses" in step]
