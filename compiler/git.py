"""Files of a project as they are in a commit. Beside `build` and `cluster`, the only place that runs a subprocess: git.

Blobs are read as they are: no filter, attribute or line ending of the working tree changes them, and nothing in it is touched.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from compiler.errors import Missing, Usage

TIMEOUT_SECONDS = 60
_FILE = "100"
"""How the modes of files begin; that of a symbolic link is 120000."""


def commit(root: Path, name: str) -> str:
    """The id of a commit. Raises `Usage` where there is none of that name, and `Missing` without git or a repository."""
    answer = _git(root, "rev-parse", "--is-inside-work-tree")
    if answer.returncode:
        raise Missing(f"{root} is not in a git repository, so there is no commit to compare with")
    found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    if found.returncode:
        raise Usage(f"there is no commit '{name}' here")
    return found.stdout.decode().strip()


def checkout(root: Path, commit: str, paths: Sequence[str], into: Path) -> list[str]:
    """Writes what a commit has below paths of a project into a directory, and returns the paths of the files.

    In: the project, the id of a commit, and paths from the project. Raises `Usage` where one is a symbolic link.
    """
    listed = _git(root, "ls-tree", "-r", "-z", commit, "--", *paths).stdout.decode("utf-8", "surrogateescape")
    entries = [entry.partition("\t") for entry in listed.split("\0") if entry]
    for kind, _, path in entries:
        if not kind.startswith(_FILE):
            raise Usage(f"{path} is no plain file in {commit[:8]}, so that commit cannot be built")
    blobs = _blobs(root, [kind.split()[2] for kind, _, _ in entries])
    for (_, _, path), content in zip(entries, blobs, strict=True):
        file = into / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return [path for _, _, path in entries]


def _blobs(root: Path, ids: Sequence[str]) -> list[bytes]:
    """The contents of blobs, in order: each comes as a line with its size, itself, and a line break."""
    out = _git(root, "cat-file", "--batch", text="".join(f"{id_}\n" for id_ in ids)).stdout
    found, at = [], 0
    for _ in ids:
        head = out.index(b"\n", at)
        size = int(out[at:head].split()[2])
        found.append(out[head + 1 : head + 1 + size])
        at = head + size + 2
    return found


def _git(root: Path, *arguments: str, text: str = "") -> subprocess.CompletedProcess[bytes]:
    program = shutil.which("git")
    if program is None:
        raise Missing("no git: comparing with a commit needs it")
    return subprocess.run(  # noqa: S603 - a list of arguments, no shell
        [program, "-C", str(root), *arguments],
        input=text.encode(),
        capture_output=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )
