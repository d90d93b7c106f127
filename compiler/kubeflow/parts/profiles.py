"""Who uses the pipelines: one profile a team, each with a namespace of its own. With profiles, many users are served.

A profile reads and writes under `artifacts/<profile>/` and `v2/artifacts/<profile>/` of the bucket, and nowhere else: with the
keys of a Secret in its namespace (`artifacts.profileSecret`, or an `existingSecret` of its own), or as a role of its own
(`roleArn`). The policies for both are beside the overlay.

The overlay has a second directory for them: `kubectl apply -k overlays/<env>/profiles`, after the first. It holds each
Profile of Kubeflow, where the steps of its pipelines keep artifacts (`kfp-launcher`), and where Argo Workflows does
(`artifact-repositories`). Kubeflow creates the namespace when it sees the Profile, so the first apply may have to be repeated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from compiler.diagnostic import Finding, Severity
from compiler.formats import LABEL, NAME
from compiler.kind import Kind
from compiler.kubeflow.installation import Keys, Profile
from compiler.kubeflow.layout import NAMESPACE
from compiler.kubeflow.parts.artifacts import ACCESS_KEY, SECRET_KEY, partitioned
from compiler.kubeflow.profile import objects
from compiler.overlay import Overlay, Secret
from compiler.part import Schema, formatted, object_of, secret_name, text
from compiler.stores.s3 import KEYS as S3

if TYPE_CHECKING:
    from compiler.kubeflow.installation import Installation

_PART = "[^ @\\u0000-\\u0020\\u007f-\\u00a0\\u2028\\u2029\\ufffe\\uffff]+"
_PERSON = text(
    "Who it is, as the login of Kubeflow has it.",
    rf"{_PART}@{_PART}|system:serviceaccount:[a-z0-9-]+:[a-z0-9.-]+",
    "an address like ana@acme.example, or system:serviceaccount:<namespace>:<name>",
    examples=["ana@acme.example"],
)
KEYS: dict[str, Schema] = {
    "profiles": {
        "type": "array",
        "description": "The profiles of the installation.",
        "minItems": 1,
        "items": object_of(
            "A profile.",
            {
                "name": formatted("Its name, which is that of its namespace.", LABEL, examples=["team-1"]),
                "owner": _PERSON | {"description": "Who owns it, as the login of Kubeflow has it."},
                "members": {
                    "type": "array",
                    "description": "Who else may use it, in deployKF's values.",
                    "minItems": 1,
                    "uniqueItems": True,
                    "items": _PERSON,
                },
                "existingSecret": secret_name("The Secret with its own access keys, in its namespace."),
                "roleArn": S3["roleArn"] | {"description": "The IAM role of its pipelines and notebooks."},
            },
            required=["name", "owner"],
        ),
    }
}


def read(values: Mapping[str, Any], kind: Kind) -> tuple[Profile, ...]:
    """The profiles of an environment."""
    given = values.get("artifacts", {})
    names = given.get("accessKeyKey", ACCESS_KEY), given.get("secretKeyKey", SECRET_KEY)
    return tuple(
        Profile(
            each["name"],
            each["owner"],
            tuple(each.get("members", ())),
            Keys(each["existingSecret"], *names) if "existingSecret" in each else None,
            each.get("roleArn"),
        )
        for each in values.get("profiles", ())
    )


def check(installation: Installation) -> Iterable[Finding]:
    """Names that are taken, a role that is missing, and keys that would win over one."""
    times = Counter(profile.name for profile in installation.profiles)
    for index, profile in enumerate(installation.profiles):
        name = ("profiles", index, "name")
        if times[profile.name] > 1:
            yield Finding(name, "conflicting-keys", f"two profiles are called {profile.name}", "name one otherwise")
        if profile.name == NAMESPACE or profile.name.startswith("kube-"):
            message = f"the namespace {profile.name} is not one of a profile"
            yield Finding(name, "shared-namespace", message, "choose another name")
        if profile.owner in profile.members:
            place = ("profiles", index, "members", profile.members.index(profile.owner))
            message = f"{profile.owner} owns {profile.name}, and deployKF refuses an owner among the members"
            yield Finding(place, "conflicting-keys", message, "remove it here")
        yield from _login(installation, index, profile)
        keys = installation.keys_of(profile)
        if keys and len(keys.secret) > NAME.longest:
            message = (
                f"the name of the Secret of {profile.name} has {len(keys.secret)} characters, more than {NAME.longest}"
            )
            yield Finding(("artifacts", "profileSecret"), "bad-value", message, "choose a shorter one")
        yield from partitioned(("profiles", index, "roleArn"), profile.role_arn, installation.artifacts.region)
    if any(profile.members for profile in installation.profiles) and installation.pipelines.deploykf is None:
        index = next(index for index, profile in enumerate(installation.profiles) if profile.members)
        message = "a Profile of Kubeflow has an owner alone; members are values of deployKF"
        hint = "invite them on the page of Kubeflow, or set pipelines.deployKF"
        yield Finding(("profiles", index, "members"), "conflicting-keys", message, hint, at_key=True)


def _login(installation: Installation, index: int, profile: Profile) -> Iterator[Finding]:
    kind, role = installation.kind, ("profiles", index, "roleArn")
    if kind.identity == "keys":
        if profile.role_arn:
            message = f"roleArn means nothing to '{kind.name}': its pods log in with access keys"
            yield Finding(
                ("profiles", index, "roleArn"),
                "wrong-kind",
                message,
                "remove it, or use overlay: kfp-irsa",
                at_key=True,
            )
        return
    if profile.keys:
        message = f"the pipelines of {profile.name} log in with these keys, and not with a role"
        hint = "remove it, unless this profile is to have keys"
        route = ("profiles", index, "existingSecret")
        yield Finding(route, "shadowed-identity", message, hint, Severity.WARNING, at_key=True)
    elif kind.identity == "irsa" and not profile.role_arn:
        message = f"'{kind.name}' needs the roleArn of each profile: its pipelines have no other credentials"
        yield Finding(("profiles", index), "missing-key", message, "add roleArn, or existingSecret")
    elif kind.identity == "pod-identity" and profile.role_arn:
        message = "the role is bound to the account by an association, which is made outside the cluster"
        yield Finding(role, "wrong-kind", message, "remove it, or use overlay: kfp-irsa", at_key=True)


def plan(installation: Installation) -> Overlay:
    """The objects of every profile, and the Secrets that they log in with."""
    if not installation.profiles:
        return Overlay()
    return Overlay(
        components=("pipelines-no-profile-controller",),
        profiles={profile.name: objects(installation, profile) for profile in installation.profiles},
        secrets=tuple(_secrets(installation)),
    )


def _secrets(installation: Installation) -> Iterator[Secret]:
    from compiler.kubeflow.parts.artifacts import secret

    for index, profile in enumerate(installation.profiles):
        keys = installation.keys_of(profile)
        if keys:
            because = ("profiles", index, "existingSecret") if profile.keys else ("artifacts", "profileSecret")
            yield secret(keys, because, f"the pipelines of {profile.name}", profile.name)
