"""What is needed outside the cluster, as documents beside the overlay: the bucket, and who may use what of it. Nothing is
applied.

They are those of MLflow's environments, for several who use the bucket: the *backend*, which is the API server and the UI (and
the steps of pipelines, where there are no profiles), and each profile. `backend-permissions.json` and
`profile-<name>-permissions.json` are their policies, `backend-trust.json` and `profile-<name>-trust.json` say which service
accounts may have their roles.

- The backend may read, write and delete under `pipelines/`, `artifacts/` and `v2/artifacts/`, and list the bucket: it asks for it
  when it starts. A profile may read, write, delete and list under its own two prefixes, and sees nothing else of the bucket.
- Roles are those of `roleArn`. What they do not name is called `kfp-<environment>-backend` and
  `kfp-<environment>-profile-<name>`, with `cloud.name` in place of the beginning.
- Profiles that have one `roleArn`, or one Secret by `profileSecret`, have one policy, over the prefixes of all of them.
- `iam: documented` has the two policies of deployKF's guide instead: a profile can list the whole bucket, and nobody can give up
  an upload.

They are written for Amazon in `aws`, and for MinIO, Ceph, Wasabi and others in `s3`. Google, Alibaba, IBM and Azure have other
grammars for who may do what, and nothing is written for them: hold the keys that you make there to the same prefixes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from compiler.diagnostic import Finding, Severity
from compiler.kubeflow.need import owner
from compiler.kubeflow.provider import PROVIDERS
from compiler.kubeflow.release import RELEASES
from compiler.overlay import Overlay
from compiler.parts.cloud import KEYS, derived, elsewhere, read, unread

if TYPE_CHECKING:
    from compiler.kubeflow.installation import Installation

__all__ = ["KEYS", "check", "plan", "read"]

_EKS = re.compile(r"oidc[.-]eks\.([a-z0-9-]+)\.")
"""How the provider of a cluster of EKS begins, with IPv4 alone and with both."""


def check(installation: Installation) -> Iterable[Finding]:
    """Keys that mean nothing here, roles that no one script can make, and a cluster and bucket that are too far apart."""
    cloud, store = installation.cloud, installation.artifacts
    whose = owner(store)
    yield from _region(installation)
    yield from _shared(installation)
    if whose is None:
        if cloud.given:
            message = f"no documents are written for {PROVIDERS[store.provider].words}"
            yield Finding(("cloud",), "wrong-kind", message, "remove it", at_key=True)
        for key in sorted({"lifecycle", "versioning"} & store.given):
            message = f"artifacts.{key} is for the documents of a bucket, and none are written for this store"
            yield Finding(("artifacts", key), "wrong-kind", message, "remove it", at_key=True)
        return
    yield from elsewhere(cloud, whose, installation.kind)
    yield from derived(cloud, installation.kind, store.role_arn)
    yield from unread(cloud, store.given, store.lifecycle)
    if cloud.tool != "none":
        yield from _accounts(installation)
        if whose != "aws" and "*" in store.layout.prefix:
            message = f"a policy of this store takes the star of the prefix '{store.layout.prefix}' for any text"
            hint = "choose another path, or set cloud.tool: none"
            yield Finding(("artifacts", "prefix"), "bad-prefix", message, hint)


def _region(installation: Installation) -> Iterator[Finding]:
    """EKS tells pods with a role the region of the cluster, and up to 2.16 steps have no other."""
    cloud, store, version = installation.cloud, installation.artifacts, installation.pipelines.version
    found = _EKS.match(cloud.oidc_provider or "")
    if installation.kind.identity != "irsa" or RELEASES[version].structured or not found or found[1] == store.region:
        return
    message = (
        f"the cluster is in {found[1]}, the bucket in {store.region}, and steps of {version} only know the cluster's"
    )
    hint = "use pipelines.version: 2.17.0 or later, or a bucket in the region of the cluster"
    yield Finding(("cloud", "oidcProvider"), "region-mismatch", message, hint)


def _shared(installation: Installation) -> Iterator[Finding]:
    first = {installation.artifacts.role_arn: "the backend"}
    for index, profile in enumerate(installation.profiles):
        if profile.role_arn is None or profile.keys:
            continue
        if profile.role_arn in first:
            message = f"{profile.name} and {first[profile.role_arn]} have one role, which opens the artifacts of both"
            route, hint = ("profiles", index, "roleArn"), "give each profile a role of its own"
            yield Finding(route, "shared-key", message, hint, Severity.WARNING)
        first.setdefault(profile.role_arn, profile.name)


def _accounts(installation: Installation) -> Iterator[Finding]:
    arn = installation.artifacts.role_arn
    for index, profile in enumerate(installation.profiles):
        if arn and profile.role_arn and profile.role_arn.split(":")[4] != arn.split(":")[4]:
            message = (
                f"the role of {profile.name} is in another account than artifacts.roleArn, and one script makes both"
            )
            hint = "use roles of one account, or set cloud.tool: none"
            yield Finding(("profiles", index, "roleArn"), "conflicting-keys", message, hint)


def plan(installation: Installation) -> Overlay:
    """The documents."""
    whose = owner(installation.artifacts)
    if whose is None or installation.cloud.tool == "none":
        return Overlay()
    from compiler.cloud import of_need
    from compiler.kubeflow.need import need

    return Overlay(documents=of_need(whose, need(installation)))
