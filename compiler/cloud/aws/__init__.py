"""What an environment needs of Amazon: a bucket, and a role or user that may use the environment's paths of it alone.

Sources: the references of the AWS CLI and of Terraform's provider; Amazon EKS's guide for the trust of roles
(https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html, .../pod-id-role.html).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.cloud.aws import cli, terraform
from compiler.cloud.aws.role import Role, permissions, role, trust
from compiler.cloud.lifecycle import rules
from compiler.cloud.place import buckets, kept
from compiler.cloud.policy import text
from compiler.cloud.script import page, steps

if TYPE_CHECKING:
    from compiler.environment import Environment


def documents(environment: Environment) -> dict[str, str]:
    """The files of `aws/`."""
    known = role(environment)
    files = {"permissions.json": text(permissions(environment))}
    what = {"permissions.json": f"what {known.words} may do"}
    if known.is_role:
        files["trust.json"] = text(trust(environment))
        what["trust.json"] = "who may assume the role: the pods of the server, and nobody else"
    if environment.cloud.tool == "terraform":
        files["main.tf"] = terraform.main(environment, known)
        what["main.tf"] = f"the bucket and {known.words}, for Terraform or OpenTofu"
        commands = ["terraform init", "terraform apply"]
    else:
        for index, (name, places) in enumerate(buckets(environment).items()):
            path = cli.lifecycle_file(index)
            files[path] = text(rules(places, kept(environment), tiering=True))
            what[path] = f"what the bucket {name} deletes, and moves to cheaper storage, by itself"
        files["bucket.sh"] = cli.bucket(environment, known)
        files["iam.sh"] = cli.iam(environment, known)
        what["bucket.sh"] = "creates the bucket, with versions, encryption, lifecycle and no public access"
        what["iam.sh"] = f"creates {known.words}"
        commands = ["sh bucket.sh", "sh iam.sh"]
    about = f"What the environment {environment.name} needs of Amazon: its bucket, and {known.words} of the server."
    run = steps(environment, "aws", commands, known.inputs)
    return {
        **files,
        "README.md": page(environment, "Amazon", about, what, run, _shared(environment), _keys(known, environment)),
    }


def _shared(environment: Environment) -> str:
    text = "Versions, encryption and the block of public access hold for the whole bucket"
    if environment.cloud.tool == "terraform":
        return f"{text}. `terraform import` one that is there\nfirst; a plan that replaces rules of its lifecycle shows them.\n"
    return (
        f"{text}. One that is there\nand has other rules of lifecycle is left alone: the script says so, and stops.\n"
    )


def _keys(known: Role, environment: Environment) -> str:
    """How access keys become the Secret without being seen."""
    if known.is_role:
        return ""
    secret, namespace = environment.artifacts.settings.existing_secret, environment.namespace.name
    return f"""## Access keys

No document has any. This creates a pair, and the Secret of it; the keys are neither shown nor kept:

```sh
aws iam create-access-key --user-name {known.name} --query 'AccessKey.[AccessKeyId,SecretAccessKey]' --output text \\
  | awk '{{print "AWS_ACCESS_KEY_ID=" $1 "\\nAWS_SECRET_ACCESS_KEY=" $2}}' \\
  | kubectl create secret generic {secret} -n {namespace} --from-env-file=/dev/stdin
```
"""
