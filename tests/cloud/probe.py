# mypy: disable-error-code="import-not-found,import-untyped"
"""Asks a store that speaks S3's protocol for one thing after the other; run by itself, not imported.

Reads a list of steps from standard input, each a list of a word and its arguments, and writes a list of what came of each:
"yes", "no" where it is not allowed, or the code of another error. Reads ENDPOINT and AWS_* from the environment.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

PART = b"p" * (5 * 1024 * 1024)


def upload(store: Any, bucket: str, key: str, *, end: str) -> None:
    """An upload in parts, to its end or given up."""
    where = {"Bucket": bucket, "Key": key}
    where["UploadId"] = store.create_multipart_upload(**where)["UploadId"]
    part = store.upload_part(**where, PartNumber=1, Body=PART)
    store.list_parts(**where)
    if end == "abort":
        store.abort_multipart_upload(**where)
        return
    parts = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
    store.complete_multipart_upload(**where, MultipartUpload=parts)


def steps(store: Any, anywhere: Any) -> dict[str, Callable[..., Any]]:
    """What each word does. In: a client of the bucket's region, and one of the region where no place is named."""
    return {
        "make": lambda bucket: anywhere.create_bucket(Bucket=bucket),
        "bucket": lambda bucket: store.head_bucket(Bucket=bucket),
        "location": lambda bucket: store.get_bucket_location(Bucket=bucket),
        "list": lambda bucket, prefix: store.list_objects_v2(Bucket=bucket, Prefix=prefix, Delimiter="/"),
        "list-all": lambda bucket: store.list_objects_v2(Bucket=bucket),
        "versions": lambda bucket: store.list_object_versions(Bucket=bucket),
        "uploads": lambda bucket: store.list_multipart_uploads(Bucket=bucket),
        "put": lambda bucket, key: store.put_object(Bucket=bucket, Key=key, Body=b"x"),
        "put-tagged": lambda bucket, key: store.put_object(Bucket=bucket, Key=key, Body=b"x", Tagging="team=1"),
        "get": lambda bucket, key: store.get_object(Bucket=bucket, Key=key)["Body"].read(),
        "head": lambda bucket, key: store.head_object(Bucket=bucket, Key=key),
        "delete": lambda bucket, key: store.delete_object(Bucket=bucket, Key=key),
        "delete-several": lambda bucket, *keys: _several(store, bucket, keys),
        "copy": lambda bucket, key, to: store.copy_object(Bucket=bucket, Key=to, CopySource=f"{bucket}/{key}"),
        "complete": lambda bucket, key: upload(store, bucket, key, end="complete"),
        "abort": lambda bucket, key: upload(store, bucket, key, end="abort"),
        "versioning": lambda bucket: store.get_bucket_versioning(Bucket=bucket),
        "suspend": lambda bucket: store.put_bucket_versioning(
            Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}
        ),
        "policy": lambda bucket: store.get_bucket_policy(Bucket=bucket),
        "open": lambda bucket: store.put_bucket_policy(Bucket=bucket, Policy="{}"),
        "forget": lambda bucket: store.delete_bucket_lifecycle(Bucket=bucket),
        "remove": lambda bucket: store.delete_bucket(Bucket=bucket),
    }


def _several(store: Any, bucket: str, keys: tuple[str, ...]) -> None:
    """Deletes objects at once; the answer is good even where it says of each that it may not be."""
    answer = store.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys]})
    for error in answer.get("Errors", []):
        raise ClientError({"Error": {"Code": error["Code"]}}, "DeleteObjects")


def verdict(step: Callable[..., Any], arguments: list[str]) -> str:
    """What came of a step."""
    try:
        step(*arguments)
    except ClientError as error:
        code = str(error.response["Error"]["Code"])
        return "no" if code in ("AccessDenied", "403", "AccessDeniedException") else code
    return "yes"


def main() -> None:
    """Runs every step."""
    # A store that is no Amazon's has its bucket in the path.
    config = Config(s3={"addressing_style": "path"})
    address = os.environ["ENDPOINT"]
    known = steps(
        boto3.client("s3", endpoint_url=address, config=config),
        boto3.client("s3", endpoint_url=address, region_name="us-east-1", config=config),
    )
    json.dump([verdict(known[word], arguments) for word, *arguments in json.load(sys.stdin)], sys.stdout)


if __name__ == "__main__":
    main()
