# mypy: disable-error-code="import-not-found,import-untyped"
"""An object store from the side of its administrator: run in a pod, not imported.

bucket.py list            prints every object of every bucket that can be seen
bucket.py create NAME     creates a bucket with one object in it
bucket.py spoil NAME KEY  changes what an object holds, and not its size
bucket.py read NAME       reads all objects of a bucket; fails where that is not allowed
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import boto3


def objects(store: Any, bucket: str) -> list[dict[str, Any]]:
    """The objects of a bucket, with what the store says of their encryption."""
    pages = store.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    heads = [(key, store.head_object(Bucket=bucket, Key=key)) for key in keys]
    return [
        {"bucket": bucket, "key": key, "size": head["ContentLength"], "kms": head.get("SSEKMSKeyId", "")}
        for key, head in heads
    ]


def main() -> None:
    """Prints one line of JSON."""
    store = boto3.client("s3", endpoint_url=os.environ.get("ENDPOINT"), region_name=os.environ["REGION"])
    command, *names = sys.argv[1:]
    if command == "create":
        store.create_bucket(Bucket=names[0])
        store.put_object(Bucket=names[0], Key="secret.txt", Body=b"not for MLflow")
    if command == "spoil":
        content = store.get_object(Bucket=names[0], Key=names[1])["Body"].read()
        store.put_object(Bucket=names[0], Key=names.pop(), Body=content[:-1] + bytes([content[-1] ^ 1]))
    buckets = names or [bucket["Name"] for bucket in store.list_buckets()["Buckets"]]
    sys.stdout.write(f"\n{json.dumps([entry for bucket in buckets for entry in objects(store, bucket)])}\n")


if __name__ == "__main__":
    main()
