"""What an environment needs of Alibaba Cloud: a bucket of OSS, and a user that may use the environment's paths of it alone.

https://www.alibabacloud.com/help/en/oss/user-guide/ram-policy-overview
"""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from compiler.cloud.hcl import block, file, resource, settings, text
from compiler.cloud.place import Bucket, Kept, Place, buckets, kept, places
from compiler.cloud.policy import Document
from compiler.cloud.policy import text as as_json
from compiler.cloud.script import note, page, script, steps

if TYPE_CHECKING:
    from compiler.environment import Environment

_OBJECTS = ("AbortMultipartUpload", "DeleteObject", "GetObject", "ListParts", "PutObject")
_NEEDS = "It needs the Alibaba Cloud CLI, logged in as somebody who may do that."


def documents(environment: Environment) -> dict[str, str]:
    """The files of `alibaba/`."""
    name = _name(environment)
    files = {"permissions.json": as_json(_permissions(environment))}
    what = {"permissions.json": f"what the user {name} may do"}
    if environment.cloud.tool == "terraform":
        files["main.tf"] = _main(environment)
        what["main.tf"] = "the bucket and the user, for Terraform or OpenTofu"
        commands = ["terraform init", "terraform apply"]
    else:
        for bucket in buckets(environment):
            path = bucket.file("lifecycle", "xml")
            files[path] = _rules(bucket.places, kept(environment))
            what[path] = f"what the bucket {bucket.name} deletes by itself"
        files["bucket.sh"], files["iam.sh"] = _bucket_script(environment), _iam_script(environment)
        what["bucket.sh"] = "creates the bucket, private, with versions, encryption and lifecycle"
        what["iam.sh"] = f"creates the user {name}"
        commands = ["sh bucket.sh", "sh iam.sh"]
    about = f"What the environment {environment.name} needs of Alibaba Cloud: its bucket, and a user that may use it."
    run = steps(environment.name, "alibaba", commands, [])
    return {**files, "README.md": page(environment.name, "Alibaba Cloud", about, what, run, _keys(environment))}


def _name(environment: Environment) -> str:
    return environment.cloud.name or f"mlflow-{environment.name}"[:64]


def _permissions(environment: Environment) -> Document:
    """The policy of the user, in RAM's grammar."""
    every = places(environment)
    statements = [_statement(["oss:GetBucketLocation"], [f"acs:oss:*:*:{each.name}" for each in buckets(environment)])]
    for place in every:
        condition = {"Condition": {"StringLike": {"oss:Prefix": [f"{place.start}*"]}}} if place.prefix else {}
        statements.append({**_statement(["oss:ListObjects"], [f"acs:oss:*:*:{place.bucket}"]), **condition})
    inside = [f"acs:oss:*:*:{place.bucket}/{place.start}*" for place in every]
    statements.append(_statement([f"oss:{action}" for action in _OBJECTS], inside))
    return {"Version": "1", "Statement": statements}


def _statement(actions: list[str], resources: list[str]) -> Document:
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


def _rules(inside: tuple[Place, ...], keeps: Kept) -> str:
    """https://www.alibabacloud.com/help/en/oss/developer-reference/putbucketlifecycle."""
    rules = "".join(_rule(place, keeps) for place in inside)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<LifecycleConfiguration>\n{rules}</LifecycleConfiguration>\n'


def _rule(place: Place, keeps: Kept) -> str:
    days = f"<NoncurrentDays>{keeps.noncurrent_days}</NoncurrentDays>"
    old = f"    <NoncurrentVersionExpiration>{days}</NoncurrentVersionExpiration>\n"
    return f"""  <Rule>
    <ID>{escape(place.rule)}</ID>
    <Prefix>{escape(place.start)}</Prefix>
    <Status>Enabled</Status>
    <AbortMultipartUpload><Days>{keeps.incomplete_days}</Days></AbortMultipartUpload>
{old if keeps.noncurrent_days else ""}  </Rule>
"""


def _bucket_script(environment: Environment) -> str:
    oss, every = environment.artifacts.settings, buckets(environment)
    status = "enabled" if kept(environment).versioning else "suspended"
    names = " and the bucket ".join(bucket.name for bucket in every)
    about = f"Creates the bucket {names}, or sets it up where it is there; other rules of its lifecycle are replaced. {_NEEDS}"
    parts = [
        f"""bucket={quote(bucket.name)}
if ! aliyun oss stat "oss://$bucket" --region "$region" > /dev/null 2>&1; then
  aliyun oss mb "oss://$bucket" --region "$region" --acl private
fi
aliyun oss bucket-versioning --method put "oss://$bucket" {status} --region "$region"
aliyun oss bucket-encryption --method put "oss://$bucket" --sse-algorithm AES256 --region "$region"
aliyun oss lifecycle --method put "oss://$bucket" {bucket.file("lifecycle", "xml")} --region "$region"
echo "the bucket $bucket is ready"
"""
        for bucket in every
    ]
    return script(environment.name, about, f"region={quote(oss.region)}", *parts)


def _iam_script(environment: Environment) -> str:
    name = _name(environment)
    about = f"Creates the user {name}, with permissions.json. Run again, it changes nothing. {_NEEDS}"
    return script(
        environment.name,
        about,
        f"""name={quote(name)}
if ! aliyun ram GetUser --UserName "$name" > /dev/null 2>&1; then
  aliyun ram CreateUser --UserName "$name" > /dev/null
fi
if ! aliyun ram GetPolicy --PolicyName "$name" --PolicyType Custom > /dev/null 2>&1; then
  aliyun ram CreatePolicy --PolicyName "$name" --PolicyDocument "$(cat permissions.json)" > /dev/null
  aliyun ram AttachPolicyToUser --PolicyName "$name" --PolicyType Custom --UserName "$name" > /dev/null
else
  aliyun ram CreatePolicyVersion --PolicyName "$name" --PolicyDocument "$(cat permissions.json)" --SetAsDefault true \\
    --RotateStrategy DeleteOldestNonDefaultVersionWhenLimitExceeded > /dev/null
fi
echo "the user $name is ready"
""",
    )


def _main(environment: Environment) -> str:
    region = environment.artifacts.settings.region
    return file(
        note(environment.name),
        settings("alicloud", "aliyun/alicloud", ">= 1.230", ("region", text(region))),
        *(_bucket(bucket, kept(environment)) for bucket in buckets(environment)),
        *_user(_name(environment)),
    )


def _bucket(bucket: Bucket, keeps: Kept) -> str:
    return resource(
        "alicloud_oss_bucket",
        bucket.what,
        ("bucket", text(bucket.name)),
        block("versioning", ("status", text("Enabled" if keeps.versioning else "Suspended"))),
        block("server_side_encryption_rule", ("sse_algorithm", text("AES256"))),
        *(_rule_block(place, keeps) for place in bucket.places),
        block("lifecycle", ("prevent_destroy", "true")),
    )


def _rule_block(place: Place, keeps: Kept) -> str:
    parts = [block("abort_multipart_upload", ("days", str(keeps.incomplete_days)))]
    if keeps.noncurrent_days:
        parts.append(block("noncurrent_version_expiration", ("days", str(keeps.noncurrent_days))))
    where = ("prefix", text(place.start))
    return block("lifecycle_rule", ("id", text(place.rule)), where, ("enabled", "true"), *parts)


def _user(name: str) -> Iterator[str]:
    document = ("policy_document", 'file("${path.module}/permissions.json")')
    yield resource("alicloud_ram_user", "mlflow", ("name", text(name)))
    yield resource("alicloud_ram_policy", "mlflow", ("policy_name", text(name)), document)
    yield resource(
        "alicloud_ram_user_policy_attachment",
        "mlflow",
        ("user_name", "alicloud_ram_user.mlflow.name"),
        ("policy_name", "alicloud_ram_policy.mlflow.policy_name"),
        ("policy_type", "alicloud_ram_policy.mlflow.type"),
    )


def _keys(environment: Environment) -> str:
    return f"""## Access keys

No document has any: `aliyun ram CreateAccessKey --UserName {_name(environment)}` makes a pair, and shows it once. `SECRETS.md`
has the command that makes the Secret of it.
"""
