"""What an environment needs of Amazon: buckets, and roles or users that may use their own paths of them alone.

Sources: the references of the AWS CLI and of Terraform's provider; Amazon EKS's guide for the trust of roles
(https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html, .../pod-id-role.html).
"""

from __future__ import annotations

from compiler.cloud.aws import cli, terraform
from compiler.cloud.aws.trust import trust
from compiler.cloud.lifecycle import rules
from compiler.cloud.need import Need
from compiler.cloud.policy import text
from compiler.cloud.script import page, steps


def documents(need: Need) -> dict[str, str]:
    """The files of `aws/`."""
    files, what = {}, {}
    for user in need.users:
        files[user.file("permissions")] = text(user.permissions)
        what[user.file("permissions")] = f"what {user.words} may do"
        if user.is_role:
            files[user.file("trust")] = text(trust(need, user))
            what[user.file("trust")] = f"who may assume the role: the pods of {user.who}, and nobody else"
    if need.cloud.tool == "terraform":
        files["main.tf"] = terraform.main(need)
        what["main.tf"] = f"the bucket and {need.words}, for Terraform or OpenTofu"
        commands = ["terraform init", "terraform apply"]
    else:
        for bucket in need.buckets:
            path = bucket.file("lifecycle")
            files[path] = text(rules(bucket.places, need.kept, tiering=True))
            what[path] = f"what the bucket {bucket.name} deletes, and moves to cheaper storage, by itself"
        files["bucket.sh"] = cli.bucket(need)
        files["iam.sh"] = cli.iam(need)
        what["bucket.sh"] = "creates the bucket, with versions, encryption, lifecycle and no public access"
        what["iam.sh"] = f"creates {need.words}"
        commands = ["sh bucket.sh", "sh iam.sh"]
    about = f"What the environment {need.name} needs of Amazon: its bucket, and {need.words} of {need.who}."
    run = steps(need.name, "aws", commands, need.inputs)
    return {**files, "README.md": page(need.name, "Amazon", about, what, run, _shared(need), need.login)}


def _shared(need: Need) -> str:
    text = "Versions, encryption and the block of public access hold for the whole bucket"
    if need.cloud.tool == "terraform":
        return f"{text}. `terraform import` one that is there\nfirst; a plan that replaces rules of its lifecycle shows them.\n"
    return (
        f"{text}. One that is there\nand has other rules of lifecycle is left alone: the script says so, and stops.\n"
    )
