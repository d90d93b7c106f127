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

`mlflow` has every run recorded in the MLflow of another environment of the project: the plug-in of the API server, which 2.17.0
has, makes a run there for each run of a pipeline, and one below it for each step. The address follows from that environment.

- Where it asks for a login, the Secret `kfp-mlflow-credentials` in the namespace of the steps has a `username` and a `password`
  that MLflow knows. A login by OpenID Connect is not one that the plug-in has, and TLS in the server's pod needs an authority
  that steps do not know.
- Where it has `networkPolicy.clients`, the namespace `kubeflow` and those of profiles have to be among them.
- Without `mlflow`, 2.17.0 looks for one at the address that upstream ships, finds none, and goes on.

Where an environment of MLflow in the project keeps artifacts or backups in the same bucket, neither may lie under a prefix of the
other: this is looked at whether `mlflow` is set or not.

`deployKF` writes `deploykf/values.yaml` for an installation by deployKF in place of the overlay: the same store and the same
profiles as values of its generator, to be merged after your own. The Secrets of profiles are copied from `secretNamespace`, and
the members of a profile have the access of `profileDefaults.memberAccess`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from compiler.diagnostic import Finding, Severity
from compiler.formats import LABEL, LABEL_WORDS, SHORT_LABEL
from compiler.kind import Kind
from compiler.kubeflow import deploykf, tracking
from compiler.kubeflow.installation import DeployKF, Pipelines, Tracking
from compiler.kubeflow.plan import installed
from compiler.kubeflow.release import NEWEST, RELEASES, UPSTREAM
from compiler.kubeflow.sharing import overlapping
from compiler.outline import local
from compiler.overlay import Overlay
from compiler.part import Schema, formatted, object_of, text

if TYPE_CHECKING:
    from compiler.kubeflow.installation import Installation

_STEP = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
_REMOTE = r"https://[A-Za-z0-9][A-Za-z0-9._/-]*\?ref=[A-Za-z0-9._-]+"

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
                        "default": deploykf.FIXED,
                    },
                    "sampleValues": {
                        "type": "boolean",
                        "description": "Whether the values come after deployKF's own `sample-values.yaml`.",
                        "default": False,
                    },
                    "profileNamePrefix": text(
                        "The `profileDefaults.profileNamePrefix` of your other values.",
                        f"|{SHORT_LABEL}-?",
                        LABEL_WORDS,
                        minLength=0,
                    ),
                    "secretNamespace": formatted(
                        "Where the Secrets of profiles are, from which deployKF copies them.", LABEL, default="kubeflow"
                    ),
                },
            ),
            "mlflow": object_of(
                "Records every run in MLflow.",
                {
                    "environment": text(
                        "The environment of the project that installs it.", SHORT_LABEL, LABEL_WORDS, examples=["prod"]
                    ),
                    "experiment": text(
                        "The experiment of runs that name none; `KFP-Default` without it.", maxLength=256
                    ),
                    "variables": {
                        "type": "boolean",
                        "description": "Whether the programs of steps are told: `MLFLOW_TRACKING_URI`, `MLFLOW_RUN_ID`, "
                        "`MLFLOW_EXPERIMENT_ID`, and the login.",
                        "default": False,
                    },
                },
                required=["environment"],
            ),
        },
        minProperties=1,
    )
}


def read(values: Mapping[str, Any], kind: Kind) -> Pipelines:
    """The installation of an environment."""
    given = values.get("pipelines", {})
    asked = given.get("deployKF")
    values_for = None
    if asked is not None:
        values_for = DeployKF(
            asked.get("version", deploykf.FIXED),
            asked.get("sampleValues", False),
            asked.get("profileNamePrefix", ""),
            asked.get("secretNamespace", "kubeflow"),
        )
    recorded = None
    if "mlflow" in given:
        wanted = given["mlflow"]
        recorded = Tracking(wanted["environment"], wanted.get("experiment"), wanted.get("variables", False))
    return Pipelines(given.get("version", NEWEST), given.get("base"), values_for, recorded)


def check(installation: Installation) -> Iterable[Finding]:
    """What the release cannot do, and what deployKF cannot."""
    yield from _release(installation)
    yield from _base(installation)
    if installation.pipelines.deploykf:
        yield from _deploykf(installation, installation.pipelines.deploykf)
    yield from overlapping(installation)
    yield from tracking.check(installation)


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
        message = (
            f"the client of {release.version} signs a header that Google changes: uploads are reported to be refused"
        )
        hint = "try an upload before you rely on it, or use 2.14.4"
        yield Finding(route, "unsupported-version", message, hint, Severity.WARNING)
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
    if "://" in base and local(base) == base:
        message = "these manifests are elsewhere and there is no outline of them, so that nothing could be proved of the overlay"
        hint = "copy them into the project, and name their directory there"
        yield Finding(("pipelines", "base"), "remote-base", message, hint)
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
    if asked.sample_values and asked.version == deploykf.FIXED:
        message = (
            f"deployKF {deploykf.FIXED} has no kfpV2.minioFix to turn off, as the sample values of earlier ones set it"
        )
        yield Finding((*here, "sampleValues"), "conflicting-keys", message, "remove it", Severity.WARNING)
    if asked.version != deploykf.FIXED:
        message = (
            f"the Pipelines of deployKF {asked.version} keep artifacts of version 2 at minio-service.kubeflow alone"
        )
        hint = f"use {deploykf.FIXED}, or run pipelines of version 1 alone"
        yield Finding((*here, "version"), "unsupported-version", message, hint, Severity.WARNING)
    if store.role_arn and not installation.profiles:
        message = "all profiles share the role of the API server, whose policy covers the artifacts of all"
        hint = "add profiles, each with a roleArn of its own"
        yield Finding(("artifacts", "roleArn"), "shared-key", message, hint, Severity.WARNING)
    if store.layout.prefix:
        message = "deployKF keeps definitions of pipelines under pipelines/ at the top of the bucket"
        yield Finding(
            ("artifacts", "prefix"), "conflicting-keys", message, "use a bucket of its own, or remove deployKF"
        )
    if installation.kind.identity == "pod-identity":
        message = "the Pipelines of deployKF know no Pod Identity: their client takes credentials from the pod's own host alone"
        yield Finding(here, "wrong-kind", message, "use overlay: kfp-irsa, or remove it", at_key=True)


def plan(installation: Installation) -> Overlay:
    """The base, what is taken away from it, the MLflow of its runs, and the values for deployKF."""
    overlay = installed(installation) + tracking.plan(installation)
    if installation.pipelines.deploykf:
        overlay += Overlay(documents=deploykf.documents(installation, installation.pipelines.deploykf))
    return overlay
