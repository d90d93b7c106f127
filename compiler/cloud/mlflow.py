"""What an environment of MLflow needs of a store that speaks S3's protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compiler.bucket import partition
from compiler.cloud.need import Account, Need, User, called
from compiler.cloud.place import Place, account, buckets, kept, places
from compiler.cloud.policy import Document, allow, encryption, policy, storage, wholes

if TYPE_CHECKING:
    from compiler.environment import Environment

_LONGEST = 64
_TOLD = {
    "ACL": "PutObjectAcl",
    "GrantFullControl": "PutObjectAcl",
    "GrantRead": "PutObjectAcl",
    "GrantReadACP": "PutObjectAcl",
    "GrantWriteACP": "PutObjectAcl",
    "ObjectLockLegalHoldStatus": "PutObjectLegalHold",
    "ObjectLockMode": "PutObjectRetention",
    "ObjectLockRetainUntilDate": "PutObjectRetention",
    "Tagging": "PutObjectTagging",
}
"""What an upload needs beside PutObject for what it is told.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
"""


def of_amazon(environment: Environment) -> Need:
    """The need of an environment in Amazon's S3."""
    cloud, s3 = environment.cloud, environment.artifacts.settings
    name, path, owner = cloud.name or f"mlflow-{environment.name}"[:_LONGEST], "/", cloud.account_id
    if s3.role_arn:
        name, path, owner = called(s3.role_arn)
    pods = Account(environment.namespace.name, account(environment))
    allowed = _permissions(environment, f"arn:{partition(s3.region)}:s3:::", s3.kms_key_arn)
    user = User("", "the server", name, environment.kind.identity, allowed, (pods,), path)
    return _need(
        environment,
        user,
        "" if user.is_role else _keys(environment, name),
        kms_key_arn=s3.kms_key_arn,
        account_id=owner,
        audience=cloud.iam == "least",
    )


def of_another(environment: Environment) -> Need:
    """The need of an environment in another store. Its user is called by the store as somebody likes."""
    s3 = environment.artifacts.settings
    user = User("", "the server", "mlflow", "keys", _permissions(environment, "arn:aws:s3:::"))
    return _need(
        environment,
        user,
        "`SECRETS.md` has the command that gives the server its keys.\n",
        endpoint=s3.endpoint,
        virtual=s3.addressing_style == "virtual",
        authority=bool(s3.ca_secret),
    )


def _need(environment: Environment, user: User, login: str, **more: Any) -> Need:
    return Need(
        name=environment.name,
        cloud=environment.cloud,
        who="the server",
        buckets=buckets(environment),
        kept=kept(environment),
        users=(user,),
        region=environment.artifacts.settings.region,
        policy="mlflow-artifacts",
        login=login,
        **more,
    )


def _permissions(environment: Environment, head: str, key: str | None = None) -> Document:
    """What the server may do. In: what ARNs of S3 start with, and the key of encryption."""
    every = places(environment)
    if environment.cloud.iam == "documented":
        return _documented(environment, every, head)
    told = {_TOLD[word] for word in environment.artifacts.settings.upload_args if word in _TOLD}
    return policy(
        [*storage(every, head, told), *([encryption(key, environment.artifacts.settings.region)] if key else [])]
    )


def _documented(environment: Environment, places: tuple[Place, ...], head: str) -> Document:
    """The policies of the guides that environments of these kinds are known from: the whole bucket, in one statement."""
    words = ["GetObject", "PutObject", "DeleteObject", "ListBucket"]
    if environment.kind.identity == "keys":
        words = ["PutObject", "GetObject", "DeleteObject", "ListBucket", "GetBucketLocation"]
    resources = [each for whole in wholes(places, head) for each in (whole, f"{whole}/*")]
    return policy([allow("", words, resources)])


def _keys(environment: Environment, name: str) -> str:
    """How access keys become the Secret without being seen."""
    secret, namespace = environment.artifacts.settings.existing_secret, environment.namespace.name
    return f"""## Access keys

No document has any. This creates a pair, and the Secret of it; the keys are neither shown nor kept:

```sh
aws iam create-access-key --user-name {name} --query 'AccessKey.[AccessKeyId,SecretAccessKey]' --output text \\
  | awk '{{print "AWS_ACCESS_KEY_ID=" $1 "\\nAWS_SECRET_ACCESS_KEY=" $2}}' \\
  | kubectl create secret generic {secret} -n {namespace} --from-env-file=/dev/stdin
```
"""
