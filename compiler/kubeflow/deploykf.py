"""Values for an installation by deployKF: the store, who logs in to it and how, and the profiles.

Sources, at tag v0.1.5 of github.com/deployKF/deployKF: generator/default_values.yaml, the helpers beside it, and what the
templates of Pipelines, of Argo Workflows and of the generator of profiles make of each value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from compiler.block import dump
from compiler.kubeflow.layout import NAMESPACE, PROFILE
from compiler.tree import PAGE

if TYPE_CHECKING:
    from compiler.kubeflow.installation import DeployKF, Installation, Keys, Profile, Store

VALUES = "values.yaml"
DIRECTORY = "deploykf"
FIXED = "0.1.5"
"""The first version whose Pipelines reach an external store in version 2, and so without `kfpV2.minioFix`."""
_QUERY = "?region={bucket_region}&endpoint={endpoint}&disableSSL={not_use_ssl}&s3ForcePathStyle="
_EXPRESSION = re.compile(r"\{\{(.*?)\}\}")
_ARGO = "kubeflow-argo-workflows"
"""The namespace that deployKF has Argo Workflows in."""
ROLES = (
    (NAMESPACE, "ml-pipeline"),
    (NAMESPACE, "ml-pipeline-ui"),
    (_ARGO, "argo-workflow-controller"),
    (_ARGO, "argo-server"),
)
"""The service accounts that get the role of the backend, by namespace."""
_PAGE = """<!-- Written by mlflow-overlays from environment.yaml. Run `make overlay ENV={name}` to make it anew. -->
# Values for deployKF {version}

`{file}` moves Kubeflow Pipelines to the store of the environment {name}. It is in place of the overlay: apply one of the two.
Merge it last, after your own values: as the last of `values_files` of the Argo CD plug-in, or

```sh
deploykf generate --source-version {version} --values <yours> --values {file} --output-dir <directory>
```

deployKF merges mappings, and replaces lists. These lists of yours are replaced:

{lists}"""

Values = dict[str, Any]


def documents(installation: Installation, asked: DeployKF) -> dict[str, str]:
    """The values and the page that says how they are merged, by their paths."""
    header = (
        "# Written by mlflow-overlays from environment.yaml. Don't change it here: change environment.yaml,\n"
        f"# and run `make overlay ENV={installation.name}`.\n"
    )
    text = header + dump(values(installation, asked))
    return {f"{DIRECTORY}/{VALUES}": text, f"{DIRECTORY}/{PAGE}": _page(installation, asked)}


def values(installation: Installation, asked: DeployKF) -> Values:
    """What is merged over all other values of deployKF. No key of a store is among them, nor a default one of deployKF left."""
    found: Values = {"deploykf_opt": {"deploykf_minio": {"enabled": False}}}
    if generator := _profiles(installation, asked):
        found["deploykf_core"] = {"deploykf_profiles_generator": generator}
    if workflows := _workflows(installation):
        found["kubeflow_dependencies"] = {"kubeflow_argo_workflows": workflows}
    found["kubeflow_tools"] = {"pipelines": _pipelines(installation, asked)}
    return found


def _pipelines(installation: Installation, asked: DeployKF) -> Values:
    store = installation.artifacts
    found: Values = {}
    if store.role_arn:
        found["serviceAccounts"] = {"apiServer": _role(store.role_arn), "frontend": _role(store.role_arn)}
    found["bucket"] = {"name": store.bucket, "region": store.region}
    found["objectStore"] = {
        "useExternal": True,
        "host": store.host,
        "port": str(store.port or ""),
        "useSSL": store.secure,
        "auth": _backend(store.keys),
    }
    second = _second(store, asked)
    return found | ({"kfpV2": second} if second else {})


def _backend(keys: Keys | None) -> Values:
    """How the backend logs in. deployKF would deploy the keys that its defaults have where no Secret is named."""
    if keys is None:
        return {"fromEnv": True}
    return {"fromEnv": False, "accessKey": "", "secretKey": "", **_secret(keys)}


def _secret(keys: Keys, **more: str) -> Values:
    return {
        "existingSecret": keys.secret,
        **more,
        "existingSecretAccessKeyKey": keys.access_key,
        "existingSecretSecretKeyKey": keys.secret_key,
    }


def _second(store: Store, asked: DeployKF) -> Values:
    """What only version 2 of Pipelines has."""
    found: Values = {}
    # deployKF's own root asks for the bucket in the path, which some stores refuse.
    if store.layout.pipeline_root or (store.virtual and asked.version == FIXED):
        path = store.layout.root(PROFILE)
        root = f"{{scheme}}://{{bucket_name}}/{path}{_QUERY}{str(not store.virtual).lower()}"
        found["defaultPipelineRoot"] = root if asked.version == FIXED else f"minio://{{bucket_name}}/{path}"
    if asked.sample_values and asked.version != FIXED:
        found["minioFix"] = False
    return found


def _workflows(installation: Installation) -> Values:
    store = installation.artifacts
    found: Values = {}
    if store.layout.key_format:
        # deployKF reads the namespace from the key only where expressions are written as it does.
        found["artifactRepository"] = {"keyFormat": _EXPRESSION.sub(r"{{ \1 }}", store.layout.key_format)}
    if store.role_arn:
        account = {"serviceAccount": _role(store.role_arn)}
        found |= {"controller": account, "server": account}
    return found


def _role(arn: str) -> Values:
    return {"annotations": {"eks.amazonaws.com/role-arn": arn}}


def _profiles(installation: Installation, asked: DeployKF) -> Values:
    """What profiles have by default, and the profiles; those of other values stay where the environment has none."""
    store = installation.artifacts
    found: Values = {}
    if store.profile_keys:
        auth = _secret(store.profile_keys, existingSecretNamespace=asked.secret_namespace)
        found["profileDefaults"] = {"tools": {"kubeflowPipelines": {"objectStoreAuth": auth}}}
    elif store.role_arn:
        found["profileDefaults"] = {"plugins": [] if installation.profiles else [_plugin(store.role_arn)]}
    if members := sorted({member for profile in installation.profiles for member in profile.members}):
        found |= {"users": [{"id": member, "email": member} for member in members], "groups": []}
    if installation.profiles:
        found["profiles"] = [_profile(profile) for profile in installation.profiles]
    return found


def _profile(profile: Profile) -> Values:
    found: Values = {
        "name": profile.name,
        "ownerEmail": profile.owner,
        "members": [{"user": member} for member in profile.members],
    }
    if profile.role_arn:
        found["plugins"] = [_plugin(profile.role_arn)]
    if profile.keys:
        auth = _secret(profile.keys, existingSecretNamespace=profile.name)
        found["tools"] = {"kubeflowPipelines": {"objectStoreAuth": auth}}
    return found


def _plugin(arn: str) -> Values:
    """The role of a profile. deployKF writes the key so; Kubeflow reads it in any case."""
    return {"kind": "AwsIamForServiceAccount", "spec": {"awsIamRole": arn, "AnnotateOnly": True}}


def _page(installation: Installation, asked: DeployKF) -> str:
    lists = [path for path, value in _leaves(values(installation, asked)) if isinstance(value, list)]
    text = _PAGE.format(name=installation.name, version=asked.version, file=VALUES, lists=_listed(lists) or "- none\n")
    if any(path.endswith(".users") for path in lists):
        text += "\nMembers have the access of your `profileDefaults.memberAccess`, by default to look alone.\n"
    return text + "\n## To be created first\n\n" + "".join(f"- {each}\n" for each in _needs(installation, asked))


def _listed(paths: list[str]) -> str:
    return "".join(f"- `{path}`\n" for path in paths)


def _needs(installation: Installation, asked: DeployKF) -> Iterator[str]:
    """What deployKF expects to be there, a line each."""
    store = installation.artifacts
    yield f"the bucket `{store.bucket}`: deployKF creates that of its own MinIO alone"
    if store.keys:
        yield f"{_keys_there(store.keys, NAMESPACE)}, for the backend"
        if not installation.profiles and store.profile_keys:
            yield f"{_keys_there(store.profile_keys, asked.secret_namespace)}, for each profile"
    for profile in installation.profiles:
        if keys := installation.keys_of(profile):
            place = profile.name if profile.keys else asked.secret_namespace
            yield f"{_keys_there(keys, place)}, for the profile {profile.name}"
        elif profile.role_arn:
            yield f"`{profile.role_arn}`, which `{profile.name}/default-editor` may assume"
    if store.role_arn:
        accounts = [*(f"`{namespace}/{name}`" for namespace, name in ROLES)]
        accounts += [] if installation.profiles else ["`default-editor` of every profile"]
        yield f"`{store.role_arn}`, which these service accounts may assume: {', '.join(accounts)}"


def _keys_there(keys: Keys, namespace: str) -> str:
    names = f"`{keys.access_key}` and `{keys.secret_key}`"
    return f"the Secret `{keys.secret}` in the namespace `{namespace}` with the keys {names}"


def _leaves(data: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is no mapping, by its path."""
    for key, value in data.items():
        here = f"{path}.{key}" if path else key
        if isinstance(value, dict):
            yield from _leaves(value, here)
        else:
            yield here, value
