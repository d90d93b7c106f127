"""One API server for the whole run, and every environment compiled once. Runs only when asked for: `-m cluster`."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

from .apiserver import Server, running
from .cases import ALL_UPGRADES, ENVIRONMENTS
from .programs import Missing, programs
from .proofs import Proofs
from .stage import Versions, stage, successor

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
def versions(directory: Path) -> Versions:
    """Every environment and upgrade of the tests, compiled."""
    first = stage(directory / "first")
    for environment in ENVIRONMENTS:
        first.add(environment.name, environment.original)
    for upgrade in ALL_UPGRADES:
        first.write(upgrade.name, upgrade.before)
    first.compile([*(each.name for each in ENVIRONMENTS), *(each.name for each in ALL_UPGRADES)])
    second = successor(first, directory / "second")
    for upgrade in ALL_UPGRADES:
        second.write(upgrade.name, upgrade.after)
        upgrade.touch(second.overlay(upgrade.name))
    second.compile([each.name for each in ALL_UPGRADES])
    return Versions(first, second)
