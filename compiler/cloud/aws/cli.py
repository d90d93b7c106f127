"""The bucket, and the role or user, as lines of the AWS CLI. Run again, they change nothing."""

from __future__ import annotations

import json
from shlex import quote
from typing import TYPE_CHECKING

from compiler.cloud.aws.role import AUDIENCE, ISSUER, Role
from compiler.cloud.place import Place, account, buckets, kept
from compiler.cloud.script import script

if TYPE_CHECKING:
    from compiler.environment import Environment

_POLICY = "mlflow-artifacts"
_ACCOUNT = "account=$(aws sts get-caller-identity --query Account --output text)\n"
_NEEDS = "Run again, it changes nothing. It needs the AWS CLI, logged in as somebody who may do that."


def lifecycle_file(index: int) -> str:
    """The file with the rules of a bucket, by its turn."""
    return "lifecycle-backups.json" if index else "lifecycle.json"


def bucket(environment: Environment, known: Role) -> str:
    """The script that creates the buckets, and says what they keep."""
    s3, every = environment.artifacts.settings, buckets(environment)
    about = f"Creates the bucket {' and the bucket '.join(every)}, or sets it up where it is there. {_NEEDS}"
    parts = [
        _bucket(name, places, lifecycle_file(index), environment) for index, (name, places) in enumerate(every.items())
    ]
    return script(environment, about, _where(s3.region) + _ACCOUNT + _owner(known), *parts)


def _where(region: str) -> str:
    """The region of everything that says no other: the two versions of the CLI read different variables."""
    return f"export AWS_REGION={quote(region)} AWS_DEFAULT_REGION={quote(region)}\n"


def _owner(known: Role) -> str:
    """Stops before anything is done in another account."""
    if known.account_id is None:
        return ""
    return f"""if [ "$account" != {known.account_id} ]; then
  echo "you are logged in to the account $account, and the environment is in {known.account_id}" >&2
  exit 1
fi
"""


def _bucket(name: str, places: tuple[Place, ...], rules: str, environment: Environment) -> str:
    s3, keeps = environment.artifacts.settings, kept(environment)
    located = (
        "" if s3.region == "us-east-1" else ' \\\n    --create-bucket-configuration "LocationConstraint=$AWS_REGION"'
    )
    encryption = json.dumps(_encryption(s3.kms_key_arn))
    status = "Enabled" if keeps.versioning else "Suspended"
    block = "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true"
    return f"""bucket={quote(name)}
if ! aws s3api head-bucket --bucket "$bucket" --expected-bucket-owner "$account" > /dev/null 2>&1; then
  aws s3api create-bucket --bucket "$bucket"{located} > /dev/null
fi
others=$(aws s3api get-bucket-lifecycle-configuration --bucket "$bucket" \\
  --query 'Rules[].[ID]' --output text 2> /dev/null | {without(places)} || true)
if [ -n "$others" ]; then
  echo "$bucket has rules that {rules} would replace: $others; add the rules of {rules} to them by hand" >&2
  exit 1
fi
aws s3api put-public-access-block --bucket "$bucket" \\
  --public-access-block-configuration {block}
aws s3api put-bucket-versioning --bucket "$bucket" --versioning-configuration Status={status}
aws s3api put-bucket-encryption --bucket "$bucket" \\
  --server-side-encryption-configuration {quote(encryption)}
aws s3api put-bucket-lifecycle-configuration --bucket "$bucket" \\
  --lifecycle-configuration file://{rules} > /dev/null
echo "the bucket $bucket is ready"
"""


def without(places: tuple[Place, ...]) -> str:
    """The command that leaves out the names of our own rules."""
    return "grep -v -x -F " + " ".join(f"-e {quote(place.rule)}" for place in places)


def _encryption(key: str | None) -> dict[str, object]:
    if key is None:
        return {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    return {"Rules": [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}]}


def iam(environment: Environment, known: Role) -> str:
    """The script that creates the role or user, and says what it may do."""
    about = f"Creates {known.words}, with permissions.json. {_NEEDS}"
    parts = [given.shell for given in known.inputs]
    if known.identity == "irsa":
        parts.append(_provider(environment))
    elif known.identity == "pod-identity":
        parts.append("trust=$(cat trust.json)")
    parts.append(_made(environment, known))
    if known.identity == "pod-identity":
        parts.append(_association(environment, known))
    owner = _ACCOUNT + _owner(known) if known.account_id else ""
    return script(environment, about, _where(environment.artifacts.settings.region) + owner, *parts)


def _provider(environment: Environment) -> str:
    """The cluster's provider of tokens, which IAM has to know, and the trust with it."""
    provider = environment.cloud.oidc_provider
    arn = f"{environment.artifacts.settings.role_arn.partition(':role')[0]}:oidc-provider"
    asked = """# A cluster in another region than the bucket's is found with CLUSTER_REGION.
provider=$(aws eks describe-cluster --name "$cluster" --region "${CLUSTER_REGION:-$AWS_REGION}" \\
  --query cluster.identity.oidc.issuer --output text)
provider=${provider#https://}
"""
    return f"""{asked if provider is None else f"provider={quote(provider)}"}
if ! aws iam get-open-id-connect-provider \\
  --open-id-connect-provider-arn "{arn}/$provider" > /dev/null 2>&1; then
  aws iam create-open-id-connect-provider --url "https://$provider" --client-id-list {AUDIENCE} > /dev/null
fi
trust=$({f'sed "s|{ISSUER}|$provider|g" trust.json' if provider is None else "cat trust.json"})
"""


def _made(environment: Environment, known: Role) -> str:
    """Creates it, or finds the one that an earlier run created; one of somebody else's is left alone."""
    what = "role" if known.is_role else "user"
    more = f" --path {quote(known.path)}" if known.path != "/" else ""
    update = ""
    if known.is_role:
        more += ' --assume-role-policy-document "$trust"'
        update = f"""
  aws iam update-assume-role-policy --role-name {known.name} --policy-document "$trust\""""
    return f"""if aws iam get-{what} --{what}-name {known.name} > /dev/null 2>&1; then
  by=$(aws iam list-{what}-tags --{what}-name {known.name} --query "Tags[?Key=='mlflow-overlays'].Value" --output text)
  if [ "$by" != {environment.name} ]; then
    echo "there is {known.words} already, and this script did not create it" >&2
    echo "to let it change that, tag it with mlflow-overlays={environment.name}" >&2
    exit 1
  fi{update}
else
  aws iam create-{what} --{what}-name {known.name}{more} \\
    --tags Key=mlflow-overlays,Value={environment.name} > /dev/null
fi
aws iam put-{what}-policy --{what}-name {known.name} --policy-name {_POLICY} --policy-document file://permissions.json
echo "{known.words} is ready"
"""


def _association(environment: Environment, known: Role) -> str:
    """Pods of the account get the role from the cluster's agent, once the two are associated."""
    where = f"--namespace {environment.namespace.name} --service-account {account(environment)}"
    return f"""# A cluster in another region than the bucket's is found with CLUSTER_REGION.
region=${{CLUSTER_REGION:-$AWS_REGION}}
role=$(aws iam get-role --role-name {known.name} --query Role.Arn --output text)
association=$(aws eks list-pod-identity-associations --cluster-name "$cluster" --region "$region" \\
  {where} --query 'associations[0].associationId' --output text)
if [ "$association" = None ]; then
  aws eks create-pod-identity-association --cluster-name "$cluster" --region "$region" \\
    {where} --role-arn "$role" > /dev/null
else
  aws eks update-pod-identity-association --cluster-name "$cluster" --region "$region" \\
    --association-id "$association" --role-arn "$role" > /dev/null
fi
echo "the pods of {account(environment)} in {environment.namespace.name} have the role {known.name}"
"""
