"""The volumes of a pod, as folders of this machine with the rights that kubelet gives them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .spec import Objects, Spec, Unstartable

_UNITS = {"": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "k": 10**3, "M": 10**6, "G": 10**9}
READ_BY_GROUP = 0o440


@dataclass(frozen=True)
class Mount:
    """A folder or file of this machine, and where a container sees it."""

    source: Path
    target: str
    writable: bool


def quantity(text: str | float) -> int:
    """A number of bytes from Kubernetes' notation."""
    match = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", str(text))
    if not match:
        raise ValueError(text)
    return int(float(match[1]) * _UNITS[match[2]])


class Volumes:
    """The volumes of one pod. Claims outlive it: they are folders given from outside."""

    def __init__(self, pod: Spec, objects: Objects, folder: Path, claims: dict[str, Path]) -> None:
        self._objects = objects
        self._group: int | None = (pod.get("securityContext") or {}).get("fsGroup")
        self._folder = folder
        self._mounted: list[Path] = []
        self._sources: dict[str, Path] = {}
        self._read_only: set[str] = set()
        folder.mkdir(parents=True)
        for name, path in claims.items():
            self._sources[name] = path
            self._open(path)
        try:
            for volume in pod.get("volumes") or []:
                if volume["name"] in claims:
                    continue
                self._sources[volume["name"]] = self._make(volume)
        except Unstartable:
            self.close()
            raise

    def mounts(self, container: Spec) -> list[Mount]:
        """What a container sees of them."""
        result = []
        for mount in container.get("volumeMounts") or []:
            if mount["name"] not in self._sources:
                raise Unstartable("CreateContainerError", f"volume {mount['name']} not found")
            source = self._sources[mount["name"]] / str(mount.get("subPath", ""))
            writable = not mount.get("readOnly") and mount["name"] not in self._read_only
            result.append(Mount(source, mount["mountPath"], writable))
        return result

    def usage(self) -> dict[str, int]:
        """How many bytes are in each volume that a pod can write."""
        return {
            name: sum(file.lstat().st_blocks * 512 for file in path.rglob("*"))
            for name, path in self._sources.items()
            if name not in self._read_only
        }

    def close(self) -> None:
        """Takes all but the claims away."""
        while self._mounted:
            subprocess.run(["umount", "--lazy", str(self._mounted.pop())], check=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _make(self, volume: Spec) -> Path:
        path: Path = self._folder / volume["name"]
        path.mkdir()
        if "emptyDir" in volume:
            self._empty(path, volume["emptyDir"] or {})
        elif "configMap" in volume:
            source = volume["configMap"]
            self._files(volume["name"], path, "ConfigMap", source["name"], source)
        elif "secret" in volume:
            source = volume["secret"]
            self._files(volume["name"], path, "Secret", source["secretName"], source)
        elif "projected" in volume:
            self._tokens(volume["name"], path, volume["projected"])
        else:
            raise NotImplementedError(f"volume {volume}")
        return path

    def _empty(self, path: Path, source: Spec) -> None:
        if source.get("medium") == "Memory":
            size = f",size={quantity(source['sizeLimit'])}" if "sizeLimit" in source else ""
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"mode=0777{size}", "stack", str(path)], check=True)
            self._mounted.append(path)
        self._open(path)

    def _open(self, path: Path) -> None:
        """Every user may write an emptyDir; what is made there belongs to the pod's group."""
        path.chmod(0o777)
        if self._group is not None:
            os.chown(path, 0, self._group)
            path.chmod(0o2777)

    def _files(self, volume: str, path: Path, kind: str, name: str, source: Spec) -> None:
        data = self._objects.data(kind, name)
        what = kind.lower()
        if data is None:
            if source.get("optional"):
                return
            message = f'MountVolume.SetUp failed for volume "{volume}" : {what} "{name}" not found'
            raise Unstartable("ContainerCreating", message)
        chosen = source.get("items") or [{"key": key, "path": key} for key in data]
        for item in chosen:
            if item["key"] not in data:
                message = f'MountVolume.SetUp failed for volume "{volume}" : references non-existent {what} key: {item["key"]}'
                raise Unstartable("ContainerCreating", message)
            self._file(path / item["path"], data[item["key"]], item.get("mode", source.get("defaultMode", 0o644)))
        self._read_only.add(volume)

    def _tokens(self, volume: str, path: Path, source: Spec) -> None:
        for each in source["sources"]:
            token = each["serviceAccountToken"]
            self._file(path / token["path"], token["stackToken"].encode(), 0o600)
        self._read_only.add(volume)

    def _file(self, path: Path, content: bytes, mode: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(mode)
        if self._group is not None:
            os.chown(path, 0, self._group)
            path.chmod(mode | READ_BY_GROUP)
