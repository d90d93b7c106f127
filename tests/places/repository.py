"""Git repositories in temporary directories: this project as others install it, and one of somebody who uses it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from compiler.tree import HEADER
from tests.conftest import ROOT

CHANGED = f"<!-- {HEADER} -->\nchanged by hand\n"
"""A page that the compiler wrote, and that somebody changed."""
# Neither the settings of whoever runs the tests, nor the repository that a hook of git may be running them in.
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "GITHUB_", "PRE_COMMIT"))}
GIT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "Tests",
    "GIT_AUTHOR_EMAIL": "tests@acme.example",
    "GIT_COMMITTER_NAME": "Tests",
    "GIT_COMMITTER_EMAIL": "tests@acme.example",
}


@dataclass(frozen=True)
class Repository:
    """A git repository, and the variables that commands in it get beside the usual ones."""

    root: Path
    variables: Mapping[str, str]

    def run(self, *command: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs a command at the root; its output has both streams."""
        return subprocess.run(
            command,
            cwd=self.root,
            env={**CLEAN, **GIT, **self.variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=check,
        )

    def write(self, path: str, text: str) -> None:
        """Puts a text into a file, and the file into the index."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="\n")
        self.run("git", "add", "--", path)

    def commit(self, *flags: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Commits what the index holds, running its hooks."""
        return self.run("git", "commit", "--quiet", "--message", "a change", *flags, check=check)

    def head(self) -> str:
        """The commit that is checked out."""
        return self.run("git", "rev-parse", "HEAD").stdout.strip()


def create(root: Path, variables: Mapping[str, str]) -> Repository:
    """An empty repository in a directory that may hold files already."""
    repository = Repository(root, variables)
    repository.run("git", "init", "--quiet", "--initial-branch=main")
    return repository


def released(root: Path, tag: str) -> Repository:
    """This project as a release holds it: every file of the work tree that git knows or would take, in one tagged commit."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for path in filter(None, listed.split("\0")):
        if (ROOT / path).is_file():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, root / path)
    repository = create(root, {})
    repository.run("git", "add", "--all")
    repository.commit()
    repository.run("git", "tag", tag)
    return repository


def consumer(root: Path, variables: Mapping[str, str], *environments: str) -> Repository:
    """A repository of somebody who uses the project: the base, the schema for editors, some environments."""
    for directory in ("base", "schema", *(f"overlays/{name}" for name in environments)):
        shutil.copytree(ROOT / directory, root / directory, ignore=shutil.ignore_patterns("secrets", "__pycache__"))
    repository = create(root, variables)
    repository.run("git", "add", "--all")
    repository.commit("--no-verify")
    return repository
