"""An API server for each process of a run. Runs only when asked for: `-m cluster`."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.conftest import ROOT

from .apiserver import Server, running
from .programs import Missing, programs
from .proofs import Proofs
from .stage import Stage, Versions, stage

HERE = Path(__file__).resolve().parent
DEFINITIONS = ROOT / "compiler" / "crds"
"""Custom resources that overlays use, which whoever owns them installs."""
UNPROVED = (
    "that pods run: beside the API server there is no controller, scheduler or node",
    "that NetworkPolicies, PodDisruptionBudgets and Ingresses act: they are accepted, and nothing here carries them out",
    "webhooks and controllers of a provider, such as those that give a pod its IAM role",
)


def pytest_configure(config: pytest.Config) -> None:
    file = config.getoption("--proofs", default=None)
    places = [Path(argument.partition("::")[0]).resolve() for argument in config.args]
    if file and any(HERE in (place, *place.parents) for place in places):
        config.pluginmanager.register(Proofs(Path(file), UNPROVED), "cluster-proofs")


class ByEnvironment(LoadScopeScheduling):
    """Gives the tests that share an environment to one process; other tests by their file."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        apart = file.endswith(("/test_environments.py", "/test_upgrades.py"))
        return f"{file}[{test.partition('[')[2]}" if apart else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling | None:
    return ByEnvironment(config, log) if "cluster" in config.getoption("-m") else None


@pytest.fixture(scope="session")
def directory() -> Iterator[Path]:
    """A directory that is gone at the end: what is in it would let anybody into the server."""
    with tempfile.TemporaryDirectory(prefix="mlflow-overlays-cluster-") as name:
        yield Path(name).resolve()


@pytest.fixture(scope="session")
def server(directory: Path, pytestconfig: pytest.Config) -> Iterator[Server]:
    """The API server of this run."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    assert capture is not None
    with capture.global_and_fixture_disabled():
        try:
            found = programs()
        except Missing as reason:
            pytest.skip(str(reason))
    # Asked to end, this process ends what it started first.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with running(found, directory) as server:
            server.kubectl.must("create", f"--filename={DEFINITIONS}")
            server.kubectl.must("wait", "--for=condition=Established", "customresourcedefinitions", "--all")
            yield server
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def environments(directory: Path) -> Stage:
    """A project for the environments of the tests."""
    return stage(directory / "environments")


@pytest.fixture(scope="session")
def versions(directory: Path) -> Versions:
    """A project for upgrades, as it is and as it is next."""
    return Versions(stage(directory / "first"), stage(directory / "second"))
