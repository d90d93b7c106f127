"""Starts and stops the local cluster of the end-to-end tests, with kind.

Examples, run in the project's folder:
  python3 scripts/kind.py up
  python3 scripts/kind.py show
  python3 scripts/kind.py down

It needs a container engine that answers: docker, podman or nerdctl, or the one that KIND_EXPERIMENTAL_PROVIDER names.
kind is the one on PATH if it is new enough, or else built once with Go from pinned modules, into
${MLFLOW_OVERLAYS_CACHE} or ${XDG_CACHE_HOME:-~/.cache}/mlflow-overlays. The cluster has a kubeconfig of its own there;
yours is neither read nor changed.

Standard output of up and show is one JSON object with the cluster's kubeconfig and context. Exit codes: 0 done, 1 kind
failed, 2 wrong usage, 3 an engine, a program or the cluster is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import servers

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "e2e" / "kind"
ENGINES = ("docker", "podman", "nerdctl")
CLUSTER = "mlflow-overlays"
CONTEXT = f"kind-{CLUSTER}"
FAILED = 1


class Failed(Exception):
    """A program was there and did not do what it was asked."""


@dataclass(frozen=True)
class Kind:
    """kind, and the engine that it works with."""

    program: str
    engine: str

    def run(self, *arguments: str) -> None:
        """Runs a command of kind, whose progress is seen on standard error. Raises Failed where it fails."""
        if subprocess.run([self.program, *arguments], env=self.environment, stdout=sys.stderr, check=False).returncode:
            raise Failed(f"kind {arguments[0]} {arguments[1]} failed; the lines above say why")

    def clusters(self) -> list[str]:
        """The clusters of kind on this machine."""
        answer = subprocess.run(
            [self.program, "get", "clusters"], env=self.environment, capture_output=True, text=True, check=False
        )
        if answer.returncode:
            raise Failed(f"kind get clusters failed: {answer.stderr.strip()}")
        return answer.stdout.split()

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which kind uses that engine, and this project's kubeconfig alone."""
        return {**os.environ, "KIND_EXPERIMENTAL_PROVIDER": self.engine, "KUBECONFIG": str(kubeconfig())}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line. Returns the exit code."""
    summary, details = (__doc__ or "").split("\n", maxsplit=1)
    parser = argparse.ArgumentParser(
        description=summary, epilog=details, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("up", help="start the cluster, unless it is there, and say where it is")
    commands.add_parser("show", help="say where the cluster is")
    commands.add_parser("down", help="delete the cluster")
    command = parser.parse_args(arguments).command
    try:
        {"up": up, "show": show, "down": down}[command]()
    except servers.Missing as reason:
        say(str(reason))
        return servers.MISSING
    except Failed as reason:
        say(str(reason))
        return FAILED
    return 0


def up() -> None:
    """Starts the cluster and prints where it is. Where it is there already, only its kubeconfig is written anew."""
    kind = Kind(engine=engine(), program=program())
    kubeconfig().parent.mkdir(parents=True, exist_ok=True)
    if CLUSTER in kind.clusters():
        say(f"the cluster {CLUSTER} is there already")
        kind.run("export", "kubeconfig", "--name", CLUSTER)
    else:
        config = str(FOLDER / "cluster.yaml")
        kind.run("create", "cluster", "--name", CLUSTER, "--config", config, "--wait", "5m")
    print(described())


def show() -> None:
    """Prints where the cluster is. Raises Missing where it is not."""
    running = Kind(engine=engine(), program=program(build=False)).clusters()
    if CLUSTER not in running or not kubeconfig().is_file():
        raise servers.Missing(f"there is no cluster {CLUSTER}: start it with make kind-up")
    print(described())


def down() -> None:
    """Deletes the cluster and its kubeconfig; where there is none, does nothing."""
    Kind(engine=engine(), program=program()).run("delete", "cluster", "--name", CLUSTER)
    kubeconfig().unlink(missing_ok=True)


def described() -> str:
    """Where the cluster is, as JSON."""
    return json.dumps({"kubeconfig": str(kubeconfig()), "context": CONTEXT})


def kubeconfig() -> Path:
    """The cluster's own kubeconfig."""
    return servers.cache().parent / "kind" / "kubeconfig"


def engine() -> str:
    """The first container engine that answers. Raises Missing with what is wrong with each."""
    chosen = os.environ.get("KIND_EXPERIMENTAL_PROVIDER")
    reasons = []
    for name in (chosen,) if chosen else ENGINES:
        if not shutil.which(name):
            reasons.append(f"{name} is not installed")
        elif reason := silence(name):
            reasons.append(f"{name} is installed, but does not answer: {reason}")
        else:
            return name
    raise servers.Missing(f"a container engine is missing: {'; '.join(reasons)}")


def silence(name: str) -> str:
    """Why an engine does not answer; empty where it does."""
    try:
        answer = subprocess.run([name, "info"], capture_output=True, text=True, timeout=servers.MINUTE, check=False)
    except subprocess.TimeoutExpired:
        return f"no answer to {name} info within a minute"
    return servers.last_words(answer.stderr) or f"exit {answer.returncode}" if answer.returncode else ""


def program(*, build: bool = True) -> str:
    """The path of kind: on PATH and no older than the pinned one, or the pinned one. Raises Missing without it."""
    on_path = shutil.which("kind")
    pinned = recipe()
    if on_path and servers.numbers(servers.version_of(Path(on_path))) >= servers.numbers(pinned.version):
        return on_path
    with servers.locked(pinned.name):
        try:
            return servers.cached(pinned, "cache").path
        except servers.Missing:
            if not build:
                raise
            return servers.built(pinned).path


def recipe() -> servers.Recipe:
    """What the pinned kind is built from."""
    fields = json.loads((FOLDER / "recipe.json").read_text(encoding="utf-8"))
    return servers.Recipe("kind", FOLDER, fields["package"], fields["version"], fields["variables"])


def say(line: str) -> None:
    """Tells a person what is going on."""
    print(f"kind: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
