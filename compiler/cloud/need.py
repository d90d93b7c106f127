"""What an environment needs of a store that speaks S3's protocol, whatever it installs: buckets, and who may use them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from compiler.cloud.place import Bucket, Kept
from compiler.cloud.policy import Document
from compiler.cloud.script import Input

if TYPE_CHECKING:
    from compiler.parts.cloud import Cloud


@dataclass(frozen=True)
class Account:
    """A service account of the cluster; `*` for its namespace is any."""

    namespace: str
    name: str

    @property
    def subject(self) -> str:
        """What tokens of it are signed for."""
        return f"system:serviceaccount:{self.namespace}:{self.name}"


@dataclass(frozen=True)
class User:
    """Who uses the store: a role that the pods of some accounts have, or a user whose access keys somebody has.

    `who` says it in words. `label` begins the names of its files, and is empty where it is the only one.
    """

    label: str
    who: str
    name: str
    identity: str
    permissions: Document
    accounts: tuple[Account, ...] = ()
    path: str = "/"

    @property
    def is_role(self) -> bool:
        """Whether it is a role."""
        return self.identity != "keys"

    @property
    def words(self) -> str:
        """What it is, in words."""
        return f"the role {self.name}" if self.is_role else f"the user {self.name}"

    def file(self, about: str) -> str:
        """The name of a file about it, as `permissions.json` or `backend-permissions.json`."""
        return f"{self.label}-{about}.json" if self.label else f"{about}.json"


@dataclass(frozen=True)
class Need:
    """What the environment `name` needs. `endpoint` is empty for Amazon's, and `account_id` None where any account will do.

    `policy` is what the policy of each user is called, and `login` the words of a page about its access keys. `audience` says
    whether the trust of a role names the audience of tokens.
    """

    name: str
    cloud: Cloud
    who: str
    buckets: tuple[Bucket, ...]
    kept: Kept
    users: tuple[User, ...]
    region: str
    policy: str
    login: str
    endpoint: str = ""
    virtual: bool = False
    authority: bool = False
    """Whether the certificate of the endpoint is signed by an authority of one's own."""
    kms_key_arn: str | None = None
    account_id: str | None = None
    audience: bool = True

    @property
    def words(self) -> str:
        """Who uses the store, in words."""
        if len(self.users) == 1:
            return self.users[0].words
        kinds = {"roles" if user.is_role else "users" for user in self.users}
        return f"the {' and '.join(sorted(kinds))}"

    @property
    def names(self) -> str:
        """The buckets, in words."""
        return f"the bucket {' and the bucket '.join(bucket.name for bucket in self.buckets)}"

    @property
    def asks(self) -> bool:
        """Whether the provider of the cluster's tokens is asked for."""
        return self.cloud.oidc_provider is None and any(user.identity == "irsa" for user in self.users)

    @property
    def inputs(self) -> list[Input]:
        """What the one who runs a document is asked for, unless the environment says it."""
        named = self.asks or any(user.identity == "pod-identity" for user in self.users)
        return [Input("cluster", "the name of the EKS cluster", self.cloud.cluster)] if named else []


def called(arn: str) -> tuple[str, str, str]:
    """The name, path and account of the role that an ARN names."""
    path, _, name = arn.partition(":role")[2].rpartition("/")
    return name, f"{path}/", arn.split(":")[4]
