"""What an environment needs of a store that speaks the protocol of S3: buckets, and the policies of users.

The grammar of policies is Amazon's, as MinIO, Ceph and others read it. How users are made is each store's own affair.
"""

from __future__ import annotations

from shlex import quote

from compiler.cloud.aws.cli import without
from compiler.cloud.hcl import block, file, resource, settings, text
from compiler.cloud.lifecycle import blocks, rules
from compiler.cloud.need import Need
from compiler.cloud.place import Bucket
from compiler.cloud.policy import text as as_json
from compiler.cloud.script import note, page, script, steps

_NEEDS = "Run again, it changes nothing. It needs the AWS CLI, with keys of somebody who may do that."


def documents(need: Need) -> dict[str, str]:
    """The files of `s3/`."""
    files = {user.file("permissions"): as_json(user.permissions) for user in need.users}
    what = {user.file("permissions"): f"what {_whose(user.who)} user may do" for user in need.users}
    if need.cloud.tool == "terraform":
        files["main.tf"] = _main(need)
        what["main.tf"] = "the bucket, for Terraform or OpenTofu"
        commands = ["terraform init", "terraform apply"]
    else:
        for bucket in need.buckets:
            path = bucket.file("lifecycle")
            files[path] = as_json(rules(bucket.places, need.kept, tiering=False))
            what[path] = f"what the bucket {bucket.name} deletes by itself"
        files["bucket.sh"] = _script(need)
        what["bucket.sh"] = "creates the bucket, with versions and lifecycle where the store has them"
        commands = ["sh bucket.sh"]
    who = "a user that" if len(need.users) == 1 else "users that"
    about = f"What the environment {need.name} needs of its store: a bucket, and {who} may use it."
    run = steps(need.name, "s3", commands, [])
    return {**files, "README.md": page(need.name, "The store", about, what, run, _users(need))}


def _whose(who: str) -> str:
    return f"{who}'" if who.endswith("s") else f"{who}'s"


def _users(need: Need) -> str:
    made = "".join(
        f"mc admin policy create store {user.name} {user.file('permissions')}\n"
        f"mc admin user add store\n"
        f"mc admin policy attach store {user.name} --user ...\n"
        for user in need.users
    )
    title, words = "The users", "The store makes them, each with a policy of its own"
    if len(need.users) == 1:
        title, words = "The user", f"The store makes it, with `{need.users[0].file('permissions')}` as its policy"
    return f"""## {title}

{words}. For MinIO, with `store` as an alias of an administrator:

```sh
{made}```

{need.login}"""


def _script(need: Need) -> str:
    about = f"Creates {need.names}, or sets it up where it is there. {_NEEDS}"
    where = f"""endpoint={quote(need.endpoint)}
region={quote(need.region)}
# Newer checksums of Amazon's client are not understood by every store.
export AWS_REQUEST_CHECKSUM_CALCULATION=when_required AWS_RESPONSE_CHECKSUM_VALIDATION=when_required
store() {{
  aws s3api --endpoint-url "$endpoint" --region "$region" "$@"
}}
"""
    if need.authority:
        where = "# The authority of the endpoint's certificate: the file that is the Secret's ca.crt.\n" + (
            ': "${AWS_CA_BUNDLE:?set it to the file with the authority that signed the certificate of the endpoint}"\n'
            + where
        )
    return script(need.name, about, where, *(_bucket(bucket, need) for bucket in need.buckets))


def _bucket(bucket: Bucket, need: Need) -> str:
    status, rules = "Enabled" if need.kept.versioning else "Suspended", bucket.file("lifecycle")
    return f"""bucket={quote(bucket.name)}
if ! store head-bucket --bucket "$bucket" > /dev/null 2>&1; then
  store create-bucket --bucket "$bucket" > /dev/null
fi
others=$(store get-bucket-lifecycle-configuration --bucket "$bucket" \\
  --query 'Rules[].[ID]' --output text 2> /dev/null | {without(bucket)} || true)
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


def _main(need: Need) -> str:
    switches = ("skip_credentials_validation", "skip_region_validation", "skip_requesting_account_id")
    parts = [
        settings(
            "aws",
            "hashicorp/aws",
            ">= 5.0",
            ("region", text(need.region)),
            ("s3_use_path_style", "false" if need.virtual else "true"),
            *((each, "true") for each in switches),
            *([("custom_ca_bundle", "var.ca_bundle")] if need.authority else []),
            block("endpoints", ("s3", text(need.endpoint))),
        )
    ]
    if need.authority:
        about = text("the file with the authority of the endpoint's certificate")
        parts.append(block('variable "ca_bundle"', ("description", about), ("type", "string")))
    for bucket in need.buckets:
        what, whose = bucket.what, ("bucket", f"aws_s3_bucket.{bucket.what}.id")
        kept = block("lifecycle", ("prevent_destroy", "true"))
        parts.append(resource("aws_s3_bucket", what, ("bucket", text(bucket.name)), kept))
        status = ("status", text("Enabled" if need.kept.versioning else "Suspended"))
        parts.append(resource("aws_s3_bucket_versioning", what, whose, block("versioning_configuration", status)))
        after = ("depends_on", f"[aws_s3_bucket_versioning.{what}]")
        own = blocks(bucket.places, need.kept, tiering=False)
        parts.append(resource("aws_s3_bucket_lifecycle_configuration", what, whose, after, *own))
    return file(note(need.name), *parts)
