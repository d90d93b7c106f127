"""Where Kubeflow Pipelines keeps definitions of pipelines, and artifacts and logs of their runs.

`provider` says whose the store is; host, scheme and the way that requests name the bucket follow from it and from `region`.
Without `provider` it follows from `endpoint`, and without that it is Amazon S3.

- `amazon`, `alibaba`, `ibm` and `wasabi` have a host for each region, and `google` one for all: no `endpoint` is needed. One may
  be set where the store is reached by another of their hosts.
- `minio`, `ceph`, `azure` (behind S3Proxy, since Azure has no such interface itself) and `other` need an `endpoint`.
- Google takes HMAC keys alone by its XML API: no Workload Identity. Alibaba takes the bucket in the host name alone, which the
  API server of Pipelines does up to 2.14.

`kfp-keys` takes access keys from Secrets: `existingSecret` in the namespace `kubeflow` for the API server and the UI, and
`profileSecret` in each profile's, with `{profile_name}` where each profile has keys of its own. No key is written anywhere
else. `kfp-irsa` and `kfp-pod-identity` use the roles of pods, of Amazon S3 alone.

Below `prefix`, if there is one, definitions are under `pipelines/`, artifacts of version 1 and logs under
`artifacts/<namespace>/`, artifacts of version 2 under `v2/artifacts/<namespace>/`. `keyFormat` and `pipelineRoot` change what
comes after those beginnings, which the policies of profiles rest on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from compiler import bucket, lifecycle
from compiler.diagnostic import Finding, Severity
from compiler.formats import DATA_KEY, NAME, OTHER_TYPES
from compiler.kind import Kind
from compiler.kubeflow.installation import Keys, Store
from compiler.kubeflow.layout import PROFILE, Layout
from compiler.kubeflow.provider import PROVIDERS, host_of, of_endpoint
from compiler.kubeflow.settings import stored
from compiler.overlay import Overlay, Secret, SecretKey
from compiler.part import Schema, choice, formatted, text
from compiler.route import Route
from compiler.store import BUCKET, EXISTING_SECRET, PREFIX, steps
from compiler.stores.s3 import KEYS as S3

if TYPE_CHECKING:
    from compiler.kubeflow.installation import Installation

SECRET = "kubeflow-pipelines--backend-object-store-auth"  # noqa: S105 - a name
PROFILE_SECRET = f"kubeflow-pipelines--profile-object-store-auth--{PROFILE}"
ACCESS_KEY, SECRET_KEY = "access_key", "secret_key"
"""The names that deployKF has for Secrets and their keys."""
_CHARACTER = r"(?:[a-z0-9]|\{profile_name\})"
_SEGMENT = f"{_CHARACTER}(?:(?:-|{_CHARACTER})*{_CHARACTER})?"
_PATH = r"[A-Za-z0-9!_.*'(){}/-]+"

_OWN: dict[str, Schema] = {
    "provider": choice("Whose the store is.", {name: each.words + "." for name, each in PROVIDERS.items()}),
    "accessKeyKey": formatted("What Secrets call the access key id.", DATA_KEY, default=ACCESS_KEY),
    "secretKeyKey": formatted("What Secrets call the secret access key.", DATA_KEY, default=SECRET_KEY),
    "profileSecret": text(
        "The Secret with the access keys of a profile, in its namespace; `{profile_name}` stands for the profile's name.",
        rf"{OTHER_TYPES}{_SEGMENT}(?:\.{_SEGMENT})*",
        "the name of a Secret, with {profile_name} where each profile has its own",
        maxLength=NAME.longest,
        default=PROFILE_SECRET,
    ),
    "keyFormat": text(
        "The key of an artifact of version 1, for Argo Workflows.",
        _PATH,
        "a path inside the bucket, without spaces",
        examples=["artifacts/{{workflow.namespace}}/{{workflow.name}}/{{pod.name}}"],
    ),
    "pipelineRoot": text(
        "The path that artifacts of version 2 go under, inside the bucket; `{profile_name}` stands for the namespace of the run.",
        _PATH,
        "a path inside the bucket, without bucket, scheme or parameters",
        examples=["v2/artifacts/{profile_name}/runs"],
    ),
}
KEYS: dict[str, Schema] = {
    "artifacts": {
        "type": "object",
        "description": "Where artifacts are kept.",
        "additionalProperties": False,
        "properties": {
            "bucket": BUCKET,
            "prefix": PREFIX,
            "region": bucket.REGION,
            "endpoint": bucket.ENDPOINT,
            "existingSecret": EXISTING_SECRET,
            "roleArn": S3["roleArn"],
            "kmsKeyArn": S3["kmsKeyArn"],
            **_OWN,
            **lifecycle.KEYS,
        },
    }
}


def read(values: Mapping[str, Any], kind: Kind) -> Store:
    """The store of an environment."""
    given = values.get("artifacts", {})
    provider = given.get("provider") or of_endpoint(given.get("endpoint"))
    region = given.get("region") or PROVIDERS[provider].region or "us-east-1"
    url = urlsplit(given.get("endpoint") or f"https://{host_of(provider, region)}")
    names = given.get("accessKeyKey", ACCESS_KEY), given.get("secretKeyKey", SECRET_KEY)
    keys = kind.identity == "keys"
    return Store(
        given=frozenset(given),
        provider=provider,
        bucket=given.get("bucket", "mlpipeline"),
        region=region,
        endpoint=given.get("endpoint"),
        host=url.hostname or "",
        port=url.port if url.port != (443 if url.scheme == "https" else 80) else None,
        secure=url.scheme == "https",
        virtual=PROVIDERS[provider].virtual,
        keys=Keys(given.get("existingSecret", SECRET), *names) if keys else None,
        profile_keys=Keys(given.get("profileSecret", PROFILE_SECRET), *names) if keys else None,
        role_arn=given.get("roleArn"),
        kms_key_arn=given.get("kmsKeyArn"),
        layout=Layout(given.get("prefix", ""), given.get("keyFormat"), given.get("pipelineRoot")),
        lifecycle=lifecycle.read(given),
    )


def check(installation: Installation) -> Iterable[Finding]:
    """A store that is not reached as it was said, keys and roles that do not go together, and prefixes that policies miss."""
    store = installation.artifacts
    yield from bucket.forbidden(store.bucket)
    yield from steps(store.layout.prefix)
    yield from _reached(store)
    yield from _login(installation, store)
    yield from _layout(store)
    yield from partitioned(("artifacts", "roleArn"), store.role_arn, store.region)
    yield from _encryption(store)


def _encryption(store: Store) -> Iterator[Finding]:
    key = ("artifacts", "kmsKeyArn")
    if store.kms_key_arn is None:
        return
    if not store.is_amazon:
        message = "keys of KMS are Amazon's, and this store is another"
        yield Finding(key, "conflicting-keys", message, "remove it", at_key=True)
        return
    yield from partitioned(key, store.kms_key_arn, store.region)
    region = store.kms_key_arn.split(":")[3]
    if region != store.region:
        message = f"the key is in {region}, the bucket in {store.region}"
        yield Finding(key, "region-mismatch", message, "S3 encrypts with keys of the bucket's own region")


def _reached(store: Store) -> Iterator[Finding]:
    provider, endpoint = PROVIDERS[store.provider], ("artifacts", "endpoint")
    if not provider.host and store.endpoint is None:
        message = f"a store of '{store.provider}' needs artifacts.endpoint: each has a host of its own"
        yield Finding(("artifacts", "provider"), "missing-key", message, "add artifacts.endpoint")
    if not provider.region and "region" not in store.given:
        message = f"'{store.provider}' needs artifacts.region: its hosts and signatures name it"
        yield Finding(("artifacts",), "missing-key", message, "add artifacts.region", at_key=True)
    if store.endpoint is None:
        return
    if provider.domains and not store.host.endswith(provider.domains):
        message = f"{store.host} is no host of {provider.words}"
        yield Finding(
            endpoint, "conflicting-keys", message, "let artifacts.provider say whose it is, or remove one of the two"
        )
    if provider.domains and (store.port or not store.secure):
        message = (
            f"{provider.words} answers by TLS at the usual port alone, and requests that name a port are signed wrongly"
        )
        yield Finding(endpoint, "conflicting-keys", message, f"write https://{store.host}")
    elif not store.secure:
        message = "requests go through the network as they are: whoever sees them has the artifacts"
        yield Finding(
            endpoint, "plain-http", message, "write https://, where the store has a certificate", Severity.WARNING
        )


def _login(installation: Installation, store: Store) -> Iterator[Finding]:
    kind = installation.kind
    if kind.identity == "keys":
        if store.role_arn:
            message = f"roleArn means nothing to '{kind.name}': it logs in with access keys"
            yield Finding(
                ("artifacts", "roleArn"), "wrong-kind", message, "remove it, or use overlay: kfp-irsa", at_key=True
            )
        many = installation.profiles or installation.pipelines.deploykf
        if many and store.profile_keys and PROFILE not in store.profile_keys.secret:
            message = "all profiles share one access key, whose policy has to cover the artifacts of all"
            hint = f"name the Secret with {PROFILE} in it, so that each profile has its own"
            route = ("artifacts", "profileSecret")
            yield Finding(route, "shared-key", message, hint, Severity.WARNING)
        return
    for key in ("existingSecret", "profileSecret", "accessKeyKey", "secretKeyKey"):
        own = any(profile.keys for profile in installation.profiles) and key in ("accessKeyKey", "secretKeyKey")
        if key in store.given and not own:
            message = f"{key} means nothing to '{kind.name}': its pods have roles"
            yield Finding(("artifacts", key), "wrong-kind", message, "remove it, or use overlay: kfp-keys", at_key=True)
    if not store.is_amazon:
        route = ("artifacts", "provider" if "provider" in store.given else "endpoint")
        message = f"a role is only known to Amazon S3, and this is {PROVIDERS[store.provider].words}"
        yield Finding(route, "conflicting-keys", message, "use overlay: kfp-keys, or Amazon S3", at_key=True)
    if kind.identity == "pod-identity" and store.role_arn:
        message = "the role is bound to the accounts by associations, which are made outside the cluster"
        yield Finding(
            ("artifacts", "roleArn"), "wrong-kind", message, "remove it, or use overlay: kfp-irsa", at_key=True
        )


def _layout(store: Store) -> Iterator[Finding]:
    layout = store.layout
    key, root = layout.key_format, layout.pipeline_root
    if key is not None and not key.startswith(layout.key_start):
        message = "artifacts would lie where the policies of profiles do not reach"
        yield Finding(("artifacts", "keyFormat"), "bad-prefix", message, f"start it with {layout.key_start}")
    if root is not None and root != layout.root_start and not root.startswith(f"{layout.root_start}/"):
        message = "artifacts would lie where the policies of profiles do not reach"
        yield Finding(("artifacts", "pipelineRoot"), "bad-prefix", message, f"start it with {layout.root_start}/")


def partitioned(route: Route, arn: str | None, region: str) -> Iterator[Finding]:
    """Finds an ARN of another partition than the region's."""
    if arn and arn.split(":")[1] != bucket.partition(region):
        message = (
            f"the ARN is of the partition {arn.split(':')[1]}, and the region {region} of {bucket.partition(region)}"
        )
        yield Finding(route, "partition-mismatch", message, "one of the two belongs to another account")


def plan(installation: Installation) -> Overlay:
    """The settings of every client of the store, and the Secret of the API server and the UI."""
    keys = installation.artifacts.keys
    overlay = stored(installation)
    if keys:
        overlay += Overlay(secrets=(secret(keys, ("artifacts", "existingSecret"), "the API server and the UI"),))
    return overlay


def secret(keys: Keys, because: Route, who: str, namespace: str = "") -> Secret:
    """A Secret with access keys. In: whose they are, and the namespace where it is not that of the installation."""
    asked = (
        SecretKey(keys.access_key, f"the access key id that {who} use", "..."),
        SecretKey(keys.secret_key, "the secret access key that belongs to it", "..."),
    )
    return Secret(keys.secret, asked, because, in_cluster=False, namespace=namespace)
