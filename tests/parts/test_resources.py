"""Memory by measurement, and requests that never exceed limits."""

from __future__ import annotations

from typing import Any

import pytest

from compiler import footprint
from compiler.footprint import Row
from compiler.overlay import SERVER, Overlay
from compiler.parts.mlflow import VERSION
from tests.parts import MINIO, changes, findings, planned

WORKERS = range(1, 33)


def _mib(amount: str) -> int:
    number, unit = int(amount[:-2]), amount[-2:]
    return number * {"Mi": 1, "Gi": 1024, "Ti": 1024**2, "Pi": 1024**3}[unit]


def _amounts(overlay: Overlay, group: str) -> dict[str, str]:
    head = f"spec.template.spec.containers[name=mlflow].resources.{group}."
    return {
        place.removeprefix(head): value for place, value in changes(overlay, SERVER).items() if place.startswith(head)
    }


def _cpu(amount: str) -> float:
    return float(amount[:-1]) / 1000 if amount.endswith("m") else float(amount)


def _tmp(overlay: Overlay) -> int:
    return _mib(changes(overlay, SERVER)["spec.template.spec.volumes[name=tmp].emptyDir.sizeLimit"])


# The measurements


def test_table__measures_the_version_of_the_base() -> None:
    assert VERSION in footprint.table()
    for rows in footprint.table().values():
        for jobs in (False, True):
            counts = [row.workers for row in rows if row.jobs is jobs]
            assert len(set(counts)) == len(counts) >= 2
        assert all(0 < row.idle_mib <= row.peak_mib for row in rows)


@pytest.mark.parametrize("jobs", [False, True])
def test_memory__grows_with_the_workers(jobs: bool) -> None:
    pairs = [footprint.memory(VERSION, workers, jobs=jobs) for workers in WORKERS]
    assert pairs == sorted(pairs)
    assert pairs[-1][0] > pairs[0][0]
    assert pairs[-1][1] > pairs[0][1]
    for workers, (request, limit) in zip(WORKERS, pairs, strict=True):
        assert 0 < request <= limit
        assert request % 64 == limit % 64 == 0
        assert limit > footprint.peak(VERSION, workers, jobs=jobs)


@pytest.mark.parametrize("workers", WORKERS)
def test_memory__jobs_cost_more(workers: int) -> None:
    without, with_jobs = (footprint.memory(VERSION, workers, jobs=jobs) for jobs in (False, True))
    assert with_jobs[0] > without[0]
    assert with_jobs[1] > without[1]


def test_memory__is_what_was_measured_and_more() -> None:
    for version, rows in footprint.table().items():
        for row in rows:
            assert footprint.peak(version, row.workers, jobs=row.jobs) == row.peak_mib
            request, limit = footprint.memory(version, row.workers, jobs=row.jobs)
            assert request >= row.idle_mib
            assert limit >= row.peak_mib


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table of round numbers, of versions that sort otherwise as numbers than as text."""

    def rows(base: int) -> tuple[Row, ...]:
        return tuple(
            Row(workers, jobs, base + 100 * workers + 1000 * jobs, 2 * (base + 100 * workers) + 1000 * jobs, 1)
            for workers in (4, 1, 2)
            for jobs in (True, False)
        )

    monkeypatch.setattr(footprint, "table", lambda: {"3.9.0": rows(500), "3.17.2": rows(0), "3.10.4": rows(700)})


@pytest.mark.usefixtures("measured")
@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("3.9.0", "3.9.0"),
        ("3.10.4", "3.10.4"),
        ("3.17.2", "3.17.2"),
        ("3.8.0", "3.17.2"),
        ("4.0.0rc1", "3.17.2"),
        ("3.17.2rc0", "3.17.2"),
    ],
)
def test_measured__another_version_is_held_against_the_newest(version: str, expected: str) -> None:
    assert footprint.measured(version) == expected
    assert footprint.peak(version, 2, jobs=False) == footprint.peak(expected, 2, jobs=False)


@pytest.mark.usefixtures("measured")
@pytest.mark.parametrize(("workers", "peak"), [(1, 200), (2, 400), (3, 600), (4, 800), (5, 1000), (32, 6400)])
def test_peak__between_and_beyond_what_was_measured(workers: int, peak: int) -> None:
    assert footprint.peak("3.17.2", workers, jobs=False) == peak
    assert footprint.peak("3.17.2", workers, jobs=True) == peak + 1000


# What follows


@pytest.mark.parametrize("jobs", [False, True])
@pytest.mark.parametrize("workers", [1, 2, 5, 32])
def test_plan__works_out_all_of_them(workers: int, jobs: bool) -> None:
    overlay = planned(MINIO, mlflow={"workers": workers, "jobs": jobs})
    request, limit = footprint.memory(VERSION, workers, jobs=jobs)
    requests, limits = _amounts(overlay, "requests"), _amounts(overlay, "limits")
    assert set(requests) == set(limits) == {"cpu", "memory", "ephemeral-storage"}
    assert (requests["memory"], limits["memory"]) == (f"{request}Mi", f"{limit}Mi")
    assert _cpu(limits["cpu"]) >= workers


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"limits": {"cpu": "100m"}},
        {"limits": {"cpu": "0.1"}},
        {"limits": {"cpu": "8"}},
        {"limits": {"memory": "8Gi"}},
        {"limits": {"ephemeral-storage": "512Mi"}},
        {"limits": {"ephemeral-storage": "1Ti"}},
        {"requests": {"cpu": "2"}},
        {"requests": {"memory": "1Gi"}},
        {"requests": {"cpu": "50m", "memory": "64Mi", "ephemeral-storage": "1Mi"}},
    ],
)
def test_plan__a_request_is_never_above_its_limit(given: dict[str, Any]) -> None:
    """The API server refuses such a pod; what is set by hand holds, and what is worked out gives way."""
    overlay = planned(MINIO, resources=given)
    requests, limits = _amounts(overlay, "requests"), _amounts(overlay, "limits")
    assert _cpu(requests["cpu"]) <= _cpu(limits["cpu"])
    for name in ("memory", "ephemeral-storage"):
        assert _mib(requests[name]) <= _mib(limits[name])
    for group, amounts in given.items():
        assert _amounts(overlay, group).items() >= amounts.items()


@pytest.mark.parametrize(
    ("given", "codes"),
    [
        ({"requests": {"cpu": "3"}}, ["request-above-limit"]),
        ({"requests": {"cpu": "2500m"}}, ["request-above-limit"]),
        ({"requests": {"memory": "1Ti"}}, ["request-above-limit"]),
        ({"requests": {"ephemeral-storage": "1Ti"}}, ["request-above-limit"]),
        ({"requests": {"cpu": "2"}, "limits": {"cpu": "1999m"}}, ["request-above-limit"]),
        ({"requests": {"cpu": "2"}, "limits": {"cpu": "2.0"}}, []),
        ({"requests": {"memory": "9Gi"}, "limits": {"memory": "8Gi"}}, ["request-above-limit"]),
        ({"requests": {"memory": "8192Mi"}, "limits": {"memory": "8Gi"}}, []),
        ({"limits": {"memory": "64Mi"}}, ["memory-too-small"]),
        ({"requests": {"cpu": "0"}}, ["bad-value"]),
        ({"requests": {"cpu": "0m"}}, ["bad-value"]),
        ({"requests": {"cpu": "-1"}}, ["bad-value"]),
        ({"requests": {"cpu": "1e3"}}, ["bad-value"]),
        ({"requests": {"memory": "0Gi"}}, ["bad-value"]),
        ({"requests": {"memory": "1G"}}, ["bad-value"]),
        ({"requests": {"memory": "1.5Gi"}}, ["bad-value"]),
        ({"requests": {"memory": 1024}}, ["bad-value"]),
        ({"requests": {"gpu": "1"}}, ["unknown-key"]),
    ],
)
def test_check__amounts(given: dict[str, Any], codes: list[str]) -> None:
    assert findings(MINIO, resources=given) == codes


def test_check__the_smallest_limit_is_what_was_measured() -> None:
    peak = footprint.peak(VERSION, 2, jobs=False)
    assert findings(MINIO, resources={"limits": {"memory": f"{peak}Mi"}}) == []
    assert findings(MINIO, resources={"limits": {"memory": f"{peak - 1}Mi"}}) == ["memory-too-small"]


@pytest.mark.parametrize(
    ("upload", "gibibytes"),
    [(None, 10), ("1Mi", 10), ("5Gi", 10), ("5121Mi", 11), ("20Gi", 40), ("1Ti", 2048)],
)
def test_tmp__has_room_for_two_of_the_largest_uploads(upload: str | None, gibibytes: int) -> None:
    more: dict[str, Any] = (
        {"ingress": {"tlsSecret": "x", "maxUploadSize": upload}, "host": "a.example"} if upload else {}
    )
    overlay = planned(MINIO, **more)
    assert _tmp(overlay) == gibibytes * 1024
    assert _mib(_amounts(overlay, "limits")["ephemeral-storage"]) > _tmp(overlay)
