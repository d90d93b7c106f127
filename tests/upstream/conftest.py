"""Upstream's manifests of every release, brought once for the whole run. Runs only when asked for: `-m upstream`.

PIPELINES_SOURCE and ARGO_SOURCE name git repositories of this machine, or URLs; without them, upstream's own are fetched.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from compiler.outline import COMMITS
from tests.cluster.proofs import Proofs
from tests.conftest import ROOT, put_base

HERE = Path(__file__).resolve().parent
UNPROVED = ("that pods run: this is about manifests alone", "releases that the compiler does not know")
PLUGIN = "upstream-proofs"


def pytest_configure(config: pytest.Config) -> None:
    places = [Path(argument.partition("::")[0]).resolve() for argument in config.args]
    if any(HERE in (place, *place.parents) for place in places):
        config.pluginmanager.register(Proofs(Path(config.getoption("--proofs") or os.devnull), UNPROVED), PLUGIN)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Prints what was proved of each release."""
    proofs = config.pluginmanager.getplugin(PLUGIN)
    if proofs is not None:
        for release, verdicts in proofs.results.items():
            counted = Counter(verdict.partition(":")[0] for verdict in verdicts.values())
            words = ", ".join(f"{number} {word}" for word, number in sorted(counted.items()))
            terminalreporter.write_line(f"Kubeflow Pipelines {release}: {words}")


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the real base, and a copy of every release in `vendor/<version>`. Skips where there is no source."""
    root = tmp_path_factory.mktemp("upstream")
    put_base(root)
    for version in COMMITS:
        command = [
            sys.executable,
            str(ROOT / "scripts" / "upstream.py"),
            "vendor",
            version,
            "--to",
            str(root / "vendor" / version),
        ]
        for option, variable in (("--pipelines", "PIPELINES_SOURCE"), ("--argo", "ARGO_SOURCE")):
            command += [option, os.environ[variable]] if os.environ.get(variable) else []
        answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if answer.returncode == 3:
            pytest.skip(f"no manifests of {version}: {answer.stderr.strip()}")
        assert answer.returncode == 0, answer.stderr
    return root
