"""Which cluster a command acts on: one whose context the user named, or confirmed by typing its name."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from compiler import errors
from compiler.cli.output import complain
from compiler.printable import visible

if TYPE_CHECKING:
    from compiler.cluster import Cluster


def chosen(name: str, kubeconfig: Path | None) -> Cluster:
    """The cluster of the context that was named with `--context`, or is confirmed on the terminal.

    Raises `Usage` where neither is so, and `Missing` where there is no such file.
    """
    from compiler.cluster import cluster, current

    if kubeconfig is not None and not kubeconfig.is_file():
        raise errors.Missing(f"there is no file {kubeconfig}")
    file = str(kubeconfig or "")
    if name:
        return cluster(name, file)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise errors.Usage("name the cluster with --context: without a terminal nobody can confirm it")
    found = current(file)
    complain(f"The current context is {visible(found.name)}, whose server is {visible(found.server)}.")
    complain(f"Type {visible(found.name)} to act on it: ", end="")
    if sys.stdin.readline().strip() != found.name:
        raise errors.Usage("another name was typed; nothing is done")
    return cluster(found.name, file)
