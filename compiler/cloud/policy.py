"""IAM policies as values: what Amazon's grammar and those that follow it have in common.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from compiler.bucket import partition
from compiler.cloud.place import Place

Document = dict[str, Any]
"""A policy as JSON has it."""

_OBJECTS = ("AbortMultipartUpload", "DeleteObject", "GetObject", "ListMultipartUploadParts", "PutObject")
"""What clients do to an object; parts are uploaded, and uploads completed, with PutObject."""


def text(document: Any) -> str:
    """A document as the text of its file."""
    return json.dumps(document, indent=2) + "\n"


def policy(statements: Sequence[Document]) -> Document:
    """A policy of these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(sid: str, actions: Sequence[str], resources: Sequence[str], condition: Document | None = None) -> Document:
    """A statement that allows something, perhaps under a condition. In: its name, or nothing."""
    statement = {"Effect": "Allow", "Action": [f"s3:{action}" for action in actions], "Resource": list(resources)}
    return ({"Sid": sid} if sid else {}) | statement | ({"Condition": condition} if condition else {})


def storage(places: Sequence[Place], head: str, more: Iterable[str] = ()) -> list[Document]:
    """What somebody may do who sees these places alone. In: what ARNs start with, as `arn:aws:s3:::`; more actions on objects."""
    return [
        allow("Location", ["GetBucketLocation"], wholes(places, head)),
        *(_list(place, head) for place in places),
        objects(places, head, more),
    ]


def objects(places: Sequence[Place], head: str, more: Iterable[str] = ()) -> Document:
    """What may be done to every object in places. In: as above."""
    return allow("Objects", sorted({*_OBJECTS, *more}), insides(places, head))


def wholes(places: Sequence[Place], head: str) -> list[str]:
    """The ARNs of the buckets that places are in."""
    return list(dict.fromkeys(f"{head}{place.bucket}" for place in places))


def insides(places: Sequence[Place], head: str) -> list[str]:
    """The ARNs of everything in places."""
    return [f"{head}{place.bucket}/{_exactly(place.start)}*" for place in places]


def _list(place: Place, head: str) -> Document:
    """MLflow lists with a prefix that ends with a slash, or that is longer."""
    condition = below([place]) if place.prefix else None
    return allow(f"List{place.what.title()}", ["ListBucket"], [f"{head}{place.bucket}"], condition)


def below(places: Sequence[Place]) -> Document:
    """The condition that a list is of what is in one of these places."""
    return {"StringLike": {"s3:prefix": [f"{_exactly(place.start)}*" for place in places]}}


def _exactly(start: str) -> str:
    """A text that stands for itself alone: in a prefix, a star may be meant as one."""
    return start.replace("*", "${*}")


def encryption(key: str, region: str) -> Document:
    """The use of a key of KMS: S3 encrypts and decrypts for the one who asks, and decrypts to complete an upload of parts too.

    Permissions are given on keys alone: an alias is a condition of the request.
    https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html
    """
    suffix = ".cn" if partition(region) == "aws-cn" else ""
    condition: Document = {"StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com{suffix}"}}
    start, is_alias, alias = key.partition(":alias/")
    if is_alias:
        condition["ForAnyValue:StringEquals"] = {"kms:ResourceAliases": f"alias/{alias}"}
    resource = f"{start}:key/*" if is_alias else key
    actions = ["kms:Decrypt", "kms:GenerateDataKey"]
    return {"Sid": "Encryption", "Effect": "Allow", "Action": actions, "Resource": [resource], "Condition": condition}
