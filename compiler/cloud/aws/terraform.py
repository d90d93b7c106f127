"""Buckets, and roles or users, for Terraform and OpenTofu."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.cloud.aws.trust import AUDIENCE, ISSUER
from compiler.cloud.hcl import block, data, file, resource, settings, text, texts, variable
from compiler.cloud.lifecycle import blocks
from compiler.cloud.need import Need, User
from compiler.cloud.place import Bucket
from compiler.cloud.script import note


def main(need: Need) -> str:
    """The file of everything."""
    region = ("region", text(need.region))
    owner = [("allowed_account_ids", texts([need.account_id]))] if need.account_id else []
    return file(
        note(need.name),
        settings("aws", "hashicorp/aws", ">= 5.0", region, *owner),
        *(variable(given) for given in need.inputs),
        *(each for bucket in need.buckets for each in _bucket(need, bucket)),
        *(_provider() if need.asks else ()),
        *(each for user in need.users for each in _user(need, user)),
    )


def _bucket(need: Need, bucket: Bucket) -> Iterator[str]:
    what = bucket.what
    whose = ("bucket", f"aws_s3_bucket.{what}.id")
    yield resource(
        "aws_s3_bucket", what, ("bucket", text(bucket.name)), block("lifecycle", ("prevent_destroy", "true"))
    )
    closed = ("block_public_acls", "ignore_public_acls", "block_public_policy", "restrict_public_buckets")
    yield resource("aws_s3_bucket_public_access_block", what, whose, *((each, "true") for each in closed))
    status = block("versioning_configuration", ("status", text("Enabled" if need.kept.versioning else "Suspended")))
    yield resource("aws_s3_bucket_versioning", what, whose, status)
    yield _encrypted(what, need.kms_key_arn)
    after = ("depends_on", f"[aws_s3_bucket_versioning.{what}]")
    own = blocks(bucket.places, need.kept, tiering=True)
    yield resource("aws_s3_bucket_lifecycle_configuration", what, whose, after, *own)


def _encrypted(what: str, key: str | None) -> str:
    default = [("sse_algorithm", text("aws:kms" if key else "AES256"))]
    if key:
        default.append(("kms_master_key_id", text(key)))
    rule = block(
        "rule",
        *([("bucket_key_enabled", "true")] if key else []),
        block("apply_server_side_encryption_by_default", *default),
    )
    whose = ("bucket", f"aws_s3_bucket.{what}.id")
    return resource("aws_s3_bucket_server_side_encryption_configuration", what, whose, rule)


def _user(need: Need, user: User) -> Iterator[str]:
    what, label = "role" if user.is_role else "user", user.label.replace("-", "_") or "mlflow"
    tags = ("tags", f"{{ mlflow-overlays = {text(need.name)} }}")
    path = [("path", text(user.path))] if user.path != "/" else []
    trusted = []
    if user.is_role:
        whole = f'file("${{path.module}}/{user.file("trust")}")'
        asked = need.asks and user.identity == "irsa"
        trusted = [("assume_role_policy", f'replace({whole}, "{ISSUER}", local.provider)' if asked else whole)]
    yield resource(f"aws_iam_{what}", label, ("name", text(user.name)), *path, *trusted, tags)
    whose = (what, f"aws_iam_{what}.{label}.name")
    permissions = ("policy", f'file("${{path.module}}/{user.file("permissions")}")')
    yield resource(f"aws_iam_{what}_policy", label, ("name", text(need.policy)), whose, permissions)
    for account in user.accounts if user.identity == "pod-identity" else ():
        yield resource(
            "aws_eks_pod_identity_association",
            label if len(user.accounts) == 1 else f"{label}_{account.name.replace('-', '_')}",
            ("cluster_name", "var.cluster"),
            ("namespace", text(account.namespace)),
            ("service_account", text(account.name)),
            ("role_arn", f"aws_iam_role.{label}.arn"),
        )


def _provider() -> Iterator[str]:
    """The cluster's provider of tokens. IAM has to know it, with the audience of EKS."""
    yield data("aws_eks_cluster", "cluster", ("name", "var.cluster"))
    issuer = "data.aws_eks_cluster.cluster.identity[0].oidc[0].issuer"
    yield f"# IAM has to know the provider, with the audience {AUDIENCE}: the plan fails where it does not.\n" + data(
        "aws_iam_openid_connect_provider", "cluster", ("url", issuer)
    )
    yield block("locals", ("provider", f'trimprefix({issuer}, "https://")'))
