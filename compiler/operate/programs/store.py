# mypy: disable-error-code="import-not-found,import-untyped"
"""Tries out the object store with all that the server's pod has: sent into that pod, never imported.

In: the URI that artifacts are kept under, and a name that nobody else uses. Prints one line of JSON, a list of steps: what was
done, whether it went well, and the error in the words of the store's client.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

CONTENT = "written by mlflow-overlays doctor\n"
LONGEST = 600


def chain(error: BaseException) -> Iterator[BaseException]:
    """An error and all that led to it."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__


def code(error: BaseException) -> str:
    """What the store calls the error, or else the client."""
    for each in chain(error):
        response = getattr(each, "response", None)
        if isinstance(response, dict) and response.get("Error", {}).get("Code"):
            return str(response["Error"]["Code"])
        if named := getattr(each, "error_code", None):
            return str(getattr(named, "value", named))
        if found := re.search(r"An error occurred \((\w+)\)", str(each)):
            return found[1]
    return type(list(chain(error))[-1]).__name__


def step(name: str, act: Callable[[], Any]) -> dict[str, Any]:
    """Does something, and tells how it went."""
    try:
        said = act()
    except Exception as error:  # noqa: BLE001 - told to whoever asked
        words = f"{type(error).__name__}: {error}"[:LONGEST]
        return {"step": name, "ok": False, "code": code(error), "error": words, "region": region_of(error)}
    return {"step": name, "ok": True, "said": said}


def region_of(error: BaseException) -> str:
    """The region that the bucket is in, where the store's answer names it."""
    for each in chain(error):
        response = getattr(each, "response", None)
        if isinstance(response, dict):
            headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
            return str(headers.get("x-amz-bucket-region") or response.get("Error", {}).get("Region") or "")
    return ""


def s3() -> Any:
    """The client of S3, with the server's settings."""
    import boto3
    from botocore.config import Config

    style = os.environ.get("MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE", "auto")
    config = Config(s3={"addressing_style": style}, connect_timeout=10, read_timeout=20, retries={"max_attempts": 1})
    return boto3.client("s3", endpoint_url=os.environ.get("MLFLOW_S3_ENDPOINT_URL"), config=config)


def reached() -> str:
    """Whether the address of the store is known and listens."""
    url = urlsplit(s3().meta.endpoint_url)
    port = url.port or (443 if url.scheme == "https" else 80)
    with socket.create_connection((url.hostname or "", port), timeout=10):
        return f"{url.hostname}:{port}"


def identity() -> str:
    """How the client logs in."""
    import boto3

    found = boto3.Session().get_credentials()
    if found is None:
        raise LookupError("the client finds no credentials")
    # Asked for, a role's credentials are fetched.
    found.get_frozen_credentials()
    return str(found.method)


def bucket(name: str) -> str:
    """The region of the bucket."""
    client = s3()
    answer = client.head_bucket(Bucket=name)
    there = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("x-amz-bucket-region", "")
    return f"{there} {client.meta.region_name}"


def round_trip(uri: str, name: str) -> str:
    """Writes a file under the prefix, reads it back, and deletes it, as MLflow would."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    store = get_artifact_repository(uri)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "test.txt"
        file.write_text(CONTENT, encoding="utf-8")
        store.log_artifact(str(file), name)
        try:
            back = Path(store.download_artifacts(f"{name}/test.txt")).read_text(encoding="utf-8")
        finally:
            store.delete_artifacts(name)
    if back != CONTENT:
        raise ValueError("other bytes came back than were written")
    left = [entry.path for entry in store.list_artifacts(name)]
    if left:
        raise ValueError(f"what was written is still listed after it was deleted: {', '.join(left)}")
    return uri


def steps(uri: str, name: str) -> Iterator[dict[str, Any]]:
    """All steps for a URI. What tells more of S3 than a refused write does comes first."""
    url = urlsplit(uri)
    if url.scheme == "s3":
        yield step("reach", reached)
        yield step("identity", identity)
        yield step("bucket", lambda: bucket(url.netloc))
    yield step("write", lambda: round_trip(uri, name))


def main() -> None:
    """Prints the steps."""
    with contextlib.redirect_stdout(sys.stderr):
        found = list(steps(*sys.argv[1:3]))
    sys.stdout.write(f"\n{json.dumps(found)}\n")


if __name__ == "__main__":
    main()
