"""What an environment needs of a store that speaks the protocol of S3: a bucket, and the policy of a user.

The grammar of policies is Amazon's, as MinIO, Ceph and others read it. How users are made is each store's own affair.
"""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from compiler.cloud.aws.cli import lifecycle_file, without
from compiler.cloud.hcl import block, file, resource, settings, text
from compiler.cloud.lifecycle import blocks, rules
from compiler.cloud.place import Place, buckets, kept
from compiler.cloud.policy import documented, policy, storage
from compiler.cloud.policy import text as as_json
from compiler.cloud.script import note, page, script, steps

if TYPE_CHECKING:
    from compiler.environment import Environment

_HEAD = "arn:aws:s3:::"
_NEEDS = "Run again, it changes nothing. It needs the AWS CLI, with keys of somebody who may do that."


def documents(environment: Environment) -> dict[str, str]:
    """The files of `s3/`."""
    is_documented = environment.cloud.iam == "documented"
    permissions = documented(environment, _HEAD) if is_documented else policy(storage(environment, _HEAD))
    files = {"permissions.json": as_json(permissions)}
    what = {"permissions.json": "what the server's user may do"}
    if environment.cloud.tool == "terraform":
        files["main.tf"] = _main(environment)
        what["main.tf"] = "the bucket, for Terraform or OpenTofu"
        commands = ["terraform init", "terraform apply"]
    else:
        for index, (name, places) in enumerate(buckets(environment).items()):
            path = lifecycle_file(index)
            files[path] = as_json(rules(places, kept(environment), tiering=False))
            what[path] = f"what the bucket {name} deletes by itself"
        files["bucket.sh"] = _script(environment)
        what["bucket.sh"] = "creates the bucket, with versions and lifecycle where the store has them"
        commands = ["sh bucket.sh"]
    about = f"What the environment {environment.name} needs of its store: a bucket, and a user that may use it."
    return {
        **files,
        "README.md": page(environment, "The store", about, what, steps(environment, "s3", commands, []), _user()),
    }


def _user() -> str:
    return """## The user

The store makes it, with `permissions.json` as its policy. For MinIO, with `store` as an alias of an administrator:

```sh
mc admin policy create store mlflow permissions.json
mc admin user add store
mc admin policy attach store mlflow --user ...
```

`SECRETS.md` has the command that gives the server its keys.
"""


def _script(environment: Environment) -> str:
    s3, every = environment.artifacts.settings, buckets(environment)
    about = f"Creates the bucket {' and the bucket '.join(every)}, or sets it up where it is there. {_NEEDS}"
    where = f"""endpoint={quote(s3.endpoint)}
region={quote(s3.region)}
# Newer checksums of Amazon's client are not understood by every store.
export AWS_REQUEST_CHECKSUM_CALCULATION=when_required AWS_RESPONSE_CHECKSUM_VALIDATION=when_required
store() {{
  aws s3api --endpoint-url "$endpoint" --region "$region" "$@"
}}
"""
    if s3.ca_secret:
        where = "# The authority of the endpoint's certificate: the file that is the Secret's ca.crt.\n" + (
            ': "${AWS_CA_BUNDLE:?set it to the file with the authority that signed the certificate of the endpoint}"\n'
            + where
        )
    parts = [
        _bucket(name, places, lifecycle_file(index), environment) for index, (name, places) in enumerate(every.items())
    ]
    return script(environment, about, where, *parts)


def _bucket(name: str, places: tuple[Place, ...], rules: str, environment: Environment) -> str:
    status = "Enabled" if kept(environment).versioning else "Suspended"
    return f"""bucket={quote(name)}
if ! store head-bucket --bucket "$bucket" > /dev/null 2>&1; then
  store create-bucket --bucket "$bucket" > /dev/null
fi
others=$(store get-bucket-lifecycle-configuration --bucket "$bucket" \\
  --query 'Rules[].[ID]' --output text 2> /dev/null | {without(places)} || true)
if [ -n "$others" ]; then
  echo "$bucket has rules that {rules} would replace: $others; add the rules of {rules} to them by hand" >&2
  exit 1
fi
if ! store put-bucket-versioning --bucket "$bucket" --versioning-configuration Status={status}; then
  echo "the store keeps no old versions of objects" >&2
fi
if ! store put-bucket-lifecycle-configuration --bucket "$bucket" --lifecycle-configuration file://{rules} > /dev/null; then
  echo "the store does not take {rules}" >&2
fi
echo "the bucket $bucket is ready"
"""


def _main(environment: Environment) -> str:
    s3, keeps = environment.artifacts.settings, kept(environment)
    switches = ("skip_credentials_validation", "skip_region_validation", "skip_requesting_account_id")
    parts = [
        settings(
            "aws",
            "hashicorp/aws",
            ">= 5.0",
            ("region", text(s3.region)),
            ("s3_use_path_style", "false" if s3.addressing_style == "virtual" else "true"),
            *((each, "true") for each in switches),
            *([("custom_ca_bundle", "var.ca_bundle")] if s3.ca_secret else []),
            block("endpoints", ("s3", text(s3.endpoint))),
        )
    ]
    if s3.ca_secret:
        about = text("the file with the authority of the endpoint's certificate")
        parts.append(block('variable "ca_bundle"', ("description", about), ("type", "string")))
    for number, (name, places) in enumerate(buckets(environment).items()):
        what = "backups" if number else "artifacts"
        whose = ("bucket", f"aws_s3_bucket.{what}.id")
        parts.append(
            resource("aws_s3_bucket", what, ("bucket", text(name)), block("lifecycle", ("prevent_destroy", "true")))
        )
        status = ("status", text("Enabled" if keeps.versioning else "Suspended"))
        parts.append(resource("aws_s3_bucket_versioning", what, whose, block("versioning_configuration", status)))
        after = ("depends_on", f"[aws_s3_bucket_versioning.{what}]")
        own = blocks(places, keeps, tiering=False)
        parts.append(resource("aws_s3_bucket_lifecycle_configuration", what, whose, after, *own))
    return file(note(environment), *parts)
