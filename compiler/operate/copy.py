"""A copy of a backup and of all artifacts on this machine, and the way back: streamed through a pod of the server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from compiler.archive import Copy, Damaged, Files
from compiler.cluster import Answer, Object, Shell
from compiler.operate.inside import Silent, program
from compiler.operate.verdict import Result, Tell, failed, passed
from compiler.overlay import Overlay

DATABASES, ARTIFACTS = "databases.tar", "artifacts.tar"


def place(cron: Object) -> str:
    """Where the backups of an environment are kept, as its CronJob has it."""
    pod = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    variables = [each for container in pod["containers"] for each in container.get("env") or []]
    variables += [each for container in pod.get("initContainers") or [] for each in container.get("env") or []]
    return str(next(each["value"] for each in variables if each["name"] == "BACKUP_PLACE"))


def command(overlay: Overlay, verb: str, uri: str) -> list[str]:
    """How the program is run where standard input is not its text."""
    return ["env", *(f"--unset={name}" for name in overlay.shadows), "python", "-c", program("copy"), verb, uri]


def fetch(shell: Shell, overlay: Overlay, uri: str, copy: Copy, name: str) -> Files:
    """Copies all that is kept at a URI into a tar, and holds it against its manifest. Raises `Silent` and `Damaged`."""
    with copy.writing(name) as sink:
        answer = shell.read(command(overlay, "send", uri), sink)
        if answer.code:
            raise Silent(_last(answer))
    return copy.verified(name)


def put(shell: Shell, overlay: Overlay, uri: str, copy: Copy, name: str) -> int:
    """Stores the files of a tar at a URI; each is read back. Returns how many. Raises `Silent`."""
    with copy.reading(name) as source:
        answer = shell.write(command(overlay, "take", uri), source)
    lines = answer.out.rstrip().splitlines()
    if answer.code or not lines:
        raise Silent(_last(answer))
    return int(json.loads(lines[-1])["stored"])


def _last(answer: Answer) -> str:
    return (answer.err.strip() or f"exit code {answer.code}").splitlines()[-1]


def save(
    shell: Shell, overlay: Overlay, sources: Mapping[str, str], copy: Copy, about: Mapping[str, Any], tell: Tell
) -> Iterator[Result]:
    """Copies what is kept at URIs into a directory, one tar each, with a manifest of the whole.

    In: the URI of each tar, by its name; and what the manifest says beside the files.
    """
    whole: dict[str, Any] = dict(about)
    for name, uri in sources.items():
        tell(f"copying {uri}")
        try:
            files = fetch(shell, overlay, uri, copy, name)
        except (Silent, Damaged) as problem:
            yield failed(name, str(problem), "see what doctor says of the store, and take another copy")
            return
        size = sum(int(each["size"]) for each in files.values())
        yield passed(name, f"{len(files)} files, {size} bytes, held against their SHA-256")
        whole[name.removesuffix(".tar")] = files
    yield passed("copy", f"{copy.note(whole)} names every file with its size and SHA-256")


def bring(shell: Shell, overlay: Overlay, sources: Mapping[str, str], copy: Copy, tell: Tell) -> Iterator[Result]:
    """Stores what `save` has copied. Every file is held against its manifest before anything is stored."""
    try:
        known = copy.noted()
        for name in sources:
            tell(f"looking at {name}")
            files = copy.verified(name)
            if files != known.get(name.removesuffix(".tar")):
                yield failed(name, "it is of another copy than the manifest beside it", "take another copy")
                return
            yield passed(name, f"{len(files)} files are what was copied")
        for name, uri in sources.items():
            tell(f"storing at {uri}")
            count = put(shell, overlay, uri, copy, name)
            yield passed(name, f"{count} files are stored at {uri}, and come back as they were")
    except (Silent, Damaged) as problem:
        yield failed("copy", str(problem), "take another copy, or see what doctor says of the store")
