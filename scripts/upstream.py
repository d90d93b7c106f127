"""Copies the manifests of a release of Kubeflow Pipelines into the project, so that overlays build without a network.

Examples, run in the project's folder:
  .venv/bin/python scripts/upstream.py vendor 2.17.0
  .venv/bin/python scripts/upstream.py vendor 2.16.1 --pipelines ../pipelines --argo ../argo-workflows

The copy is manifests/kustomize of the release, at the commit that compiler/outline.py pins. Since 2.14, it builds on manifests
of Argo Workflows by their URL: those are copied too, at a commit that is pinned here, into third-party/argo-workflows of the
copy, and the URLs are turned into paths. An overlay is built over it by
`pipelines: {version: 2.17.0, base: vendor/kubeflow-pipelines/2.17.0/env/platform-agnostic}`.

Sources are git repositories: a directory of this machine is read as it is, a URL is fetched, the manifests alone.
Exit codes: 0 done, 2 wrong usage, 3 git, a repository or the pinned commit is missing.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from compiler.outline import COMMITS

ROOT = Path(__file__).resolve().parent.parent
USAGE = 2
MISSING = 3
PIPELINES = "https://github.com/kubeflow/pipelines"
ARGO = "https://github.com/argoproj/argo-workflows"
MANIFESTS = "manifests/kustomize"
ARGO_COMMITS = {
    "v3.6.7": "8d7dae690e152d19fb40f7affbb68fb783b32172",
    "v3.7.3": "bded09fe4abd37cb98d7fc81b4c14a6f5034e9ab",
    "v4.0.5": "0ab1452144d8f4d57c50b37ce50dad218868e950",
}
"""The commit of each tag of Argo Workflows that a release builds on."""
ARGO_FOLDER = "third-party/argo-workflows"
_ARGO_URL = re.compile(rf"{re.escape(ARGO)}/manifests/(?P<path>[\w./-]+)\?ref=(?P<tag>[\w.-]+)[\w.&=-]*")
_REMOTE = re.compile(r"^\s*-\s*(?:https?://|git@|github\.com/)\S+", re.MULTILINE)
NOTE_FILE = "COPY.md"
NOTE = """# Kubeflow Pipelines {version}

Manifests, under the Apache License 2.0 that stands beside them:

{sources}
Written by `scripts/upstream.py`, which also turned URLs into paths; do not change them here.
"""

Files = dict[PurePosixPath, bytes]


class Missing(Exception):
    """Something can't be had here; the message says what, and what to do."""


class Refused(Exception):
    """What was asked for would destroy something."""


@dataclass(frozen=True)
class Source:
    """A git repository: a URL, or a directory of this machine."""

    name: str

    def read(self, commit: str, *paths: str) -> Files:
        """The files below some of a commit's paths, by path. Raises Missing."""
        local = Path(self.name)
        if local.is_dir():
            inner = local / ".git"
            return _archived(inner if inner.exists() else local, commit, paths)
        if "://" not in self.name and not re.match(r"[\w.-]+@[\w.-]+:", self.name):
            raise Missing(f"{self.name} is neither a directory nor a URL")
        with tempfile.TemporaryDirectory(prefix="mlflow-overlays-") as clone:
            _fetch(Path(clone), self.name, commit, paths)
            return _archived(Path(clone, ".git"), commit, paths)


def _git(*arguments: str | Path) -> bytes:
    """What a command of git prints. Raises Missing with git's own words where it fails."""
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    try:
        answer = subprocess.run(["git", *arguments], capture_output=True, check=False, env=environment)
    except FileNotFoundError:
        raise Missing("git is not installed") from None
    if answer.returncode:
        words = answer.stderr.decode("utf-8", "replace").strip()
        fatal = [line for line in words.splitlines() if line.startswith("fatal:")]
        raise Missing(f"git says: {(fatal or words.splitlines() or [str(answer.returncode)])[0]}")
    return answer.stdout


def _fetch(clone: Path, url: str, commit: str, paths: tuple[str, ...]) -> None:
    """Fetches one commit, and of its files those below the paths alone."""
    _git("init", "--quiet", clone)
    here = ("-C", clone)
    _git(*here, "remote", "add", "--", "origin", url)
    try:
        _git(*here, "fetch", "--quiet", "--depth=1", "--filter=blob:none", "origin", commit)
        _git(*here, "sparse-checkout", "set", "--no-cone", *(f"/{path}" for path in paths))
        _git(*here, "checkout", "--quiet", "--detach", commit)
    except Missing as reason:
        hint = "is there a network? --pipelines and --argo take directories of this machine"
        raise Missing(f"can't fetch {commit} of {url}; {reason}; {hint}") from None


def _archived(directory: Path, commit: str, paths: tuple[str, ...]) -> Files:
    git = f"--git-dir={directory}"
    try:
        _git(git, "cat-file", "-e", f"{commit}^{{commit}}")
    except Missing:
        raise Missing(f"{directory} has no commit {commit}: fetch it there") from None
    archive = _git(git, "archive", "--format=tar", commit, "--", *paths)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        found = ((PurePosixPath(member.name), tar.extractfile(member)) for member in tar)
        return {path: content.read() for path, content in found if content}


def vendored(version: str, pipelines: Source, argo: Source) -> Files:
    """The files of the copy, by path. Raises Missing."""
    commit = COMMITS[version]
    taken = pipelines.read(commit, MANIFESTS, "LICENSE")
    files = {_below(path, MANIFESTS): content for path, content in taken.items()}
    tags = {found["tag"] for text in _kustomizations(files).values() for found in _ARGO_URL.finditer(text)}
    for tag in sorted(tags):
        files |= _argo(argo, tag, files)
    for path, text in _kustomizations(files).items():
        local = _localized(path, text)
        left = _REMOTE.search(local)
        if left:
            raise Missing(f"{path} names {left[0].strip(' -')}, which is not known here: the copy would need a network")
        files[path] = local.encode()
    sources = [(PIPELINES, version, commit), *((ARGO, tag, ARGO_COMMITS[tag]) for tag in sorted(tags))]
    rows = "".join(f"- {url}, {name}: `{pinned}`\n" for url, name, pinned in sources)
    note = NOTE.format(version=version, sources=rows)
    return {**files, PurePosixPath(NOTE_FILE): note.encode()}


def _argo(argo: Source, tag: str, files: Files) -> Files:
    """What the release names of Argo Workflows at a tag, and what that builds on, at their places in the copy."""
    if tag not in ARGO_COMMITS:
        raise Missing(f"the release builds on Argo Workflows {tag}, whose commit is not known here")
    named = {found["path"] for text in _kustomizations(files).values() for found in _ARGO_URL.finditer(text)}
    folders = sorted({f"manifests/{path.partition('/')[0]}" for path in named})
    taken = argo.read(ARGO_COMMITS[tag], *folders, "LICENSE")
    whole = {_below(path, "manifests"): content for path, content in taken.items()}
    wanted = {path for each in named for path in _reached(whole, PurePosixPath(each))} | {PurePosixPath("LICENSE")}
    return {PurePosixPath(ARGO_FOLDER, path): whole[path] for path in wanted}


def _reached(files: Files, folder: PurePosixPath) -> Iterator[PurePosixPath]:
    """The files that the kustomization of a folder builds on, itself first."""
    path = folder / "kustomization.yaml"
    if path not in files:
        raise Missing(f"Argo Workflows has no {path}")
    yield path
    for text in _texts(yaml.safe_load(files[path])):
        if "\n" in text:
            continue
        named = PurePosixPath(os.path.normpath(folder / text))
        if named in files:
            yield named
        elif named / "kustomization.yaml" in files:
            yield from _reached(files, named)


def _texts(document: Any) -> Iterator[str]:
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict | list):
        for each in document.values() if isinstance(document, dict) else document:
            yield from _texts(each)


def _kustomizations(files: Files) -> dict[PurePosixPath, str]:
    return {path: content.decode() for path, content in files.items() if path.name == "kustomization.yaml"}


def _below(path: PurePosixPath, folder: str) -> PurePosixPath:
    return path.relative_to(folder) if path.is_relative_to(folder) else path


def _localized(path: PurePosixPath, text: str) -> str:
    """The text of a kustomization with paths in place of the URLs of Argo Workflows."""
    return _ARGO_URL.sub(
        lambda found: Path(os.path.relpath(f"{ARGO_FOLDER}/{found['path']}", path.parent)).as_posix(), text
    )


def write(files: Files, directory: Path) -> None:
    """Puts a copy in place of the one that may be there. Raises Refused where something else stands there."""
    if directory.exists() and not (directory / NOTE_FILE).is_file():
        raise Refused(f"{directory} is there, and is no copy of the manifests: remove it, or name another with --to")
    directory.parent.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        for path, content in files.items():
            (stage / path).parent.mkdir(parents=True, exist_ok=True)
            (stage / path).write_bytes(content)
        stage.chmod(0o755)
        if directory.exists():
            shutil.rmtree(directory)
        stage.rename(directory)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _arguments() -> argparse.Namespace:
    summary, _, epilog = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    command = parser.add_subparsers(dest="command", required=True).add_parser("vendor", help="copy a release")
    command.add_argument("version", choices=COMMITS, help="the release of Kubeflow Pipelines")
    command.add_argument("--to", type=Path, help="where to: vendor/kubeflow-pipelines/<version> of the project")
    command.add_argument("--pipelines", default=PIPELINES, help=f"its repository: {PIPELINES}")
    command.add_argument("--argo", default=ARGO, help=f"that of Argo Workflows: {ARGO}")
    return parser.parse_args()


def main() -> None:
    """Copies a release, and says what an environment has to name."""
    arguments = _arguments()
    version = arguments.version
    directory = arguments.to or ROOT / "vendor" / "kubeflow-pipelines" / version
    try:
        files = vendored(version, Source(arguments.pipelines), Source(arguments.argo))
        write(files, directory)
    except (Missing, Refused) as reason:
        print(f"upstream: {reason}", file=sys.stderr)
        sys.exit(MISSING if isinstance(reason, Missing) else USAGE)
    print(f"{directory}: {len(files)} files of Kubeflow Pipelines {version}, which build without a network")


if __name__ == "__main__":
    main()
