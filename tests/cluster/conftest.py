"""An API server for each process of a run. Runs only when asked for: `-m cluster`."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Gives what shares an environment to one process: `--dist loadgroup`. Each process has an API server of its own."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group(_group(item)))


def _group(item: pytest.Item) -> str:
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    apart = "environment" if item.path.name == "test_environments.py" else "upgrade"
    return "-".join([item.path.stem, *([parameters[apart].name] if apart in parameters else [])])


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
