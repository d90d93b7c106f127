"""The bucket, and the role or user, for Terraform and OpenTofu."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from compiler.cloud.aws.role import AUDIENCE, ISSUER, Role
from compiler.cloud.hcl import block, data, file, resource, settings, text, texts, variable
from compiler.cloud.lifecycle import blocks
from compiler.cloud.place import Place, account, buckets, kept
from compiler.cloud.script import note

if TYPE_CHECKING:
    from compiler.environment import Environment


def main(environment: Environment, known: Role) -> str:
    """The file of everything."""
    region = ("region", text(environment.artifacts.settings.region))
    owner = [("allowed_account_ids", texts([known.account_id]))] if known.account_id else []
    return file(
        note(environment),
        settings("aws", "hashicorp/aws", ">= 5.0", region, *owner),
        *(variable(given) for given in known.inputs),
        *(each for number, name in enumerate(buckets(environment)) for each in _bucket(environment, number, name)),
        *_identity(environment, known),
    )


def _bucket(environment: Environment, number: int, name: str) -> Iterator[str]:
    what = "backups" if number else "artifacts"
    whose = ("bucket", f"aws_s3_bucket.{what}.id")
    keeps = kept(environment)
    yield resource("aws_s3_bucket", what, ("bucket", text(name)), block("lifecycle", ("prevent_destroy", "true")))
    closed = ("block_public_acls", "ignore_public_acls", "block_public_policy", "restrict_public_buckets")
    yield resource("aws_s3_bucket_public_access_block", what, whose, *((each, "true") for each in closed))
    status = block("versioning_configuration", ("status", text("Enabled" if keeps.versioning else "Suspended")))
    yield resource("aws_s3_bucket_versioning", what, whose, status)
    yield _encrypted(what, environment.artifacts.settings.kms_key_arn)
    places: tuple[Place, ...] = buckets(environment)[name]
    after = ("depends_on", f"[aws_s3_bucket_versioning.{what}]")
    yield resource("aws_s3_bucket_lifecycle_configuration", what, whose, after, *blocks(places, keeps, tiering=True))


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


def _identity(environment: Environment, known: Role) -> Iterator[str]:
    what = "role" if known.is_role else "user"
    permissions = ("policy", 'file("${path.module}/permissions.json")')
    tags = ("tags", f"{{ mlflow-overlays = {text(environment.name)} }}")
    path = [("path", text(known.path))] if known.path != "/" else []
    trusted = []
    if known.is_role:
        whole = 'file("${path.module}/trust.json")'
        asked = known.identity == "irsa" and not environment.cloud.oidc_provider
        if asked:
            yield from _provider()
            whole = f'replace({whole}, "{ISSUER}", local.provider)'
        trusted = [("assume_role_policy", whole)]
    yield resource(f"aws_iam_{what}", "mlflow", ("name", text(known.name)), *path, *trusted, tags)
    whose = (what, f"aws_iam_{what}.mlflow.name")
    yield resource(f"aws_iam_{what}_policy", "mlflow", ("name", text("mlflow-artifacts")), whose, permissions)
    if known.identity == "pod-identity":
        yield resource(
            "aws_eks_pod_identity_association",
            "mlflow",
            ("cluster_name", "var.cluster"),
            ("namespace", text(environment.namespace.name)),
            ("service_account", text(account(environment))),
            ("role_arn", "aws_iam_role.mlflow.arn"),
        )


def _provider() -> Iterator[str]:
    """The cluster's provider of tokens. IAM has to know it, with the audience of EKS."""
    yield data("aws_eks_cluster", "cluster", ("name", "var.cluster"))
    issuer = "data.aws_eks_cluster.cluster.identity[0].oidc[0].issuer"
    yield f"# IAM has to know the provider, with the audience {AUDIENCE}: the plan fails where it does not.\n" + data(
        "aws_iam_openid_connect_provider", "cluster", ("url", issuer)
    )
    yield block("locals", ("provider", f'trimprefix({issuer}, "https://")'))
