"""Which installation of Kubeflow Pipelines the overlay patches.

`version` is a release of upstream, and `base` where its manifests are. Without `base` the overlay names those of the release in
upstream's repository, pinned by commit: `platform-agnostic`, or `platform-agnostic-multi-user` where there are `profiles`. A copy
inside the project is named by its path from there, as `vendor/kubeflow-pipelines/2.17.0/env/platform-agnostic`;
`scripts/upstream.py` makes one that builds without a network. The overlay is then proved over that copy; otherwise over the
outline of the release in `base/pipelines`, which has all that the overlay changes and takes away.

Upstream's own object store, MinIO or SeaweedFS, is taken away with every mention of it, and so is the controller that sets up
profiles for it, where there are profiles: `profiles` does its work.

- 2.15.0 does not start without access keys, so that roles need 2.16.0 or later.
- Profiles need 2.15.0 or later: before, each had web servers of its own, which the controller made.
- Before 2.17.0, the steps of a pipeline that have a role take the region from the cluster's: a bucket in another region needs
  2.17.0.

`deployKF` writes `deploykf/values.yaml` for an installation by deployKF in place of the overlay: the same store and the same
profiles as values of its generator, to be merged after your own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from compiler.diagnostic import Finding, Severity
from compiler.kind import Kind
from compiler.kubeflow.installation import DeployKF, Pipelines
from compiler.kubeflow.plan import installed
from compiler.kubeflow.release import NEWEST, RELEASES, UPSTREAM
from compiler.overlay import Overlay
from compiler.part import LABEL, LABEL_WORDS, Schema, object_of, text

if TYPE_CHECKING:
    from compiler.kubeflow.installation import Installation

_STEP = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
_REMOTE = r"https://[A-Za-z0-9][A-Za-z0-9._/-]*\?ref=[A-Za-z0-9._-]+"
_FIX = "0.1.5"
"""The first version of deployKF without `kfpV2.minioFix`."""

KEYS: dict[str, Schema] = {
    "pipelines": object_of(
        "Which installation of Kubeflow Pipelines is patched.",
        {
            "version": {
                "type": "string",
                "description": "The release of Kubeflow Pipelines.",
                "enum": list(RELEASES),
                "default": NEWEST,
            },
            "base": text(
                "Its manifests: a directory of the project, or a URL that Kustomize can read, with `?ref=`.",
                rf"{_REMOTE}|{_STEP}(?:/{_STEP})*",
                "a path inside the project like vendor/kubeflow-pipelines/2.17.0/env/platform-agnostic, or an https:// URL that "
                "ends with ?ref= and a tag or commit",
                examples=["vendor/kubeflow-pipelines/2.17.0/env/platform-agnostic"],
            ),
            "deployKF": object_of(
                "Writes values for deployKF.",
                {
                    "version": {
                        "type": "string",
                        "description": "The version of deployKF.",
                        "enum": [f"0.1.{patch}" for patch in range(1, 6)],
                        "default": _FIX,
                    },
                    "sampleValues": {
                        "type": "boolean",
                        "description": "Whether the values come after deployKF's own `sample-values.yaml`.",
                        "default": False,
                    },
                    "profileNamePrefix": text(
                        "The `profileDefaults.profileNamePrefix` of your other values.",
                        f"|{LABEL}-?",
                        LABEL_WORDS,
                        minLength=0,
                    ),
                    "secretNamespace": text(
                        "Where the Secrets of profiles are, from which deployKF copies them.",
                        LABEL,
                        LABEL_WORDS,
                        default="kubeflow",
                    ),
                },
            ),
        },
        minProperties=1,
    )
}


def read(values: Mapping[str, Any], kind: Kind) -> Pipelines:
    """The installation of an environment."""
    given = values.get("pipelines", {})
    asked = given.get("deployKF")
    deploykf = None
    if asked is not None:
        deploykf = DeployKF(
            asked.get("version", _FIX),
            asked.get("sampleValues", False),
            asked.get("profileNamePrefix", ""),
            asked.get("secretNamespace", "kubeflow"),
        )
    return Pipelines(given.get("version", NEWEST), given.get("base"), deploykf)


def check(installation: Installation) -> Iterable[Finding]:
    """What the release cannot do, and what deployKF cannot."""
    yield from _release(installation)
    yield from _base(installation)
    if installation.pipelines.deploykf:
        yield from _deploykf(installation, installation.pipelines.deploykf)


def _release(installation: Installation) -> Iterator[Finding]:
    release, store = RELEASES[installation.pipelines.version], installation.artifacts
    route = ("pipelines", "version")
    if store.keys is None:
        if not release.roles:
            message = f"{release.version} does not start without access keys, so that no role is ever asked for"
            yield Finding(route, "unsupported-version", message, "use 2.16.0 or later, or overlay: kfp-keys")
        elif release.numbers < (2, 14):
            message = f"{release.version} may not log in with a role, and goes on without a name when it is refused"
            hint = "use 2.16.0 or later: Access Denied at the start would not say why"
            yield Finding(route, "unsupported-version", message, hint, Severity.WARNING)
    if installation.profiles and not release.profiles:
        message = (
            f"in {release.version} the controller of profiles makes web servers in each, and it hard-codes the store"
        )
        yield Finding(route, "unsupported-version", message, "use 2.15.0 or later, or remove profiles")
    if store.provider == "google" and release.client == "amazon":
        message = f"the client of {release.version} signs a header that Google's servers change: uploads are reported to be refused"
        yield Finding(
            route,
            "unsupported-version",
            message,
            "try an upload before you rely on it, or use 2.14.4",
            Severity.WARNING,
        )
    if store.virtual and release.client == "amazon":
        message = f"the API server of {release.version} names the bucket in the path alone, and this store refuses that"
        yield Finding(route, "unsupported-version", message, "use 2.14.4, or another store")


def _base(installation: Installation) -> Iterator[Finding]:
    base, version = installation.pipelines.base, installation.pipelines.version
    if base is None:
        return
    if ".." in base.split("?")[0].split("/"):
        yield Finding(
            ("pipelines", "base"), "bad-value", f"'{base}' leads out of the project", "name a directory inside it"
        )
    reference = base.partition("?ref=")[2]
    known = {each for release in RELEASES.values() for each in (release.version, release.commit)}
    if base.startswith(UPSTREAM) and reference in known - {version, RELEASES[version].commit}:
        message = f"the base is of another release than {version}"
        yield Finding(
            ("pipelines", "base"), "conflicting-keys", message, "let pipelines.version say the same, or remove base"
        )


def _deploykf(installation: Installation, asked: DeployKF) -> Iterator[Finding]:
    here, store = ("pipelines", "deployKF"), installation.artifacts
    if asked.profile_name_prefix:
        message = "deployKF gives the prefix to the namespaces of profiles, and not to what Pipelines has in them"
        hint = "write the whole name of each profile, and leave profileNamePrefix empty"
        yield Finding((*here, "profileNamePrefix"), "conflicting-keys", message, hint)
    if asked.sample_values and asked.version == _FIX:
        message = f"deployKF {_FIX} has no kfpV2.minioFix to turn off, as the sample values of earlier ones set it"
        yield Finding((*here, "sampleValues"), "conflicting-keys", message, "remove it", Severity.WARNING)
    if store.layout.prefix:
        message = "deployKF keeps definitions of pipelines under pipelines/ at the top of the bucket"
        yield Finding(
            ("artifacts", "prefix"), "conflicting-keys", message, "use a bucket of its own, or remove deployKF"
        )
    if installation.kind.identity == "pod-identity":
        message = "the Pipelines of deployKF know no Pod Identity: their client takes credentials from the pod's own host alone"
        yield Finding(here, "wrong-kind", message, "use overlay: kfp-irsa, or remove it", at_key=True)


def plan(installation: Installation) -> Overlay:
    """The base, what is taken away from it, and the values for deployKF."""
    return installed(installation)
