"""The lifecycle of a bucket in the words of S3.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleRule.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from compiler.cloud.hcl import block, text
from compiler.cloud.place import Kept, Place

_TIER = "INTELLIGENT_TIERING"


def rules(places: Sequence[Place], kept: Kept, *, tiering: bool) -> dict[str, Any]:
    """The rules of a bucket, one a place. `tiering` moves objects to Intelligent-Tiering, which only Amazon has."""
    return {"Rules": [_rule(place, kept, tiering) for place in places]}


def _rule(place: Place, kept: Kept, tiering: bool) -> dict[str, Any]:  # noqa: FBT001 - named above
    rule: dict[str, Any] = {"ID": place.rule, "Status": "Enabled", "Filter": {"Prefix": place.start}}
    rule["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": kept.incomplete_days}
    if kept.noncurrent_days:
        rule["NoncurrentVersionExpiration"] = {"NoncurrentDays": kept.noncurrent_days}
        rule["Expiration"] = {"ExpiredObjectDeleteMarker": True}
    if tiering:
        rule["Transitions"] = [{"Days": 0, "StorageClass": _TIER}]
    return rule


def blocks(places: Sequence[Place], kept: Kept, *, tiering: bool) -> list[str]:
    """The same rules as blocks of Terraform's `aws_s3_bucket_lifecycle_configuration`."""
    return [_block(place, kept, tiering) for place in places]


def _block(place: Place, kept: Kept, tiering: bool) -> str:  # noqa: FBT001 - named above
    days = str(kept.incomplete_days)
    parts = [
        block("filter", ("prefix", text(place.start))),
        block("abort_incomplete_multipart_upload", ("days_after_initiation", days)),
    ]
    if kept.noncurrent_days:
        parts.append(block("noncurrent_version_expiration", ("noncurrent_days", str(kept.noncurrent_days))))
        parts.append(block("expiration", ("expired_object_delete_marker", "true")))
    if tiering:
        parts.append(block("transition", ("days", "0"), ("storage_class", text(_TIER))))
    return block("rule", ("id", text(place.rule)), ("status", text("Enabled")), *parts)
