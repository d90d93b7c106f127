"""kubectl, held to one kubeconfig: nothing of the user's own, no file and no variable, reaches it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compiler.build import kubectl

TIMEOUT_SECONDS = 60
HASTE = {"GOGC": "400"}
"""For programs in Go that run a moment only: a quarter of their time went into collecting garbage."""
Object = dict[str, Any]


class Refused(AssertionError):
    """A command that had to succeed did not."""


@dataclass(frozen=True)
class Answer:
    """What a command said, and its exit code."""

    command: str
    code: int
    out: str
    err: str

    def __str__(self) -> str:
        return f"{self.command}: exit {self.code}\n{self.out}{self.err}".strip()


@dataclass(frozen=True)
class Kubectl:
    """The compiler's own kubectl with a kubeconfig, and with a directory in place of the user's home."""

    kubeconfig: Path
    home: Path
    context: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """All that a command sees of the environment."""
        path = os.environ.get("PATH", os.defpath)
        return {
            "PATH": f"{Path(kubectl().path).parent}{os.pathsep}{path}",
            "HOME": str(self.home),
            "KUBECONFIG": str(self.kubeconfig),
            "LC_ALL": "C.UTF-8",
            **HASTE,
        }

    def run(self, *arguments: str, text: str = "", seconds: float = TIMEOUT_SECONDS) -> Answer:
        """The answer to a command, good or bad."""
        context = [f"--context={self.context}"] if self.context else []
        return self.other([kubectl().path, *context, *arguments], text=text, seconds=seconds)

    def other(
        self, command: Sequence[str], *, text: str = "", folder: Path | None = None, seconds: float = TIMEOUT_SECONDS
    ) -> Answer:
        """The answer of any program that is to see the same, and no other, cluster."""
        shown = " ".join([Path(command[0]).name, *command[1:]])
        try:
            done = subprocess.run(
                command,
                input=text,
                cwd=folder or self.home,
                env=self.environment,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Answer(shown, 124, "", f"no answer within {seconds:g} seconds")
        return Answer(shown, done.returncode, done.stdout, done.stderr)

    def must(self, *arguments: str, text: str = "", seconds: float = TIMEOUT_SECONDS) -> str:
        """What a command prints that has to succeed."""
        answer = self.run(*arguments, text=text, seconds=seconds)
        if answer.code:
            raise Refused(str(answer))
        return answer.out

    def objects(self, *arguments: str) -> list[Object]:
        """What `kubectl get` finds, as a list, however many there are."""
        found = json.loads(self.must("get", "--output=json", *arguments) or "{}")
        items: list[Object] = found.get("items", [found] if found else [])
        return items

    def create(self, objects: Sequence[Object], *arguments: str) -> Answer:
        """The answer to creating objects, all in one request to kubectl."""
        many = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        return self.run("create", "--validate=strict", "--filename=-", *arguments, text=json.dumps(many))
