"""The cluster and the environment of the end-to-end tests. They run only when they are asked for: `-m e2e`."""

from __future__ import annotations

import secrets
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.cases import REFERENCES, Case
from tests.cluster.kubectl import Kubectl
from tests.cluster.proofs import Proofs
from tests.cluster.stage import stage

from . import access
from .running import Running

MARKER = "e2e"
HERE = Path(__file__).resolve().parent
RUNNING = pytest.StashKey[Running]()
MINIO_POSTGRES = Case("minio-postgres", REFERENCES / "minio-postgres")


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    config = pluginmanager.get_plugin("pytestconfig")
    # Where pytest was not started on this directory, it is too late for options.
    if not isinstance(config, pytest.Config) or config.args:
        return
    parser.addoption("--kubeconfig", metavar="FILE", help="the kubeconfig of the cluster to use; kind's without it")
    parser.addoption("--context", metavar="NAME", help="the context in that kubeconfig")
    parser.addoption("--older-version", metavar="X.Y.Z", help="an older MLflow to start with, and to upgrade from")


def pytest_configure(config: pytest.Config) -> None:
    kubeconfig, context = (config.getoption(name, default=None) for name in ("--kubeconfig", "--context"))
    if bool(kubeconfig) != bool(context):
        raise pytest.UsageError("a cluster is named with both --kubeconfig and --context")
    file = config.getoption("--proofs", default=None)
    places = [Path(argument.partition("::")[0]).resolve() for argument in config.args]
    if file and any(HERE in (place, *place.parents) for place in places):
        config.pluginmanager.register(Proofs(Path(file), ()), "e2e-proofs")


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """Nothing of this directory is even imported in another run."""
    return None if MARKER in config.getoption("-m") else True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Adds to a failure what the pods of the environment have to say."""
    report: pytest.TestReport = yield
    running = item.config.stash.get(RUNNING, None)
    if report.failed and running:
        report.sections.append((f"pods of {running.name}", running.watch.report()))
    return report


@pytest.fixture(scope="session")
def directory() -> Iterator[Path]:
    """A directory that is gone at the end, with the values of the Secrets in it."""
    with tempfile.TemporaryDirectory(prefix="mlflow-overlays-e2e-") as name:
        yield Path(name).resolve()


@pytest.fixture(scope="session")
def cluster(directory: Path, pytestconfig: pytest.Config) -> Kubectl:
    """The cluster. Without one, everything is skipped, and says why."""
    try:
        return access.cluster(pytestconfig.getoption("--kubeconfig"), pytestconfig.getoption("--context"), directory)
    except access.Missing as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def older(pytestconfig: pytest.Config) -> str:
    """The version of MLflow to start with, if one was named."""
    return pytestconfig.getoption("--older-version") or ""


@pytest.fixture(scope="session", params=[MINIO_POSTGRES], ids=lambda case: case.name)
def running(directory: Path, cluster: Kubectl, pytestconfig: pytest.Config) -> Iterator[Running]:
    """Two namespaces of random names, which are deleted at the end, whatever happens; nothing is in them yet."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    assert capture is not None

    def say(line: str) -> None:
        with capture.global_and_fixture_disabled():
            sys.stderr.write(f"\n  {line}")

    name = f"mlflow-e2e-{secrets.token_hex(3)}"
    running = Running(cluster, stage(directory / "project"), name, say)
    names = running.name, running.clients
    assert not any(cluster.must("get", "namespace", name, "--ignore-not-found") for name in names)
    pytestconfig.stash[RUNNING] = running
    try:
        yield running
    finally:
        running.remove()
