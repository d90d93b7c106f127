"""Who uses the object store of an installation of Kubeflow Pipelines, and what each may do there.

The backend, which is the API server and the UI, works in every place of Pipelines, and asks for the bucket itself when it
starts. A profile works under its own two prefixes. deployKF's guide to external object stores has a policy for each of the two.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from compiler.bucket import partition
from compiler.cloud.need import Account, User, called
from compiler.cloud.place import Place
from compiler.cloud.policy import Document, allow, below, encryption, insides, objects, policy, wholes
from compiler.kubeflow.deploykf import ROLES
from compiler.kubeflow.layout import NAMESPACE, PROFILE
from compiler.kubeflow.profile import EDITOR
from compiler.kubeflow.settings import ACCOUNTS, RUNNERS

if TYPE_CHECKING:
    from compiler.kubeflow.installation import Installation, Profile, Store

SYSTEM = "kfp"
"""What the names of everything outside the cluster begin with."""
_LONGEST = 64
_BACKEND, _PROFILES = "backend", "profiles"


def places(store: Store) -> tuple[Place, ...]:
    """The places of everything: artifacts of version 1 and logs, definitions of pipelines, artifacts of version 2."""
    return _places(store, ("artifacts", "pipelines", "v2"), store.layout.backend)


def _places(store: Store, words: Sequence[str], paths: Sequence[str]) -> tuple[Place, ...]:
    return tuple(Place(what, store.bucket, path, SYSTEM) for what, path in zip(words, paths, strict=True))


def users(installation: Installation) -> tuple[User, ...]:
    """Everybody, the backend first."""
    return (backend(installation), *(_user(installation, *group) for group in groups(installation).items()))


def groups(installation: Installation) -> dict[str, list[Profile]]:
    """The profiles of each role or user but the backend's, by its label: those with one ARN, or with one key, are together."""
    store = installation.artifacts
    first: dict[str, str] = {}
    found: dict[str, list[Profile]] = {}
    for profile in installation.profiles:
        label = f"profile-{profile.name}"
        if profile.role_arn and not profile.keys:
            label = first.setdefault(profile.role_arn, label)
        elif store.profile_keys and not profile.keys and PROFILE not in store.profile_keys.secret:
            label = _PROFILES
        if not _backends(installation, profile):
            found.setdefault(label, []).append(profile)
    return found


def _backends(installation: Installation, profile: Profile) -> bool:
    """Whether a profile has the role of the backend."""
    return bool(profile.role_arn) and not profile.keys and profile.role_arn == installation.artifacts.role_arn


def backend(installation: Installation) -> User:
    """The API server and the UI; with them the steps of pipelines, where there is one user."""
    store, profiles = installation.artifacts, installation.profiles
    alike = [profile for profile in profiles if _backends(installation, profile)]
    if installation.pipelines.deploykf:
        # Where it has profiles of its own, they have the role of the backend.
        accounts = [Account(*each) for each in (*ROLES, *(() if profiles else (("*", EDITOR),)))]
    else:
        accounts = [Account(NAMESPACE, name) for name in (*ACCOUNTS, *(() if profiles else RUNNERS))]
    accounts += [Account(profile.name, EDITOR) for profile in alike]
    name, path, _ = called(store.role_arn) if store.role_arn else (name_of(installation, _BACKEND), "/", "")
    who = _and(["the backend", *(profile.name for profile in alike)])
    kind = installation.kind.identity
    return User(_BACKEND, who, name, kind, _permissions(store, installation), tuple(accounts), path)


def _user(installation: Installation, label: str, profiles: Sequence[Profile]) -> User:
    store, arn = installation.artifacts, profiles[0].role_arn
    if label == _PROFILES:
        inside = _places(store, ("artifacts", "v2"), (store.layout.first, store.layout.second))
    else:
        inside = tuple(
            each
            for profile in profiles
            for each in _places(store, ("artifacts", "v2"), store.layout.profile(profile.name))
        )
    has_keys = installation.keys_of(profiles[0]) is not None
    name, path, _ = called(arn) if arn and not has_keys else (name_of(installation, label), "/", "")
    return User(
        label,
        "profiles" if label == _PROFILES else _and([profile.name for profile in profiles]),
        name,
        "keys" if has_keys else installation.kind.identity,
        _permissions(store, installation, inside),
        tuple(Account(profile.name, EDITOR) for profile in profiles),
        path,
    )


def _permissions(store: Store, installation: Installation, inside: Sequence[Place] = ()) -> Document:
    """What a user of some places may do, or the backend, in all.

    The backend asks for the bucket with HeadBucket, which names no prefix. So the right to list has no condition for it.
    """
    head = f"arn:{partition(store.region) if store.is_amazon else 'aws'}:s3:::"
    every = inside or places(store)
    whole = wholes(every, head)
    if installation.cloud.iam == "documented":
        bucket = allow("", ["GetBucketLocation", "ListBucket"], whole)
        return policy([bucket, allow("", ["GetObject", "PutObject", "DeleteObject"], insides(every, head))])
    condition = below(inside) if inside else None
    statements = [
        allow("Location", ["GetBucketLocation"], whole),
        allow("List", ["ListBucket"], whole, condition),
        objects(every, head),
    ]
    if store.kms_key_arn:
        statements.append(encryption(store.kms_key_arn, store.region))
    return policy(statements)


def name_of(installation: Installation, label: str) -> str:
    """The name of a role or user. One that is too long ends in a digest: cut, it might be that of another profile."""
    name = f"{installation.cloud.name or f'{SYSTEM}-{installation.name}'}-{label}"
    if len(name) <= _LONGEST:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: _LONGEST - len(digest) - 1]}-{digest}"


def _and(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
