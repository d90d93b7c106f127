"""Files that somebody else may have written, read without being led anywhere by them.

A path of a repository may be a symbolic link to a file outside of it, a named pipe that never ends, or a file of any size. Only
regular files are read, and only up to a limit.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from compiler.errors import Unreadable

MEBIBYTE = 1024 * 1024
MAX_FILES = 10_000
"""How many files a directory that is copied may have."""
MAX_DEPTH = 40
"""How deep directories may be nested."""
_SORTS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a directory",
}


class Odd(NamedTuple):
    """A path below a directory that is not read, and why: `a symbolic link`."""

    path: str
    sort: str


def sort_of(path: str | Path) -> str:
    """What is at a path: `file`, `a directory`, `a symbolic link`, ...; empty where nothing does. Follows no link."""
    try:
        mode = os.lstat(path).st_mode
    except (OSError, ValueError):
        return ""
    return "file" if stat.S_ISREG(mode) else _sort(mode)


def _sort(mode: int) -> str:
    return _SORTS.get(stat.S_IFMT(mode), "no regular file")


def contents(path: str | Path, limit: int = 256 * MEBIBYTE, *, follow: bool = False) -> bytes:
    """What a regular file holds, at most `limit` bytes. `follow` is for a path that a person named, which may be a link.

    Raises `Unreadable` for anything else and for a larger file, and `OSError`.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    if not follow and (sort := sort_of(path)) not in ("file", ""):
        raise Unreadable(str(path), f"this is {sort}, not a file")
    if not follow:
        flags |= getattr(os, "O_NOFOLLOW", 0)
    try:
        handle = os.open(path, flags)
    except OSError as error:
        # A socket cannot be opened at all.
        if error.errno in (errno.ENXIO, errno.ENODEV):
            raise Unreadable(str(path), "this is a socket or device, not a file") from None
        raise
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable(str(path), f"this is {_sort(status.st_mode)}, not a file")
        content = file.read(limit + 1) if status.st_size <= limit else b""
        if max(status.st_size, len(content)) > limit:
            size = f"{status.st_size / MEBIBYTE:.0f} MiB" if status.st_size >= MEBIBYTE else f"{status.st_size} bytes"
            most = f"{limit / MEBIBYTE:g} MiB"
            raise Unreadable(str(path), f"the file has {size}, and at most {most} are read", "too-large")
    return content


def inside(top: Path, path: str) -> Path:
    """A path below a directory, where no directory on the way is a link. Raises `Unreadable`."""
    here = top
    for step in Path(path).parent.parts:
        here /= step
        if (sort := sort_of(here)) not in ("a directory", ""):
            raise Unreadable(str(here), f"this is {sort}, not a directory")
    return top / path


def below(top: Path) -> Iterator[str | Odd]:
    """The paths of the regular files in a directory and below it, from it, in order; and what is none, as `Odd`."""
    yield from _below(str(top), "", 0)


def _below(top: str, inside: str, depth: int) -> Iterator[str | Odd]:
    with os.scandir(os.path.join(top, inside)) as entries:  # noqa: PTH118 - many
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        path = f"{inside}/{entry.name}" if inside else entry.name
        if entry.is_dir(follow_symlinks=False):
            if depth >= MAX_DEPTH:
                yield Odd(path, f"a directory more than {MAX_DEPTH} levels deep")
            else:
                yield from _below(top, path, depth + 1)
        elif entry.is_file(follow_symlinks=False):
            yield path
        else:
            yield Odd(path, sort_of(entry.path))
