"""IAM policies as values: what Amazon's grammar and those that follow it have in common.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from compiler.cloud.place import Place, places

if TYPE_CHECKING:
    from compiler.environment import Environment

Document = dict[str, Any]
"""A policy as JSON has it."""

_OBJECTS = ("AbortMultipartUpload", "DeleteObject", "GetObject", "ListMultipartUploadParts", "PutObject")
"""What MLflow's `S3ArtifactRepository` does to an object; parts are uploaded, and uploads completed, with PutObject."""
_TOLD = {
    "ACL": "PutObjectAcl",
    "GrantFullControl": "PutObjectAcl",
    "GrantRead": "PutObjectAcl",
    "GrantReadACP": "PutObjectAcl",
    "GrantWriteACP": "PutObjectAcl",
    "ObjectLockLegalHoldStatus": "PutObjectLegalHold",
    "ObjectLockMode": "PutObjectRetention",
    "ObjectLockRetainUntilDate": "PutObjectRetention",
    "Tagging": "PutObjectTagging",
}
"""What an upload needs beside PutObject for what it is told.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
"""


def text(document: Any) -> str:
    """A document as the text of its file."""
    return json.dumps(document, indent=2) + "\n"


def policy(statements: Sequence[Document]) -> Document:
    """A policy of these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(sid: str, actions: Sequence[str], resources: Sequence[str], condition: Document | None = None) -> Document:
    """A statement that allows something, perhaps under a condition."""
    statement = {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": list(resources)}
    return {**statement, "Condition": condition} if condition else statement


def storage(environment: Environment, head: str) -> list[Document]:
    """What the server may do in its places, in the words of S3. In: what ARNs start with, as `arn:aws:s3:::`."""
    every = places(environment)
    whole = list(dict.fromkeys(f"{head}{place.bucket}" for place in every))
    told = {_TOLD[word] for word in environment.artifacts.settings.upload_args if word in _TOLD}
    actions = [f"s3:{action}" for action in sorted({*_OBJECTS, *told})]
    return [
        allow("Location", ["s3:GetBucketLocation"], whole),
        *(_list(place, head) for place in every),
        allow("Objects", actions, [f"{head}{place.bucket}/{_exactly(place.start)}*" for place in every]),
    ]


def _list(place: Place, head: str) -> Document:
    """MLflow lists with a prefix that ends with a slash, or that is longer."""
    condition = {"StringLike": {"s3:prefix": [f"{_exactly(place.start)}*"]}} if place.prefix else None
    return allow(f"List{place.what.title()}", ["s3:ListBucket"], [f"{head}{place.bucket}"], condition)


def _exactly(start: str) -> str:
    """A text that stands for itself alone: in a prefix, a star may be meant as one."""
    return start.replace("*", "${*}")


def documented(environment: Environment, head: str) -> Document:
    """The policies of the guides that environments of these kinds are known from: the whole bucket, in one statement."""
    words = ["GetObject", "PutObject", "DeleteObject", "ListBucket"]
    if environment.kind.identity == "keys":
        words = ["PutObject", "GetObject", "DeleteObject", "ListBucket", "GetBucketLocation"]
    names = dict.fromkeys(place.bucket for place in places(environment))
    resources = [each for name in names for each in (f"{head}{name}", f"{head}{name}/*")]
    return policy([{"Effect": "Allow", "Action": [f"s3:{word}" for word in words], "Resource": resources}])
