"""The project on disk: its environments, what a tree would change there, and changing it.

Every file is replaced in one step, by renaming a finished file over the old one. The overlay is one file, and it is replaced
last: interrupted at any moment, the overlay on disk is the old one or the new one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from compiler.errors import Missing, Unreadable, Usage
from compiler.files import MEBIBYTE, contents, inside, sort_of
from compiler.formats import LABEL_WORDS, SHORT_LABEL
from compiler.tree import KUSTOMIZATION, PAGE, WRITTEN, Tree, env_file, written

if TYPE_CHECKING:
    from compiler.overlay import Secret

ENVIRONMENT = "environment.yaml"
MAX_BYTES = 4 * MEBIBYTE
"""How large a file may be that is read: an environment, or one that the compiler wrote."""


class Workspace(NamedTuple):
    """A project: the directory that holds `base/` and `overlays/`."""

    root: Path

    def names(self) -> list[str]:
        """The environments, by name: every directory of `overlays/` with an environment.yaml."""
        return sorted(path.parent.name for path in (self.root / "overlays").glob(f"*/{ENVIRONMENT}"))

    def directory(self, name: str) -> Path:
        """The directory of an environment. Raises `Usage` for a name that is none, so that no path leaves `overlays/`."""
        if not re.fullmatch(SHORT_LABEL, name):
            raise Usage(f"'{name}' is not the name of an environment: {LABEL_WORDS}")
        return inside(self.root, f"overlays/{name}/{ENVIRONMENT}").parent

    def environment(self, name: str) -> tuple[str, bytes]:
        """The path of an environment's file from the root, and what it holds. Raises `Missing` where it is not there."""
        directory = self.directory(name)
        path = directory / ENVIRONMENT
        shown = f"overlays/{name}/{ENVIRONMENT}"
        if not sort_of(path):
            others = ", ".join(self.names()) or "none"
            raise Missing(f"there is no {shown}; the environments are: {others}")
        try:
            return shown, contents(path, MAX_BYTES)
        except Unreadable as error:
            raise Unreadable(shown, error.reason, error.code) from None

    def others(self, name: str) -> dict[str, bytes]:
        """What the files of the other environments hold, by name."""
        return beside(self.directory(name))

    def create(self, name: str, text: str) -> str:
        """Writes the file of a new environment and returns its path. Raises `Usage` where there is one already."""
        path = self.directory(name) / ENVIRONMENT
        shown = f"overlays/{name}/{ENVIRONMENT}"
        if sort_of(path):
            raise Usage(f"there is a {shown} already")
        put(path, text.encode(), 0o644)
        return shown

    def rewrite(self, name: str, content: bytes) -> None:
        """Replaces the file of an environment that is there."""
        rewrite(self.directory(name) / ENVIRONMENT, content)

    def has_custom(self, name: str) -> bool:
        """Whether an environment has a component of its own."""
        return _has_custom(self.directory(name))

    def committed(self, name: str) -> Tree:
        """The files of the overlay that are on disk: those that the compiler wrote. What is a person's own is left out."""
        directory = self.directory(name)
        found = {str(path.relative_to(directory).as_posix()) for pattern in WRITTEN for path in directory.glob(pattern)}
        texts = {path: text for path in sorted(found) if (text := _text(directory, path)) is not None}
        pages = {path: texts.get(_page(path), "") for path in texts}
        return {path: text for path, text in texts.items() if written(path, text, pages[path])}

    def in_the_way(self, name: str, tree: Tree) -> dict[str, str]:
        """What is where a file of a tree would be written and was not written by the compiler, with the reason."""
        directory, own = self.directory(name), self.committed(name)
        found = {}
        for path in tree:
            try:
                inside(directory, path)
            except Unreadable as error:
                found[os.path.relpath(error.path, directory)] = error.reason
                continue
            sort = sort_of(directory / path)
            if sort not in ("", "file"):
                found[path] = f"this is {sort}, not a file"
            elif sort and path not in own and _text(directory, path) != tree[path]:
                found[path] = "this file was not written by mlflow-overlays"
        return found

    def stale(self, name: str, tree: Tree) -> list[str]:
        """The files of an overlay that a tree would write, change or remove."""
        committed = self.committed(name)
        return [path for path in sorted({*committed, *tree}) if committed.get(path) != tree.get(path)]

    def write(self, name: str, tree: Tree) -> list[str]:
        """Puts a tree on disk and returns the files that changed, also those that are removed.

        Raises `Unreadable` where something of a person's own is in the way; then nothing is changed.
        """
        directory = self.directory(name)
        for path, reason in self.in_the_way(name, tree).items():
            raise Unreadable(f"overlays/{name}/{path}", reason, "foreign-file")
        changed = self.stale(name, tree)
        # The top file comes after all that it refers to, and before what it no longer refers to is removed. A page comes
        # last, since it says which of the files beside it were written.
        last = sorted(changed, key=lambda path: (path.endswith(f"/{PAGE}"), path == KUSTOMIZATION))
        for path in (path for path in last if path in tree):
            put(directory / path, tree[path].encode(), 0o644)
        for path in (path for path in last if path not in tree):
            gone = directory / path
            gone.unlink(missing_ok=True)
            if gone.parent != directory and not any(gone.parent.iterdir()):
                gone.parent.rmdir()
        return changed

    def create_secrets(
        self, name: str, wanted: Sequence[Secret], values: Mapping[str, Mapping[str, str]] | None = None
    ) -> list[str]:
        """Creates the files of generated Secrets that are not there yet, with random values; returns their paths.

        An existing file is never read or changed. The directory ignores itself, so that git never sees a value. `values` are
        those of Secrets that exist already, by name. Raises `Usage` for one that no such file can hold.
        """
        import secrets

        directory = self.directory(name) / "secrets"
        files = [inside(self.root, self.secret_file(name, secret)) for secret in wanted]
        for path in files:
            if (sort := sort_of(path)) not in ("", "file"):
                raise Unreadable(str(path), f"this is {sort}, not a file")
        if wanted and sort_of(directory):
            _close(directory, 0o700)
            for path in (path for path in files if sort_of(path)):
                _close(path, 0o600)
        missing = [secret for secret, path in zip(wanted, files, strict=True) if not sort_of(path)]
        if missing:
            directory.mkdir(mode=0o700, exist_ok=True)
            put(directory / ".gitignore", b"*\n", 0o644)
        for secret in missing:
            own = {key.key: secrets.token_urlsafe(32) if key.random else key.example for key in secret.keys}
            own |= (values or {}).get(secret.name, {})
            if unfit := [key for key, value in own.items() if re.search("[\r\n\0\udc80-\udcff]", value)]:
                raise Usage(
                    f"{secret.name}: the value of {unfit[0]} has a line break or is no text, which {secret.name}.env cannot hold"
                )
            put(directory / f"{secret.name}.env", env_file(own).encode(), 0o600)
        return [self.secret_file(name, secret) for secret in missing]

    def secret_values(self, name: str, secret: Secret) -> dict[str, str] | None:
        """The values of a generated Secret in its file, or None where that is not there."""
        path = inside(self.root, self.secret_file(name, secret))
        if not sort_of(path):
            return None
        lines = contents(path, MAX_BYTES).decode("utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))

    def secret_file(self, name: str, secret: Secret) -> str:
        """The path, from the root, of the file that a generated Secret is made from."""
        return f"overlays/{name}/secrets/{secret.name}.env"


def different(values: Mapping[str, str], data: Mapping[str, str]) -> list[str]:
    """The keys of which a Secret of a cluster has another value. In: values, and the Secret's `data` in base64."""
    import base64

    return sorted(key for key, value in values.items() if key in data and base64.b64decode(data[key]) != value.encode())


def find(start: Path) -> Workspace:
    """The project that a directory is in. Raises `Missing` where there is none."""
    for directory in (start, *start.parents):
        if (directory / "base" / "mlflow" / KUSTOMIZATION).is_file():
            return Workspace(directory)
    raise Missing(f"{start} is not inside a project: no directory above it holds base/mlflow")


def loose(path: Path) -> tuple[str, str, bytes, bool]:
    """An environment's file wherever it is: its name, its path for reports, what it holds, whether `custom/` is beside it.

    It is named for its directory, as in a project. Raises `Missing` where there is no such file.
    """
    if not path.exists():
        raise Missing(f"there is no file {path}")
    directory = path.resolve().parent
    name = directory.name if re.fullmatch(SHORT_LABEL, directory.name) else "environment"
    return name, path.as_posix(), contents(path, MAX_BYTES, follow=True), _has_custom(directory)


def beside(directory: Path) -> dict[str, bytes]:
    """What the files of the environments beside a directory hold, by name; what cannot be read is left out."""
    found = {}
    for path in sorted(directory.resolve().parent.glob(f"*/{ENVIRONMENT}")):
        name = path.parent.name
        if name != directory.name and re.fullmatch(SHORT_LABEL, name) and sort_of(path.parent) == "a directory":
            with suppress(Unreadable, OSError):
                found[name] = contents(path, MAX_BYTES)
    return found


def rewrite(path: Path, content: bytes) -> None:
    """Replaces a file in one step, with the same rights; a symbolic link stays, and what it names is replaced."""
    real = path.resolve()
    put(real, content, real.stat().st_mode & 0o7777)


def _has_custom(directory: Path) -> bool:
    return (directory / "custom" / KUSTOMIZATION).is_file()


def _text(directory: Path, path: str) -> str | None:
    """The text of a file that the compiler may have written; None where there is none that it could have."""
    try:
        return contents(inside(directory, path), MAX_BYTES).decode("utf-8", "replace")
    except (Unreadable, FileNotFoundError, NotADirectoryError):
        return None


def _page(path: str) -> str:
    return f"{path.rpartition('/')[0]}/{PAGE}"


def _close(path: Path, mode: int) -> None:
    """Takes a file or directory of secrets away from everybody else."""
    if path.stat().st_mode & 0o077:
        path.chmod(mode)


def put(path: Path, content: bytes, mode: int) -> None:
    """Writes a file in one step: interrupted at any moment, the old one is there or the new one."""
    import tempfile

    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".new")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
