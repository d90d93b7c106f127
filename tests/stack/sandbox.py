"""One container: a process that sees its image, its mounts and its network, and nothing else.

bubblewrap makes the file system and the process namespace; setpriv gives away user, groups and capabilities. The process is
number 1 of its namespace, as in a container, so signals mean to it what they mean there.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .images import Image
from .network import NETNS, Link
from .programs import server, tool
from .volume import Mount

ETC = ("ld.so.cache", "nsswitch.conf", "alternatives", "ssl", "ca-certificates", "localtime", "mysql", "services")
PASSWD = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"


@dataclass(frozen=True)
class Box:
    """What a container is made of. `name` is the pod's, which is also its host name."""

    name: str
    link: Link
    image: Image
    mounts: Sequence[Mount]
    environment: Mapping[str, str]
    user: int
    group: int
    shared_group: int | None
    read_only: bool
    directory: str
    etc: Path
    trust: Path | None
    """A file to see in place of every bundle of certificate authorities that a Python package brings."""


class Process:
    """A running container."""

    def __init__(self, box: Box, command: Sequence[str], log: Path) -> None:
        self.box = box
        self.log = log
        self._ended = threading.Event()
        read, write = os.pipe()
        with log.open("ab") as output:
            self._wrapper = subprocess.Popen(
                [*_namespace(box.link), *_sandbox(box, write), *_identity(box), *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[write],
                env={},
            )
        os.close(write)
        with os.fdopen(read, encoding="utf-8") as information:
            text = information.read()
        self.pid = int(json.loads(text)["child-pid"]) if text else 0

    @property
    def exit_code(self) -> int | None:
        """None while it runs; 128 and the number of the signal where one ended it."""
        code = self._wrapper.poll()
        return code if code is None or code >= 0 else 128 - code

    def wait(self) -> int:
        """Waits for the end, and returns the exit code."""
        code = self._wrapper.wait()
        return code if code >= 0 else 128 - code

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the process itself, as a container runtime does."""
        if self.exit_code is None and self.pid:
            os.kill(self.pid, number)

    def execute(
        self, command: Sequence[str], seconds: float, text: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs another command in the container, with a text on its standard input."""
        words = self._entered(command)
        return subprocess.run(words, input=text, capture_output=True, text=True, timeout=seconds, check=False)

    def stream(
        self, command: Sequence[str], source: IO[bytes] | None, sink: IO[bytes] | None
    ) -> subprocess.CompletedProcess[bytes]:
        """Runs another command in the container, from one file and into another."""
        return subprocess.run(
            self._entered(command),
            stdin=source or subprocess.DEVNULL,
            stdout=sink or subprocess.PIPE,
            stderr=subprocess.PIPE,
            check=False,
        )

    def _entered(self, command: Sequence[str]) -> list[str]:
        enter = [tool("nsenter", "util-linux"), f"--target={self.pid}", "--mount", "--pid", "--net", "--uts", "--ipc"]
        variables = [f"{name}={value}" for name, value in self.box.environment.items()]
        return [*enter, "--wdns=/", "env", "-i", *variables, *_identity(self.box), *command]

    def processes(self) -> list[int]:
        """All processes of the container, as this machine numbers them."""
        own = _pid_namespace(self.pid)
        return [
            int(path.name) for path in Path("/proc").glob("[0-9]*") if own and _pid_namespace(int(path.name)) == own
        ]

    def memory(self) -> int:
        """The bytes of memory that its processes occupy; what they share is counted once."""
        return sum(_pss(pid) for pid in self.processes())


def _pid_namespace(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/ns/pid").readlink())
    except OSError:
        return ""


def _pss(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:")), 0)


def _namespace(link: Link) -> list[str]:
    return [tool("nsenter", "util-linux"), f"--net={NETNS / link.namespace}"]


def _identity(box: Box) -> list[str]:
    groups = f"--groups={box.shared_group}" if box.shared_group is not None else "--clear-groups"
    dropped = ["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
    return ["/usr/bin/setpriv", f"--reuid={box.user}", f"--regid={box.group}", groups, *dropped, "--"]


def _sandbox(box: Box, descriptor: int) -> list[str]:
    unshared = ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--hostname", box.name]
    words = [str(server("bubblewrap")["path"]), *unshared, "--die-with-parent", "--new-session", "--as-pid-1"]
    words += ["--info-fd", str(descriptor), "--clearenv"]
    for name, value in box.environment.items():
        words += ["--setenv", name, value]
    words += ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib64"):
        words += ["--symlink", f"usr/{name}", f"/{name}"]
    words += [*_etc(box), "--perms", "1777", "--dir", "/tmp"]
    made: set[str] = {"/etc", "/usr", "/tmp"}
    for place, folder in box.image.folders.items():
        if not Path(place).is_relative_to("/usr"):
            words += [*_parents(place, made), "--ro-bind", str(folder), place]
            words += _trusted(folder, box.trust)
    words += ["--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--size", str(64 * 2**20), "--tmpfs", "/dev/shm"]
    made |= {"/dev", "/dev/shm", "/proc"}
    for mount in sorted(box.mounts, key=lambda each: each.target):
        bind = "--bind" if mount.writable else "--ro-bind"
        words += [*_parents(mount.target, made), bind, str(mount.source), mount.target]
    if box.read_only:
        words += ["--remount-ro", "/"]
    return [*words, "--chdir", box.directory]


def _etc(box: Box) -> list[str]:
    words = ["--perms", "0755", "--dir", "/etc"]
    for name in ETC:
        words += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    for file in sorted(box.etc.iterdir()):
        words += ["--ro-bind", str(file), f"/etc/{file.name}"]
    return words


def _parents(path: str, made: set[str]) -> list[str]:
    """The folders above a mount, which other users than root must be able to enter."""
    words: list[str] = []
    for parent in reversed(Path(path).parents):
        if str(parent) not in made and str(parent) != "/" and not parent.is_relative_to("/usr"):
            words += ["--perms", "0755", "--dir", str(parent)]
            made.add(str(parent))
    made.add(path)
    return words


def _trusted(folder: Path, trust: Path | None) -> list[str]:
    if trust is None:
        return []
    bundles = [*folder.glob("lib/python*/site-packages/certifi/cacert.pem")]
    bundles += folder.glob("lib/python*/site-packages/botocore/cacert.pem")
    return [word for bundle in bundles for word in ("--ro-bind", str(trust), str(bundle))]
