"""Image names, and the programs of this machine that stand for what is in them."""

from __future__ import annotations

import re
import shutil
import signal
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from .programs import LOCKS, Environment, environment, server

BIN = "/stack/bin"
DEBIAN = ("/usr/local/bin", "/usr/bin", "/bin")
MLFLOW = "ghcr.io/mlflow/mlflow"
CLOUD = "stack/cloud"
"""Not of any registry: the programs that stand for a cloud outside the cluster."""

ISSUER = "stack/issuer"
PYTHON = {CLOUD: "cloud.lock", ISSUER: "issuer.lock"}
GCS = "stack/gcs"
AZURITE = "stack/azurite"

COREUTILS = (
    "cat",
    "chmod",
    "cp",
    "date",
    "dirname",
    "env",
    "id",
    "ls",
    "mkdir",
    "mv",
    "rm",
    "sleep",
    "tail",
    "touch",
    "true",
)
"""What the small images of MinIO, VersityGW and MySQL have beside a shell."""


@dataclass(frozen=True)
class Image:
    """The search path and environment of an image, and the folders of this machine that it needs, each with the place
    where a container sees it. `stop` is the signal that asks its process to end. `note` says what a run with it leaves
    unproved."""

    path: tuple[str, ...]
    folders: dict[str, Path] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    note: str = ""
    stop: signal.Signals = signal.SIGTERM


def image(reference: str, scratch: Path) -> Image:
    """The programs that stand for an image; `scratch` is a folder to keep links in."""
    name, _, tag = reference.partition("@")[0].rpartition(":")
    if name == MLFLOW:
        return _mlflow(tag)
    if name in PYTHON:
        return _python(environment(PYTHON[name]))
    if name == GCS:
        return _folder(Path(server("fake-gcs-server")["path"]).parent)
    if name == AZURITE:
        modules = Path(server("azurite")["path"]).parents[1]
        return Image((str(modules / ".bin"), *DEBIAN), {str(modules): modules})
    if name.endswith("/oauth2-proxy"):
        return _oauth2_proxy(tag)
    if name.endswith("/prometheus"):
        return Image((str(Path(server("prometheus")["path"]).parent), *DEBIAN))
    if name.endswith("/postgres"):
        return _postgres(tag)
    for ending, made in (("/mysql", _mysql), ("/minio", _minio), ("/versitygw", _versitygw)):
        if name.endswith(ending):
            return made(scratch, tag)
    raise AssertionError(f"no programs of this machine stand for the image {reference}")


def _oauth2_proxy(tag: str) -> Image:
    found = server("oauth2-proxy")
    if tag != f"v{found['version']}":
        raise AssertionError(
            f"the build runs oauth2-proxy {tag}, and tests/servers/oauth2-proxy has {found['version']}"
        )
    folder = Path(found["path"]).parent
    return Image((str(folder), *DEBIAN), {str(folder): folder}, {}, f"oauth2-proxy {tag} built from source")


def _folder(programs: Path) -> Image:
    return Image((str(programs), *DEBIAN), {str(programs): programs})


def locked_version(package: str) -> str:
    """The version of a package in the lock file of MLflow's environment."""
    text = (LOCKS / "requirements.lock").read_text(encoding="utf-8")
    found = re.search(rf"^{re.escape(package)}==(\S+)", text, re.MULTILINE)
    return found[1] if found else ""


def _mlflow(tag: str) -> Image:
    version = locked_version("mlflow")
    if tag != f"v{version}-full":
        raise AssertionError(f"the build runs MLflow {tag}, and tests/servers/mlflow/requirements.lock has {version}")
    note = "MLflow from PyPI instead of its image, without the clients of Azure ML, SFTP and Kubernetes"
    return _python(environment("requirements.lock"), note)


def _python(found: Environment, note: str = "") -> Image:
    path = (str(found.home / "bin"), *DEBIAN)
    # Scripts of a virtual environment name its place, so it stays there.
    return Image(path, {str(folder): folder for folder in (found.home, found.base)}, {"LANG": "C.UTF-8"}, note)


def _postgres(tag: str) -> Image:
    found = server("postgres")
    folder = str(Path(found["path"]).parent)
    note = f"PostgreSQL {found['version']} of Debian instead of the image's {tag}"
    # The image sets PGDATA too; a manifest that forgot it would look in a place that is not mounted.
    variables = {"LANG": "en_US.utf8", "PGDATA": "/var/lib/postgresql/data"}
    # The image's STOPSIGNAL: at SIGTERM PostgreSQL would wait for its clients.
    return Image((*DEBIAN, folder), {}, variables, note, signal.SIGINT)


# MariaDB takes every option, statement and grant of the manifests as MySQL does, with these exceptions, which stay
# unproved: `mysqld --initialize-insecure`, the password plugin caching_sha2_password, and --loose-mysqlx.
def _mysql(scratch: Path, tag: str) -> Image:
    found = server("mariadb")
    programs = {
        "mysqld": found["path"],
        **{Path(path).name: path for path in found["programs"].values()},
        **{
            name: f"/usr/bin/{name}"
            for name in ("mariadb-admin", "mariadb-dump", "resolveip", "my_print_defaults", "basename", "sed")
        },
        **{name: f"/usr/bin/{name}" for name in ("hostname", "awk", "grep", "tr", "whoami", "chown", "printf")},
    }
    note = (
        f"MariaDB {found['version']} with its binary log instead of MySQL {tag}: the first start of MySQL itself "
        "(mysqld --initialize-insecure) and its password plugin caching_sha2_password are not run"
    )
    return Image((BIN,), {BIN: _links(scratch / "mysql", programs)}, {}, note)


def _minio(scratch: Path, tag: str) -> Image:
    minio, mc = server("minio"), server("mc")
    programs = {name: f"/stack/{name}/{name}" for name in ("minio", "mc")}
    built = {f"/stack/{name}": Path(found["path"]).parent for name, found in (("minio", minio), ("mc", mc))}
    note = f"MinIO {minio['version']} and mc {mc['version']} built from source instead of the image's {tag}"
    return Image((BIN,), {BIN: _links(scratch / "minio", programs)} | built, {}, note)


def _versitygw(scratch: Path, tag: str) -> Image:
    found = server("versitygw")
    if tag != found["version"]:
        raise AssertionError(f"the build runs VersityGW {tag}, and tests/servers/versitygw has {found['version']}")
    programs = {"versitygw": "/stack/versitygw/versitygw", "sed": "/usr/bin/sed"}
    folders = {BIN: _links(scratch / "versitygw", programs), "/stack/versitygw": Path(found["path"]).parent}
    return Image((BIN,), folders, {}, f"VersityGW {tag} built from source")


@cache
def _shell() -> str:
    # The sh of these images is bash, not Debian's dash.
    return shutil.which("bash") or "/bin/sh"


def _links(folder: Path, programs: dict[str, str]) -> Path:
    if not folder.exists():
        folder.mkdir(parents=True)
        everything = {each: f"/usr/bin/{each}" for each in COREUTILS} | {"sh": _shell(), "bash": _shell()} | programs
        for link, target in everything.items():
            (folder / link).symlink_to(target)
    return folder
