"""The pools of the server's processes: all of them fit what the database has."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.diagnostic import Severity
from compiler.overlay import Ref
from compiler.pool import LEAST, Demand, split
from tests.parts import KEYS, MINIO, MYSQL, changes, findings, planned, settings, settings_of, understood

POSTGRES = Ref("apps/v1", "StatefulSet", "postgres")
OWN = {"host": "db.acme.example", "existingSecret": "db"}
NAMES = ("MLFLOW_SQLALCHEMYSTORE_POOL_SIZE", "MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW")


def pool(values: Any, **more: Any) -> tuple[int, int]:
    found = settings(values, **more)
    return int(found[NAMES[0]]), int(found[NAMES[1]])


@pytest.mark.parametrize("limit", [30, 45, 80, 200, 5000])
@pytest.mark.parametrize("demand", [Demand(1, 2, False, 2), Demand(3, 4, True, 3), Demand(1, 1, False, 2)])
def test_share__is_the_most_that_fits(demand: Demand, limit: int) -> None:
    share = demand.share(limit)
    assert share == 0 or demand.most(share) <= limit
    assert share == 15 or demand.most(share + 1) > limit


def test_share__the_server_of_artifacts_opens_pools_for_users_too() -> None:
    database, split = {**OWN, "maxConnections": 200}, {"mode": "split"}
    alone = pool(KEYS, database=database, auth={}, replicas=3)
    both = pool(
        KEYS, database=database, auth={}, replicas=3, mlflow=split, artifactServer={"replicas": 4, "workers": 4}
    )
    assert sum(both) < sum(alone)
    assert Demand(3, 2, False, 3, (4, 4)).most(sum(both)) <= 200 < Demand(3, 2, False, 3, (4, 4)).most(sum(both) + 1)
    assert pool(KEYS, database=database, replicas=3, mlflow=split) == pool(KEYS, database=database, replicas=3)


@pytest.mark.parametrize("share", range(LEAST, 16))
def test_split__is_the_share_and_no_zero(share: int) -> None:
    """MLflow takes 0 for a variable that is not set."""
    size, overflow = split(share)
    assert size + overflow == share
    assert size > 0 < overflow
    assert size <= 5


@pytest.mark.parametrize(
    ("values", "more", "expected"),
    [
        (MINIO, {}, (5, 4)),
        (MYSQL, {}, (5, 10)),
        (KEYS, {"database": OWN}, (5, 5)),
        (KEYS, {"database": {**OWN, "maxConnections": 1000}}, (5, 10)),
        (MINIO, {"replicas": 2}, (5, 1)),
        (MINIO, {"replicas": 9, "mlflow": {"workers": 4}}, (4, 1)),
        (MINIO, {"replicas": 4, "mlflow": {"workers": 4}}, (5, 1)),
        (MINIO, {"auth": {}}, (5, 1)),
        (KEYS, {"database": {**OWN, "maxConnections": 200}, "autoscaling": {"max": 5}}, (5, 2)),
    ],
)
def test_plan__pools_follow_from_pods_workers_and_the_limit(
    values: Any, more: dict[str, Any], expected: tuple[int, int]
) -> None:
    assert pool(values, **more) == expected


def test_plan__the_database_in_the_cluster_has_room_for_more() -> None:
    container = "spec.template.spec.containers[name=postgres]"
    found = changes(planned(MINIO, database={"maxConnections": 190}), POSTGRES)
    assert found[f"{container}.env[name=MAX_CONNECTIONS].value"] == "200"
    assert found[f"{container}.resources.limits.memory"] == "1824Mi"
    assert not [place for place in changes(planned(MINIO, database={"maxConnections": 60}), POSTGRES) if "MAX" in place]


def test_plan__a_database_that_nothing_is_known_of_gets_the_smallest_pools_and_a_warning() -> None:
    compilation = understood(KEYS, database=OWN, autoscaling={"max": 10}, mlflow={"workers": 8})
    assert [(each.code, each.severity) for each in compilation.diagnostics] == [
        ("too-few-connections", Severity.WARNING)
    ]
    assert compilation.overlay is not None
    assert [settings_of(compilation.overlay)[name] for name in NAMES] == ["2", "1"]


def test_plan__sqlite_has_no_pool() -> None:
    assert not {*NAMES} & settings({"overlay": "local"}).keys()


@pytest.mark.parametrize("name", NAMES)
def test_check__the_pool_is_not_set_by_hand(name: str) -> None:
    assert findings(MINIO, mlflow={"env": {name: "7"}}) == ["reserved-setting"]


@pytest.mark.parametrize(
    ("values", "more", "codes"),
    [
        (MINIO, {"replicas": 4, "mlflow": {"workers": 4}}, []),
        (MINIO, {"replicas": 4, "mlflow": {"workers": 4}, "database": {"maxConnections": 80}}, ["too-few-connections"]),
        (MINIO, {"replicas": 40, "mlflow": {"workers": 4}}, ["too-few-connections"]),
        (KEYS, {"database": OWN, "replicas": 4, "mlflow": {"workers": 4}}, ["too-few-connections"]),
        (KEYS, {"database": {**OWN, "maxConnections": 200}, "replicas": 4, "mlflow": {"workers": 4}}, []),
        (MINIO, {"database": {"maxConnections": 501}}, ["too-few-connections"]),
        (KEYS, {"database": {**OWN, "maxConnections": 501}}, []),
    ],
)
def test_check__processes_that_cannot_fit(values: Any, more: dict[str, Any], codes: list[str]) -> None:
    assert findings(values, **more) == codes
