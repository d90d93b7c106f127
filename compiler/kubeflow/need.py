"""What an installation of Kubeflow Pipelines needs of its object store: a bucket, and who may use what of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from compiler.cloud.need import Need
from compiler.cloud.place import grouped, keeps
from compiler.kubeflow.layout import NAMESPACE
from compiler.kubeflow.user import SYSTEM, backend, groups, name_of, places, users

if TYPE_CHECKING:
    from compiler.kubeflow.installation import Installation, Store

_OWNERS = {"amazon": "aws", "minio": "s3", "ceph": "s3", "wasabi": "s3", "other": "s3"}
"""Who reads policies in the grammar of Amazon's, by the directory of their documents."""


def owner(store: Store) -> str | None:
    """The directory of the documents of a store; None where none are written."""
    return _OWNERS.get(store.provider)


def need(installation: Installation) -> Need:
    """The need of an installation whose store has an owner."""
    store, cloud = installation.artifacts, installation.cloud
    return Need(
        name=installation.name,
        cloud=cloud,
        who="the backend and of profiles" if installation.profiles else "the backend",
        buckets=grouped(places(store)),
        kept=keeps(store.lifecycle),
        users=users(installation),
        region=store.region,
        policy=f"{SYSTEM}-artifacts",
        login=_keys(installation)
        if store.is_amazon
        else "`SECRETS.md` has the commands that make Secrets of their keys.\n",
        endpoint="" if store.is_amazon else f"{'https' if store.secure else 'http'}://{store.address}",
        virtual=store.virtual,
        kms_key_arn=store.kms_key_arn,
        account_id=store.role_arn.split(":")[4] if store.role_arn else cloud.account_id,
    )


def _keys(installation: Installation) -> str:
    """How access keys become Secrets without being seen."""
    lines = "".join(f"secret {' '.join(words)}\n" for words in _secrets(installation))
    if not lines:
        return ""
    keys = next(
        keys for keys in (installation.artifacts.keys, *map(installation.keys_of, installation.profiles)) if keys
    )
    return f"""## Access keys

No document has any. This creates a pair for each user, and the Secrets of it in namespaces that are there; the keys are neither
shown nor kept:

```sh
secret() {{  # a user, a Secret, and the namespaces that it is in
  user=$1 name=$2
  shift 2
  keys=$(aws iam create-access-key --user-name "$user" --query 'AccessKey.[AccessKeyId,SecretAccessKey]' --output text)
  for namespace in "$@"; do
    echo "$keys" | awk '{{print "{keys.access_key}=" $1 "\\n{keys.secret_key}=" $2}}' \\
      | kubectl create secret generic "$name" -n "$namespace" --from-env-file=/dev/stdin
  done
  unset keys
}}
{lines}```
"""


def _secrets(installation: Installation) -> Iterator[tuple[str, ...]]:
    """The user, the Secret and the namespaces of each pair of access keys."""
    store, deploykf = installation.artifacts, installation.pipelines.deploykf
    if store.keys:
        yield backend(installation).name, store.keys.secret, NAMESPACE
    for label, profiles in groups(installation).items():
        keys = installation.keys_of(profiles[0])
        if keys:
            # deployKF copies Secrets from where they all are.
            copied = deploykf.secret_namespace if deploykf and not profiles[0].keys else None
            namespaces = dict.fromkeys(copied or profile.name for profile in profiles)
            yield name_of(installation, label), keys.secret, *namespaces
