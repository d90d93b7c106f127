"""Which cluster is spoken to: the one that the command line names, or else the project's own kind cluster. No other, ever."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.kubectl import Kubectl
from tests.conftest import ROOT


class Missing(Exception):
    """There is no cluster; the message is the reason."""


@dataclass(frozen=True)
class Named(Kubectl):
    """A cluster of the user's. Its kubeconfig may run programs to log in, and those need the user's own environment."""

    @property
    def environment(self) -> dict[str, str]:
        """The user's, with that one kubeconfig."""
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig)}


def cluster(kubeconfig: str | None, context: str | None, home: Path) -> Kubectl:
    """The cluster to use. Raises `Missing` where none was named and kind's is not there; a named one has to answer."""
    if not kubeconfig or not context:
        return _kind(home)
    named = Named(Path(kubeconfig).absolute(), home, context)
    named.must("get", "--raw", "/readyz")
    return named


def _kind(home: Path) -> Kubectl:
    command = [sys.executable, str(ROOT / "scripts" / "kind.py"), "show"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(done.stderr.strip().rpartition("\n")[2] or f"scripts/kind.py failed ({done.returncode})")
    place = json.loads(done.stdout)
    kind = Kubectl(Path(place["kubeconfig"]), home, place["context"])
    answer = kind.run("get", "--raw", "/readyz")
    if answer.code:
        raise Missing(f"the kind cluster does not answer: {answer.err.strip()}")
    return kind
