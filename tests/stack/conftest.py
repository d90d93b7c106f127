"""The stack's tests run only when they are asked for: `pytest tests/stack -m stack`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from .images import image
from .programs import Missing, environment, server, tool
from .proofs import PROVED, RDS, SKIPPED, Proofs
from .running import ENVIRONMENTS, ON_DEMAND, Running, Work

RESULTS = pytest.StashKey[Proofs]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RESULTS] = Proofs()
    config.addinivalue_line("markers", "environments(*names): of the reference environments, the ones of this test")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Nothing of this folder is even imported in another run."""
    return True if "stack" not in config.getoption("-m") else None


class ByEnvironment(LoadScopeScheduling):
    """Gives all tests of an environment to one process, which starts it once; other tests by their file."""

    def _split_scope(self, nodeid: str) -> str:
        parameters = nodeid.partition("[")[2].rstrip("]")
        named = [name for name in ENVIRONMENTS if parameters == name or parameters.startswith(f"{name}-")]
        return max(named, key=len, default=nodeid.partition("::")[0])


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling | None:
    return ByEnvironment(config, log) if "stack" in config.getoption("-m") else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.stack)
    items[:] = [item for item in items if _wanted(item)]


def _wanted(item: pytest.Item) -> bool:
    """Every environment is a parameter of every test, so that pytest keeps the tests of one together."""
    mark = item.get_closest_marker("environments")
    return _environment(item) in mark.args if mark else _environment(item) not in ON_DEMAND


def _environment(item: pytest.Item) -> str:
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    return str(parameters.get("running") or parameters.get("name") or "")


@pytest.fixture(scope="session", autouse=True)
def _real_parts() -> None:
    """Skips everything where a part is missing that every environment needs."""
    if os.geteuid() != 0:
        pytest.skip("only root may make network namespaces and run containers' processes under their users")
    try:
        for name in ("iproute2", "nftables", "openssl"):
            server(name)
        tool("nsenter", "util-linux")
        server("bubblewrap")
        environment("requirements.lock")
        environment("cloud.lock")
    except Missing as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session", params=ENVIRONMENTS)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A reference environment, started once for all tests that share it."""
    yield from _started(str(request.param), tmp_path_factory, request.config)


def _started(name: str, folders: pytest.TempPathFactory, config: pytest.Config) -> Iterator[Running]:
    folder = folders.mktemp(name)
    proofs = config.stash[RESULTS]
    environment = Running(name, folder)
    try:
        for reference in environment.images:
            proofs.note(name, image(reference, folder / "checked").note)
        if environment.remote:
            proofs.note(name, environment.remote.note)
        if environment.engine == "rds":
            proofs.note(name, RDS)
        environment.start()
        yield environment
    except Missing as reason:
        pytest.skip(str(reason))
    finally:
        environment.close()


@pytest.fixture(scope="session")
def work(running: Running) -> Work:
    """What a client without credentials did in the environment."""
    return running.work()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if item.get_closest_marker("stack") and (report.when == "call" or report.outcome != "passed"):  # type: ignore[attr-defined]
        _record(item, report)  # type: ignore[arg-type]
    return report


def _record(item: pytest.Item, report: pytest.TestReport) -> None:
    environment = _environment(item)
    sentence = (getattr(getattr(item, "function", None), "__doc__", None) or "").partition("\n")[0]
    if not environment or not sentence:
        return
    verdict = PROVED if report.passed else "failed"
    if report.skipped and isinstance(report.longrepr, tuple):
        verdict = SKIPPED + report.longrepr[2].removeprefix("Skipped: ")
    measured = ", ".join(f"{key} {value}" for key, value in report.user_properties)
    item.config.stash[RESULTS].add(environment, sentence, verdict, measured)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process beside others hands over what it has proved."""
    handed: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if handed is not None:
        handed["proofs"] = session.config.stash[RESULTS].document()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Takes what a process has handed over; one that crashed has not."""
    node.config.stash[RESULTS].join(getattr(node, "workeroutput", {}).get("proofs", Proofs().document()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    proofs = config.stash[RESULTS]
    if not proofs.results:
        return
    terminalreporter.section("what was proved")
    for line in proofs.summary():
        terminalreporter.write_line(line)
    if path := config.getoption("--proofs", default=None):
        proofs.write(Path(path))
