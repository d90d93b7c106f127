"""Buckets, and roles or users, as lines of the AWS CLI. Run again, they change nothing."""

from __future__ import annotations

import json
from shlex import quote

from compiler.cloud.aws.trust import AUDIENCE, ISSUER, providers
from compiler.cloud.need import Account, Need, User
from compiler.cloud.place import Bucket
from compiler.cloud.script import script

_ACCOUNT = "account=$(aws sts get-caller-identity --query Account --output text)\n"
_NEEDS = "Run again, it changes nothing. It needs the AWS CLI, logged in as somebody who may do that."


def bucket(need: Need) -> str:
    """The script that creates the buckets, and says what they keep."""
    about = f"Creates {need.names}, or sets it up where it is there. {_NEEDS}"
    parts = [_bucket(bucket, need) for bucket in need.buckets]
    return script(need.name, about, _where(need.region) + _ACCOUNT + _owner(need), *parts)


def _where(region: str) -> str:
    """The region of everything that says no other: the two versions of the CLI read different variables."""
    return f"export AWS_REGION={quote(region)} AWS_DEFAULT_REGION={quote(region)}\n"


def _owner(need: Need) -> str:
    """Stops before anything is done in another account."""
    if need.account_id is None:
        return ""
    return f"""if [ "$account" != {need.account_id} ]; then
  echo "you are logged in to the account $account, and the environment is in {need.account_id}" >&2
  exit 1
fi
"""


def _bucket(bucket: Bucket, need: Need) -> str:
    rules = bucket.file("lifecycle")
    located = (
        "" if need.region == "us-east-1" else ' \\\n    --create-bucket-configuration "LocationConstraint=$AWS_REGION"'
    )
    encryption = json.dumps(_encryption(need.kms_key_arn))
    status = "Enabled" if need.kept.versioning else "Suspended"
    block = "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true"
    return f"""bucket={quote(bucket.name)}
if ! aws s3api head-bucket --bucket "$bucket" --expected-bucket-owner "$account" > /dev/null 2>&1; then
  aws s3api create-bucket --bucket "$bucket"{located} > /dev/null
fi
others=$(aws s3api get-bucket-lifecycle-configuration --bucket "$bucket" \\
  --query 'Rules[].[ID]' --output text 2> /dev/null | {without(bucket)} || true)
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


def without(bucket: Bucket) -> str:
    """The command that leaves out the names of our own rules."""
    return "grep -v -x -F " + " ".join(f"-e {quote(place.rule)}" for place in bucket.places)


def _encryption(key: str | None) -> dict[str, object]:
    if key is None:
        return {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    return {"Rules": [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}]}


def iam(need: Need) -> str:
    """The script that creates the roles or users, and says what they may do."""
    own = "permissions.json" if len(need.users) == 1 and not need.users[0].label else "the permissions of each"
    about = f"Creates {need.words}, with {own}. {_NEEDS}"
    parts = [given.shell for given in need.inputs]
    known = _provider(need) if any(user.identity == "irsa" for user in need.users) else ""
    for user in need.users:
        parts += [(known if user.is_role else "") + _trust(need, user), _made(need, user)]
        if user.identity == "pod-identity":
            parts.append(_associated(user))
        known = "" if user.is_role else known
    owner = _ACCOUNT + _owner(need) if need.account_id else ""
    return script(need.name, about, _where(need.region) + owner, *parts)


def _provider(need: Need) -> str:
    """The cluster's provider of tokens, which IAM has to know."""
    asked = """# A cluster in another region than the bucket's is found with CLUSTER_REGION.
provider=$(aws eks describe-cluster --name "$cluster" --region "${CLUSTER_REGION:-$AWS_REGION}" \\
  --query cluster.identity.oidc.issuer --output text)
provider=${provider#https://}
"""
    return f"""{asked if need.asks else f"provider={quote(str(need.cloud.oidc_provider))}"}
if ! aws iam get-open-id-connect-provider \\
  --open-id-connect-provider-arn "{providers(need)}/$provider" > /dev/null 2>&1; then
  aws iam create-open-id-connect-provider --url "https://$provider" --client-id-list {AUDIENCE} > /dev/null
fi
"""


def _trust(need: Need, user: User) -> str:
    """Reads the trust of a role, with the provider where the environment does not know it."""
    if not user.is_role:
        return ""
    read = f'sed "s|{ISSUER}|$provider|g"' if need.asks and user.identity == "irsa" else "cat"
    return f"trust=$({read} {user.file('trust')})\n"


def _made(need: Need, user: User) -> str:
    """Creates it, or finds the one that an earlier run created; one of somebody else's is left alone."""
    what = "role" if user.is_role else "user"
    more = f" --path {quote(user.path)}" if user.path != "/" else ""
    update = ""
    if user.is_role:
        more += ' --assume-role-policy-document "$trust"'
        update = f"""
  aws iam update-assume-role-policy --role-name {user.name} --policy-document "$trust\""""
    return f"""if aws iam get-{what} --{what}-name {user.name} > /dev/null 2>&1; then
  by=$(aws iam list-{what}-tags --{what}-name {user.name} --query "Tags[?Key=='mlflow-overlays'].Value" --output text)
  if [ "$by" != {need.name} ]; then
    echo "there is {user.words} already, and this script did not create it" >&2
    echo "to let it change that, tag it with mlflow-overlays={need.name}" >&2
    exit 1
  fi{update}
else
  aws iam create-{what} --{what}-name {user.name}{more} \\
    --tags Key=mlflow-overlays,Value={need.name} > /dev/null
fi
aws iam put-{what}-policy --{what}-name {user.name} --policy-name {need.policy} --policy-document file://{user.file("permissions")}
echo "{user.words} is ready"
"""


def _associated(user: User) -> str:
    """Pods of an account get the role from the cluster's agent, once the two are associated."""
    return f"""# A cluster in another region than the bucket's is found with CLUSTER_REGION.
region=${{CLUSTER_REGION:-$AWS_REGION}}
role=$(aws iam get-role --role-name {user.name} --query Role.Arn --output text)
{"".join(_association(user, account) for account in user.accounts)}"""


def _association(user: User, account: Account) -> str:
    where = f"--namespace {account.namespace} --service-account {account.name}"
    return f"""association=$(aws eks list-pod-identity-associations --cluster-name "$cluster" --region "$region" \\
  {where} --query 'associations[0].associationId' --output text)
if [ "$association" = None ]; then
  aws eks create-pod-identity-association --cluster-name "$cluster" --region "$region" \\
    {where} --role-arn "$role" > /dev/null
else
  aws eks update-pod-identity-association --cluster-name "$cluster" --region "$region" \\
    --association-id "$association" --role-arn "$role" > /dev/null
fi
echo "the pods of {account.name} in {account.namespace} have the role {user.name}"
"""
