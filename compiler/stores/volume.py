"""A volume that the server itself mounts.

With the access mode ReadWriteOnce one pod writes to it, and the next one starts when that has ended. ReadWriteMany is for
file systems that several pods may mount, as NFS has it; it takes a StorageClass that offers it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compiler.diagnostic import Finding
from compiler.kind import Kind
from compiler.overlay import Change, Overlay, Ref, Waiver
from compiler.part import Schema
from compiler.route import Route
from compiler.volume import ONE_WRITER, STORAGE

if TYPE_CHECKING:
    from compiler.environment import Environment

CLAIM = Ref("v1", "PersistentVolumeClaim", "mlflow")
_REASON = "sends clients to the store, but a volume is mounted into the server alone"

NAME = "a volume of the server"
CLOSED: Mapping[str, str] = {
    "presigned": _REASON,
    "direct": _REASON,
    "split": "needs a store that two servers reach, and the volume is the server's own",
}
SIGNS = False
KEYS: dict[str, Schema] = {"storage": STORAGE}


@dataclass(frozen=True)
class Volume:
    """The volume: what is asked for."""

    size: str | None
    class_name: str | None
    access_mode: str

    @property
    def uri(self) -> str:
        """The folder that MLflow keeps artifacts in."""
        return "/var/lib/mlflow/artifacts"


def read(given: Mapping[str, Any], kind: Kind) -> Volume:
    """The volume of an environment."""
    storage = given.get("storage", {})
    return Volume(storage.get("size"), storage.get("className"), storage.get("accessMode", ONE_WRITER))


def check(environment: Environment) -> Iterable[Finding]:
    """More pods than the volume can be mounted into."""
    volume: Volume = environment.artifacts.settings
    if environment.replicas > 1 and volume.access_mode == ONE_WRITER:
        yield Finding(
            ("replicas",),
            "one-writer",
            f"{environment.replicas} replicas cannot mount the volume of artifacts, whose access mode is {ONE_WRITER}",
            "use replicas: 1, artifacts.storage.accessMode: ReadWriteMany, or a kind with an object store",
        )


def plan(environment: Environment) -> Overlay:
    """The claim, where the server mounts it, and how one pod follows another."""
    volume: Volume = environment.artifacts.settings
    whole = Overlay(components=("artifacts-volume",), changes=tuple(_changes(volume)))
    if volume.access_mode != ONE_WRITER:
        return whole
    waiver = Waiver("rolling-update", "the volume is mounted by one pod at a time", ("artifacts", "storage"))
    return whole + Overlay(components=("strategy-recreate",), waivers=(waiver,))


def _changes(volume: Volume) -> Iterator[Change]:
    because: Route = ("artifacts", "storage")
    if volume.size:
        route: Route = ("spec", "resources", "requests", "storage")
        yield Change(CLAIM, route, volume.size, (*because, "size"), "the volume's size")
    if volume.class_name:
        yield Change(
            CLAIM, ("spec", "storageClassName"), volume.class_name, (*because, "className"), "the volume's class"
        )
    if volume.access_mode != ONE_WRITER:
        modes = [volume.access_mode]
        yield Change(CLAIM, ("spec", "accessModes"), modes, (*because, "accessMode"), "who may mount it")
