"""The connections of all processes together, under more requests than they could take."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from .running import Running
from .test_environment import API, asked

REGISTRY = "/api/2.0/mlflow/registered-models/search"
CLIENTS = 60
OPEN = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'mlflow'"
Record = Callable[[str, object], None]

pytestmark = pytest.mark.environments("connections")


def test_connections_fit_the_database(running: Running, record_property: Record) -> None:
    """60 clients at once are all served, and two pods together never hold more connections than the pools add up to"""
    limit = int(running.source["database"]["maxConnections"])
    each = sum(int(running.settings[f"MLFLOW_SQLALCHEMYSTORE_{name}"]) for name in ("POOL_SIZE", "MAX_OVERFLOW"))
    pods, workers = len(running.servers), int(running.settings["MLFLOW_WORKERS"])
    # Runs and registry; the parent of the processes holds one of each, and one more.
    most = pods * (2 * workers * each + 3)
    calls = [(pod, path) for _ in range(CLIENTS // 4) for pod in running.servers for path in (API, REGISTRY)]
    peak = 0
    with ThreadPoolExecutor(CLIENTS) as threads:
        for _ in range(5):
            answers = [threads.submit(asked, running, pod, "localhost", path) for pod, path in calls]
            while not all(answer.done() for answer in answers):
                peak = max(peak, int(running.sql(OPEN)))
            assert {answer.result()[0] for answer in answers} == {200}
    record_property("connections", peak)
    record_property("limit", limit)
    assert pods * workers * 2 < peak <= most < limit


def test_limit_of_the_database_is_above(running: Running) -> None:
    """The database takes more than MLflow may use, so that its superuser can look into it"""
    assert int(running.sql("SHOW max_connections")) > int(running.source["database"]["maxConnections"])
