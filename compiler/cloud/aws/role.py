"""Who the server is for Amazon, what it may do there, and who may be it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from compiler.bucket import partition
from compiler.cloud.place import account
from compiler.cloud.policy import Document, allow, documented, policy, storage
from compiler.cloud.script import Input

if TYPE_CHECKING:
    from compiler.environment import Environment

AUDIENCE = "sts.amazonaws.com"
"""What EKS's webhook makes tokens for, in every partition."""
ISSUER = "OIDC_PROVIDER"
"""What stands for the provider of a cluster that the environment does not know."""
_LONGEST = 64


@dataclass(frozen=True)
class Role:
    """A role or user. `account_id` is None where any account will do."""

    name: str
    path: str
    is_role: bool
    identity: str
    account_id: str | None
    inputs: list[Input]

    @property
    def words(self) -> str:
        """What it is, in words."""
        return f"the role {self.name}" if self.is_role else f"the user {self.name}"


def role(environment: Environment) -> Role:
    """The role that pods have, or the user that the access keys belong to."""
    cloud, identity, arn = environment.cloud, environment.kind.identity, environment.artifacts.settings.role_arn
    name, path, owner = cloud.name or f"mlflow-{environment.name}"[:_LONGEST], "/", cloud.account_id
    if arn:
        owner = arn.split(":")[4]
        path, _, name = arn.partition(":role")[2].rpartition("/")
        path += "/"
    asks = identity == "pod-identity" or (identity == "irsa" and not cloud.oidc_provider)
    inputs = [Input("cluster", "the name of the EKS cluster", cloud.cluster)] if asks else []
    return Role(name, path, identity != "keys", identity, owner, inputs)


def permissions(environment: Environment) -> Document:
    """What the server may do."""
    s3 = environment.artifacts.settings
    head = f"arn:{partition(s3.region)}:s3:::"
    if environment.cloud.iam == "documented":
        return documented(environment, head)
    statements = storage(environment, head)
    if s3.kms_key_arn:
        statements.append(_encryption(s3.kms_key_arn, s3.region))
    return policy(statements)


def _encryption(key: str, region: str) -> Document:
    """S3 encrypts and decrypts for the one who asks; to complete an upload of parts it decrypts too.

    Permissions are given on keys alone: an alias is a condition of the request.
    https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html
    """
    suffix = ".cn" if partition(region) == "aws-cn" else ""
    condition: Document = {"StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com{suffix}"}}
    start, is_alias, alias = key.partition(":alias/")
    if is_alias:
        condition["ForAnyValue:StringEquals"] = {"kms:ResourceAliases": f"alias/{alias}"}
    resource = f"{start}:key/*" if is_alias else key
    return allow("Encryption", ["kms:Decrypt", "kms:GenerateDataKey"], [resource], condition)


def trust(environment: Environment) -> Document:
    """Who may assume the role: the service account of the server in its namespace."""
    if environment.kind.identity == "pod-identity":
        return _pods(environment)
    provider = environment.cloud.oidc_provider or ISSUER
    arn: str = environment.artifacts.settings.role_arn
    subject = f"system:serviceaccount:{environment.namespace.name}:{account(environment)}"
    equal = {f"{provider}:sub": subject}
    if environment.cloud.iam == "least":
        equal = {f"{provider}:aud": AUDIENCE, **equal}
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": f"{arn.partition(':role')[0]}:oidc-provider/{provider}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": equal},
    }
    return policy([statement])


def _pods(environment: Environment) -> Document:
    """Pod Identity tags its sessions with where a pod is from."""
    cloud = environment.cloud
    tags = {
        "eks-cluster-name": cloud.cluster,
        "kubernetes-namespace": environment.namespace.name,
        "kubernetes-service-account": account(environment),
    }
    equal = {f"aws:RequestTag/{name}": value for name, value in tags.items() if value}
    if cloud.account_id:
        equal["aws:SourceAccount"] = cloud.account_id
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": {"StringEquals": equal},
    }
    return policy([statement])
