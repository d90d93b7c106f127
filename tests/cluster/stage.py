"""A copy of the project in a temporary directory, compiled through the command line."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

from .cases import Upgrade
from .kubectl import HASTE

COMPILER = Path(sysconfig.get_path("scripts")) / "mlflow-overlays"


@dataclass
class Stage:
    """A project: the real base, and environments of which each goes into a namespace of its own name."""

    root: Path
    found: dict[str, list[str]] = field(default_factory=dict)
    """What the compiler said of each environment: lines of severity, message and code."""
    written: set[str] = field(default_factory=set)
    """The environments that have an overlay."""

    def overlay(self, name: str) -> Path:
        """The directory of an environment."""
        return self.root / "overlays" / name

    def add(self, name: str, original: Path) -> None:
        """Takes over an environment: a file, or a directory with all that a person wrote there, but never its secrets."""
        if original.is_dir():
            shutil.copytree(original, self.overlay(name), ignore=shutil.ignore_patterns("secrets"))
            original /= "environment.yaml"
        self.write(name, original.read_text(encoding="utf-8"))

    def write(self, name: str, text: str) -> None:
        """Writes an environment, for a namespace of its own."""
        self.overlay(name).mkdir(parents=True, exist_ok=True)
        rest = re.sub(r"^namespace:.*\n", "", text, flags=re.MULTILINE)
        path = self.overlay(name) / "environment.yaml"
        path.write_text(f"namespace: {name}\n{rest}", encoding="utf-8")

    def compile(self, names: Sequence[str]) -> None:
        """Compiles environments, with as many commands at once as there are processors."""
        lanes = [names[start :: os.cpu_count() or 1] for start in range(os.cpu_count() or 1)]
        with ThreadPoolExecutor(len(lanes)) as pool:
            for report in pool.map(self._report, filter(None, lanes)):
                self.written |= {each["name"] for each in report["environments"]}
                for each in report["diagnostics"]:
                    name = Path(each["path"]).parts[1]
                    line = f"{each['severity']}: {each['message']} [{each['code']}]"
                    self.found.setdefault(name, []).append(line)

    def _report(self, names: Sequence[str]) -> dict[str, Any]:
        command = [str(COMPILER), "compile", f"--root={self.root}", "--output=json", "--", *names]
        done = subprocess.run(command, env={**os.environ, **HASTE}, capture_output=True, text=True, check=False)
        try:
            report: dict[str, Any] = json.loads(done.stdout)
        except ValueError:
            raise RuntimeError(f"the compiler failed ({done.returncode}): {done.stdout}{done.stderr}") from None
        return report

    def secrets_commands(self, name: str) -> list[str]:
        """The shell commands of SECRETS.md, in order."""
        page = self.overlay(name) / "SECRETS.md"
        text = page.read_text(encoding="utf-8") if page.exists() else ""
        return re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Versions:
    """The project as it is, and as it is after the next change of its environments."""

    first: Stage
    second: Stage

    def compile(self, upgrade: Upgrade) -> None:
        """Compiles an environment as it is first, and then, over all files of that, as it is next."""
        name = upgrade.name
        if name in self.first.written:
            return
        self.first.write(name, upgrade.before)
        self.first.compile([name])
        shutil.copytree(self.first.overlay(name), self.second.overlay(name))
        self.second.write(name, upgrade.after)
        upgrade.touch(self.second.overlay(name))
        self.second.compile([name])


def stage(root: Path) -> Stage:
    """A new project without environments."""
    shutil.copytree(ROOT / "base", root / "base")
    return Stage(root)


def successor(before: Stage, root: Path) -> Stage:
    """The same project somewhat later: all files of it, secrets and overlays too."""
    shutil.copytree(before.root, root)
    return Stage(root)
