"""The two programs of a control plane: those in KUBEBUILDER_ASSETS, or else built once from pinned modules."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT


class Missing(Exception):
    """A program cannot be had here; the message is the reason."""


@dataclass(frozen=True)
class Programs:
    """The paths of the two programs."""

    etcd: Path
    kube_apiserver: Path


def programs() -> Programs:
    """Finds both, building them if need be, which takes minutes. Raises `Missing` where one cannot be had."""
    command = [sys.executable, str(ROOT / "scripts" / "servers.py"), "ensure", "etcd", "kube-apiserver"]
    # What it says meanwhile goes where ours goes.
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    try:
        answers = json.loads(done.stdout)
    except ValueError:
        raise RuntimeError(f"scripts/servers.py failed ({done.returncode}): {done.stdout}") from None
    missing = [f"{name}: {answer['missing']}" for name, answer in answers.items() if "missing" in answer]
    if missing:
        raise Missing("; ".join(missing))
    return Programs(Path(answers["etcd"]["path"]), Path(answers["kube-apiserver"]["path"]))
