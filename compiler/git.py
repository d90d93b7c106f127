"""Files of a project as they are in a commit. Beside `build` and `cluster`, the only place that runs a subprocess: git.

Blobs are read as they are: no filter, attribute or line ending of the working tree changes them, and nothing in it is touched.
A repository may have been unpacked from anywhere, so nothing that its configuration names is run: no hook, no monitor of files,
no transport. What would run a program otherwise is in https://git-scm.com/docs/git-config under core and remote.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from compiler.errors import Missing, Usage

TIMEOUT_SECONDS = 60
MAX_BYTES = 64 * 1024 * 1024
"""How much is read of a commit."""
_FILE = "100"
"""How the modes of files begin; that of a symbolic link is 120000."""
_SETTINGS = (
    "core.fsmonitor=false", f"core.hooksPath={os.devnull}", "core.sshCommand=false", "core.gitProxy=", "credential.helper=",
    "diff.external=", "safe.bareRepository=explicit", "protocol.allow=never",
)  # fmt: skip
_ENVIRONMENT = {
    "GIT_ALLOW_PROTOCOL": "", "GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_REPLACE_OBJECTS": "1", "GIT_PAGER": "cat", "LC_ALL": "C",
}  # fmt: skip


def commit(root: Path, name: str) -> str:
    """The id of a commit. Raises `Usage` where there is none of that name, and `Missing` without git or a repository."""
    answer = _git(root, "rev-parse", "--is-inside-work-tree")
    if answer.returncode:
        said = answer.stderr.decode("utf-8", "replace").strip().partition("\n")[0].removeprefix("fatal: ")
        raise Missing(f"there is no commit to compare with: {said or f'{root} is not in a git repository'}")
    found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    if found.returncode:
        raise Usage(f"there is no commit '{name}' here")
    return found.stdout.decode().strip()


def checkout(root: Path, commit: str, paths: Sequence[str], into: Path) -> list[str]:
    """Writes what a commit has below paths of a project into a directory, and returns the paths of the files.

    In: the project, the id of a commit, and paths from the project. Raises `Usage` where one is a symbolic link.
    """
    listed = _git(root, "ls-tree", "-r", "-l", "-z", commit, "--", *paths).stdout.decode("utf-8", "surrogateescape")
    entries = [entry.partition("\t") for entry in listed.split("\0") if entry]
    for kind, _, path in entries:
        if not kind.startswith(_FILE) or {"", ".", "..", ".git"} & set(path.lower().split("/")):
            raise Usage(f"{path} is no plain file in {commit[:8]}, so that commit cannot be built")
    if sum(int(kind.split()[3]) for kind, _, _ in entries) > MAX_BYTES:
        raise Usage(f"the files of {commit[:8]} have more than {MAX_BYTES // 1024**2} MiB together, so it is not built")
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
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    try:
        return subprocess.run(  # noqa: S603 - a list of arguments, no shell
            [program, "--no-pager", *settings, "-C", str(root), *arguments],
            input=text.encode(),
            capture_output=True,
            check=False,
            timeout=TIMEOUT_SECONDS,
            env={**os.environ, **_ENVIRONMENT},
        )
    except subprocess.TimeoutExpired:
        raise Missing(f"git did not answer within {TIMEOUT_SECONDS} seconds") from None
