"""What is needed outside the cluster, as documents beside the overlay: a bucket, and who may use it. Nothing is applied.

They stand in a directory that is named for whose they are, with a page that says what to run: `aws`, `google`, `azure`,
`alibaba`, and `s3` for any other store that speaks its protocol. `tool` says how: as scripts for the provider's command line, or
for Terraform and OpenTofu. They follow from the environment, and `compile --check` holds
them to it; [cloud.md](cloud.md) has more.

- The bucket keeps old versions for 30 days, unless `artifacts.versioning` and `artifacts.lifecycle` say otherwise; uploads that
  never ended go after 7. It is encrypted, with `artifacts.kmsKeyArn` where there is one, and closed to the public; objects in
  Amazon's move to Intelligent-Tiering.
- The server may list, read, write and delete under `artifacts.prefix` and where `maintenance.backup` keeps backups: under
  `team-1/`, which is no beginning of `team-10/`. In Azure, a role covers a whole container.
- The one service account of the server may have the identity, and no other. Amazon's trust names the cluster's OIDC provider;
  where `oidcProvider` is not set, the documents ask for it with the name of the `cluster`.

What an environment does not know, as the project of a bucket of Google's, is asked for by the scripts, and a variable without
default in Terraform. `iam: documented` has the policies of the guides that these kinds are known from, for somebody who has
to match them: they cover the whole bucket, and say nothing of keys of KMS or of uploads that are given up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from compiler.cloud import documents, provider
from compiler.cloud.place import places
from compiler.diagnostic import Finding
from compiler.kind import Kind
from compiler.lifecycle import NONCURRENT_ROUTE, Lifecycle
from compiler.overlay import Overlay
from compiler.part import Schema, choice, object_of, text

if TYPE_CHECKING:
    from compiler.environment import Environment

_NAME = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PLACE = "[a-z][a-z0-9-]*[a-z0-9]"

KEYS: dict[str, Schema] = {
    "cloud": object_of(
        "What is written for the cloud around the cluster.",
        {
            "tool": choice(
                "What the documents are for.",
                {
                    "cli": "Scripts for the command line of the provider.",
                    "terraform": "Files of Terraform, which OpenTofu reads too.",
                    "none": "Nothing is written: it is somebody else's affair.",
                },
                default="cli",
            ),
            "iam": choice(
                "What the server may do in a bucket of S3.",
                {
                    "least": "What it needs, in its own paths.",
                    "documented": "What guides have: all objects of the bucket.",
                },
                default="least",
            ),
            "name": text(
                "The name of the user, of the role of Pod Identity or of Azure's managed identity; `mlflow-<environment>` "
                "without it. IRSA has it in `artifacts.roleArn`.",
                _NAME,
                "letters, digits and dashes, at most 63",
                examples=["mlflow"],
            ),
            "accountId": text(
                "Amazon's account: scripts stop where they are run in another one. IRSA has it in `artifacts.roleArn`.",
                "[0-9]{12}",
                "12 digits",
                examples=["123456789012"],
            ),
            "cluster": text(
                "The name of the cluster, in EKS or AKS.",
                "[A-Za-z0-9][A-Za-z0-9_-]{0,99}",
                "letters, digits, dashes and underscores",
                examples=["production"],
            ),
            "oidcProvider": text(
                "Who signs the tokens of the cluster's service accounts, without `https://`.",
                r"[a-z0-9][a-z0-9.-]*(?::[0-9]+)?(?:/[A-Za-z0-9._-]+)*/?",
                "a host and path without https://, like oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF",
                examples=["oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"],
            ),
            "project": text(
                "Google's project, of the cluster and of the bucket.",
                "[a-z][a-z0-9-]{4,28}[a-z0-9]",
                "6 to 30 lower-case letters, digits and dashes",
                examples=["acme-mlflow"],
            ),
            "resourceGroup": text(
                "Azure's resource group, of the storage account, the identity and the cluster.",
                r"[A-Za-z0-9_().-]{0,89}[A-Za-z0-9_()-]",
                "letters, digits, and any of - _ . ( )",
                examples=["mlflow"],
            ),
            "location": text(
                "Where a bucket of Google's or a storage account is created.",
                _PLACE,
                "a place like europe-west3 or westeurope",
                examples=["europe-west3"],
            ),
        },
        minProperties=1,
    )
}
_OWNERS: Mapping[str, tuple[str, ...]] = {
    "iam": ("aws", "s3"),
    "name": ("aws", "google", "azure", "alibaba"),
    "accountId": ("aws",),
    "cluster": ("aws", "azure"),
    "oidcProvider": ("aws", "azure"),
    "project": ("google",),
    "resourceGroup": ("azure",),
    "location": ("google", "azure"),
}
_WORDS = {
    "aws": "Amazon",
    "s3": "another store that speaks S3's protocol",
    "google": "Google",
    "azure": "Azure",
    "alibaba": "Alibaba Cloud",
}
_LITERAL = ("aws", "google", "azure")
"""Who has a word for a star that is meant as one, or no stars at all."""


@dataclass(frozen=True)
class Cloud:
    """What is written, and what is known of the cloud; None is what nobody said."""

    given: frozenset[str]
    tool: Literal["cli", "terraform", "none"]
    iam: Literal["least", "documented"]
    name: str | None
    account_id: str | None
    cluster: str | None
    oidc_provider: str | None
    project: str | None
    resource_group: str | None
    location: str | None


def read(values: Mapping[str, Any], kind: Kind) -> Cloud:
    """What was said of the cloud."""
    given = values.get("cloud", {})
    return Cloud(
        given=frozenset(given),
        tool=given.get("tool", "cli"),
        iam=given.get("iam", "least"),
        name=given.get("name"),
        account_id=given.get("accountId"),
        cluster=given.get("cluster"),
        oidc_provider=given.get("oidcProvider"),
        project=given.get("project"),
        resource_group=given.get("resourceGroup"),
        location=given.get("location"),
    )


def check(environment: Environment) -> Iterable[Finding]:
    """Keys that mean nothing here, what a role's ARN says otherwise, a prefix that a policy cannot say."""
    cloud, whose = environment.cloud, provider(environment)
    if whose is None:
        if cloud.given:
            message = f"the store of '{environment.kind.name}' is in the cluster, and nothing of a cloud belongs to it"
            yield Finding(("cloud",), "wrong-kind", message, "remove it, or use another overlay", at_key=True)
        return
    yield from elsewhere(cloud, whose, environment.kind)
    role_arn = environment.artifacts.settings.role_arn if environment.kind.identity == "irsa" else None
    yield from derived(cloud, environment.kind, role_arn)
    yield from unread(cloud, environment.artifacts.given, environment.artifacts.settings.lifecycle)
    if cloud.tool != "none" and whose not in _LITERAL:
        yield from _starred(environment)


def elsewhere(cloud: Cloud, whose: str, kind: Kind) -> Iterator[Finding]:
    """Finds keys of another cloud than that of the store. In: who has the store, by the directory of its documents."""
    for key in sorted(cloud.given & _OWNERS.keys()):
        if whose not in _OWNERS[key]:
            owners = " or ".join(_WORDS[owner] for owner in _OWNERS[key])
            message = f"cloud.{key} is for {owners}, and '{kind.name}' keeps artifacts with {_WORDS[whose]}"
            yield Finding(("cloud", key), "wrong-kind", message, "remove it", at_key=True)


def derived(cloud: Cloud, kind: Kind, role_arn: str | None) -> Iterator[Finding]:
    """Finds what the ARN of a role says already, and what access keys need none of."""
    if kind.identity == "irsa":
        if cloud.name:
            message = "the name of the role follows from artifacts.roleArn"
            yield Finding(("cloud", "name"), "conflicting-keys", message, "remove it", at_key=True)
        owner = (role_arn or "").split(":")[4]
        if cloud.account_id and cloud.account_id != owner:
            message = f"the role is in the account {owner}, by artifacts.roleArn"
            yield Finding(("cloud", "accountId"), "conflicting-keys", message, "remove it")
    unused = {"keys": ("cluster", "oidcProvider"), "pod-identity": ("oidcProvider",)}.get(kind.identity, ())
    for key in unused:
        if key in cloud.given and kind.store in ("s3", "azure"):
            message = f"cloud.{key} means nothing to '{kind.name}': nobody trusts the cluster's tokens"
            yield Finding(("cloud", key), "wrong-kind", message, "remove it", at_key=True)


def unread(cloud: Cloud, given: frozenset[str], asked: Lifecycle) -> Iterator[Finding]:
    """Finds what is said of the bucket's versions, where nobody sets it up or there are none. In: the keys of `artifacts`."""
    for key in sorted({"lifecycle", "versioning"} & given):
        if cloud.tool == "none":
            message = f"artifacts.{key} is for the documents of the bucket, and cloud.tool: none writes none"
            yield Finding(("artifacts", key), "conflicting-keys", message, "remove one of the two", at_key=True)
    if asked.versioning is False and asked.noncurrent_days:
        message = "noncurrentVersionDays is for a bucket with versions, and versioning is false"
        yield Finding(NONCURRENT_ROUTE, "conflicting-keys", message, "remove one of the two", at_key=True)


def _starred(environment: Environment) -> Iterator[Finding]:
    for place in places(environment):
        if "*" in place.prefix:
            route = ("artifacts", "prefix") if place.what == "artifacts" else ("maintenance", "backup", "prefix")
            message = f"a policy of this store takes the star of the prefix '{place.prefix}' for any text"
            yield Finding(route, "bad-prefix", message, "choose another path, or set cloud.tool: none")


def plan(environment: Environment) -> Overlay:
    """The documents."""
    return Overlay(documents=documents(environment))
