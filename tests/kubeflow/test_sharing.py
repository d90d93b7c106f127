"""Whether an MLflow of the same project keeps anything where pipelines do."""

from __future__ import annotations

import pytest

from compiler.kubeflow.sharing import overlap
from tests.kubeflow import ARN, KEYS, findings, understood
from tests.parts import MINIO, Values, merged

STORE = {"bucket": "acme", "region": "eu-west-1"}
CODE = "overlapping-prefixes"


def kfp(**store: object) -> Values:
    """Pipelines in a bucket."""
    return {"overlay": "kfp-keys", "artifacts": {**STORE, **store}}


def mlflow(overlay: str = "eks-irsa", **store: object) -> Values:
    """An MLflow in the same bucket."""
    role = {"roleArn": f"{ARN}mlflow"} if overlay == "eks-irsa" else {}
    return {"overlay": overlay, "artifacts": {**STORE, **role, **store}}


@pytest.mark.parametrize(
    ("one", "other", "met"),
    [
        ("artifacts", "artifacts", True),
        ("artifacts", "artifacts/team-1", True),
        ("v2", "v2/artifacts", True),
        ("artifacts", "artifacts-old", False),
        ("artifacts", "v2/artifacts", False),
        ("v2/other", "v2/artifacts", False),
        ("", "artifacts", True),
        ("", "", True),
    ],
)
def test_overlap__goes_by_steps_either_way(one: str, other: str, *, met: bool) -> None:
    assert overlap(one, other) is met
    assert overlap(other, one) is met


@pytest.mark.parametrize(
    ("prefix", "codes"),
    [
        ("", [CODE]),
        ("artifacts", [CODE]),
        ("artifacts/mlflow", [CODE]),
        ("pipelines/x", [CODE]),
        ("v2", [CODE]),
        ("artifacts-old", []),
        ("mlflow", []),
        ("v2/mlflow", []),
    ],
)
def test_prefixes__of_both_are_apart(prefix: str, codes: list[str]) -> None:
    assert findings(kfp(), {"prod": mlflow(prefix=prefix) if prefix else mlflow()}) == codes


def test_prefixes__are_held_against_those_below_ones_own() -> None:
    assert findings(kfp(prefix="kfp"), {"prod": mlflow(prefix="artifacts")}) == []
    assert findings(kfp(prefix="kfp"), {"prod": mlflow(prefix="kfp")}) == [CODE]
    assert findings(kfp(prefix="kfp"), {"prod": mlflow(prefix="kfp/mlflow")}) == []


def test_backups__are_apart_too() -> None:
    beside = mlflow(prefix="mlflow")
    assert findings(kfp(), {"prod": merged(beside, {"maintenance": {"backup": {}}})}) == []
    below = merged(beside, {"maintenance": {"backup": {"prefix": "v2/artifacts/backups"}}})
    assert findings(kfp(), {"prod": below}) == [CODE]
    elsewhere = merged(below, {"maintenance": {"backup": {"bucket": "acme-backups"}}})
    assert findings(kfp(), {"prod": elsewhere}) == []


@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [
        (kfp(), mlflow(bucket="other"), False),
        (kfp(region="us-east-1"), mlflow(), True),
        (kfp(region="cn-north-1"), mlflow(), False),
        (kfp(), mlflow("s3-compatible", endpoint="https://s3.eu-west-1.amazonaws.com"), True),
        (kfp(), mlflow("s3-compatible", endpoint="https://s3.acme.example"), False),
        (
            kfp(provider="minio", endpoint="https://s3.acme.example"),
            mlflow("s3-compatible", endpoint="https://s3.acme.example:443"),
            True,
        ),
        (
            kfp(provider="minio", endpoint="https://s3.acme.example:9000"),
            mlflow("s3-compatible", endpoint="https://s3.acme.example"),
            False,
        ),
        (
            kfp(provider="minio", endpoint="https://minio.tracking:9000", bucket="mlflow"),
            merged(MINIO, {"namespace": "tracking"}),
            True,
        ),
        (
            kfp(provider="minio", endpoint="https://minio.tracking.svc:9000", bucket="mlflow"),
            merged(MINIO, {"namespace": "tracking"}),
            True,
        ),
        (
            kfp(provider="other", endpoint="https://versitygw.tracking.svc:7070", bucket="mlflow"),
            {"overlay": "versitygw-postgres", "namespace": "tracking"},
            True,
        ),
        (kfp(provider="minio", endpoint="https://minio.tracking.svc:9000", bucket="mlflow"), MINIO, False),
        (
            kfp(provider="google") | {"pipelines": {"version": "2.14.4"}},
            {"overlay": "gcs-keys", "artifacts": {"bucket": "acme"}},
            True,
        ),
        (
            kfp(provider="alibaba") | {"pipelines": {"version": "2.14.4"}},
            {"overlay": "oss-keys", "artifacts": {"bucket": "acme", "region": "eu-central-1"}},
            True,
        ),
        (kfp(), {"overlay": "gcs-keys", "artifacts": {"bucket": "acme"}}, False),
        (kfp(), {"overlay": "local"}, False),
    ],
)
def test_bucket__is_the_same_whatever_it_is_reached_by(ours: Values, theirs: Values, *, same: bool) -> None:
    assert findings(ours, {"prod": theirs}) == [CODE] * same


def test_other_installations__and_environments_with_mistakes_say_nothing() -> None:
    others = {"kfp": kfp(), "broken": {**mlflow(), "nonsense": 1}, "none": {"overlay": "none"}}
    assert findings(kfp(), others) == []


def test_without_a_project__nothing_is_said() -> None:
    assert findings(KEYS) == []


def test_place__is_the_prefix_where_there_is_one() -> None:
    [found] = understood(kfp(prefix="kfp"), {"prod": mlflow()}).diagnostics
    assert found.line[found.place.column - 1 :].startswith('"kfp"')
    [found] = understood(kfp(), {"prod": mlflow()}).diagnostics
    assert found.line[found.place.column - 1 :].startswith('"acme"')
