"""Who may assume a role of Amazon's: the service accounts of a cluster that it is for, and nobody else."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.bucket import partition
from compiler.cloud.need import Need, User
from compiler.cloud.policy import Document, policy

AUDIENCE = "sts.amazonaws.com"
"""What EKS's webhook makes tokens for, in every partition."""
ISSUER = "OIDC_PROVIDER"
"""What stands for the provider of a cluster that the environment does not know."""


def trust(need: Need, user: User) -> Document:
    """The trust of a role."""
    if user.identity == "pod-identity":
        return _pods(need, user)
    provider = need.cloud.oidc_provider or ISSUER
    subject = {f"{provider}:sub": _one([account.subject for account in user.accounts])}
    audience = {f"{provider}:aud": AUDIENCE} if need.audience else {}
    condition: Document = {"StringEquals": audience | subject}
    if any("*" in account.namespace for account in user.accounts):
        condition = {"StringEquals": audience, "StringLike": subject}
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": f"{providers(need)}/{provider}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    }
    return policy([statement])


def providers(need: Need) -> str:
    """What the ARNs of providers of tokens start with."""
    return f"arn:{partition(need.region)}:iam::{need.account_id}:oidc-provider"


def _pods(need: Need, user: User) -> Document:
    """Pod Identity tags its sessions with where a pod is from."""
    tags = {
        "eks-cluster-name": need.cloud.cluster,
        "kubernetes-namespace": _one([account.namespace for account in user.accounts]),
        "kubernetes-service-account": _one([account.name for account in user.accounts]),
    }
    equal = {f"aws:RequestTag/{name}": value for name, value in tags.items() if value}
    if need.account_id:
        equal["aws:SourceAccount"] = need.account_id
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": {"StringEquals": equal},
    }
    return policy([statement])


def _one(values: Sequence[str]) -> str | list[str]:
    """Values without doubles; one stands by itself."""
    several = list(dict.fromkeys(values))
    return several[0] if len(several) == 1 else several
