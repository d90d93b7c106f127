# mypy: disable-error-code="import-not-found,import-untyped"
"""A container of Azure Blob Storage from the side of its administrator: run in a pod or beside it, not imported.

container.py create    creates the container
container.py list      prints every blob of it

Reads ACCOUNT, KEY, CONTAINER, and ADDRESS: the URL of the account.
"""

from __future__ import annotations

import json
import os
import sys

from azure.storage.blob import ContainerClient


def main() -> None:
    """Prints one line of JSON."""
    name = os.environ["CONTAINER"]
    credential = {"account_name": os.environ["ACCOUNT"], "account_key": os.environ["KEY"]}
    client = ContainerClient(os.environ["ADDRESS"], name, credential=credential)
    if sys.argv[1] == "create":
        client.create_container()
    blobs = [{"bucket": name, "key": blob.name, "size": blob.size, "kms": ""} for blob in client.list_blobs()]
    sys.stdout.write(f"\n{json.dumps(blobs)}\n")


if __name__ == "__main__":
    main()
