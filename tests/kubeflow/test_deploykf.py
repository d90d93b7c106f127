"""The values for deployKF: every key is one that it has, nothing of its defaults is deployed, and all of its guide is there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kubeflow import ARN, KEYS, OWNER, ROLE, findings, planned
from tests.parts import Values, merged

HERE = Path(__file__).parent
KNOWN: dict[str, dict[str, dict[str, Any]]] = json.loads((HERE / "deploykf.json").read_text(encoding="utf-8"))
"""What scripts/deploykf.py reads from each version's own values."""
_, GUIDE_KEYS, GUIDE_ROLE = GUIDE = list(yaml.safe_load_all((HERE / "guide.yaml").read_text(encoding="utf-8")))
OPEN = ("annotations",)
"""Mappings of deployKF that take any key."""
ITEMS = {
    "users": {"id", "email"},
    "profiles": {"name", "members", "ownerEmail", "plugins", "tools"},
    "members": {"user"},
    "plugins": {"kind", "spec"},
}
"""What deployKF's templates read of the items of its lists."""
KEY_PROFILES = [
    {"name": "team-1", "owner": OWNER, "members": ["ben@acme.example"]},
    {"name": "team-2", "owner": OWNER, "existingSecret": "my-secret-name"},
]
ROLE_PROFILES = [{"name": "team-1", "owner": OWNER, "roleArn": f"{ARN}team-1"}]
ALL: dict[str, Values] = {
    "keys": KEYS,
    "keys-profiles": {**KEYS, "profiles": KEY_PROFILES},
    "keys-minio": {"overlay": "kfp-keys", "artifacts": {"bucket": "kfp", "endpoint": "http://minio.acme.example:9000"}},
    "keys-oss": {"overlay": "kfp-keys", "artifacts": {"bucket": "kfp", "provider": "alibaba", "region": "us-east-1"}}
    | {"pipelines": {"version": "2.14.4"}},
    "keys-layout": merged(
        KEYS,
        {
            "artifacts": {
                "keyFormat": "artifacts/{{workflow.namespace}}/{{pod.name}}",
                "pipelineRoot": "v2/artifacts/{profile_name}/runs",
            }
        },
    ),
    "role": ROLE,
    "role-profiles": {**ROLE, "profiles": ROLE_PROFILES},
    "role-and-keys": {**ROLE, "profiles": [{"name": "team-1", "owner": OWNER, "existingSecret": "mine"}]},
}


def written(values: Values, **asked: Any) -> Values:
    """The values that are written for an environment."""
    asked = merged(values.get("pipelines", {}), {"deployKF": asked})
    documents = planned({**values, "pipelines": asked}).documents
    found: Values = yaml.safe_load(documents["deploykf/values.yaml"])
    return found


def page(values: Values, **asked: Any) -> str:
    """The page beside them."""
    return planned({**values, "pipelines": {"deployKF": asked}}).documents["deploykf/README.md"]


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that deployKF merges as one, by its path."""
    if isinstance(value, dict) and value and not path.endswith(OPEN):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else key)
    else:
        yield path, value


def paths(value: Any, path: str = "") -> Iterator[str]:
    """The path of every value, through lists too."""
    if isinstance(value, list):
        for each in value:
            yield from paths(each, f"{path}[]")
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths(inner, f"{path}.{key}")
    elif not isinstance(value, list) or not value:
        yield path


def laid(values: Values, version: str) -> dict[str, Any]:
    """What is left of the values by path when they are laid over the defaults: mappings are merged, all else is replaced."""
    return KNOWN[version]["defaults"] | dict(leaves(values))


@pytest.mark.parametrize("version", KNOWN)
@pytest.mark.parametrize("name", ALL)
def test_keys__are_those_of_the_version_with_its_types(name: str, version: str) -> None:
    types = KNOWN[version]["types"]
    for path, value in leaves(written(ALL[name], version=version, sampleValues=version != "0.1.5")):
        kind = {bool: "boolean", str: "string", list: "array", dict: "object"}[type(value)]
        assert types.get(path) == kind, path


@pytest.mark.parametrize("name", ALL)
def test_items__have_what_templates_read(name: str) -> None:
    def items(value: Any) -> Iterator[tuple[str, Any]]:
        for key, inner in value.items() if isinstance(value, dict) else ():
            yield from ((key, each) for each in inner) if isinstance(inner, list) else ()
            for each in inner if isinstance(inner, list) else [inner]:
                yield from items(each)

    for key, item in items(written(ALL[name])):
        assert item.keys() <= ITEMS[key], (key, item)


@pytest.mark.parametrize("version", KNOWN)
@pytest.mark.parametrize("name", ALL)
def test_defaults__of_the_store_are_never_deployed(name: str, version: str) -> None:
    """deployKF makes a Secret of `accessKey` and `secretKey` unless a Secret is named or the environment logs in."""
    auth = "kubeflow_tools.pipelines.objectStore.auth"
    over = laid(written(ALL[name], version=version), version)
    assert over["kubeflow_tools.pipelines.objectStore.useExternal"] is True
    assert over[f"{auth}.fromEnv"] or over[f"{auth}.existingSecret"]
    if not over[f"{auth}.fromEnv"]:
        assert not {"my-access-key", "my-secret-key"} & {value for value in over.values() if isinstance(value, str)}


def test_defaults__would_be_deployed_without_the_values() -> None:
    assert all("my-access-key" in known["defaults"].values() for known in KNOWN.values())


def test_guide__has_no_key_that_is_not_written() -> None:
    """Block by block; `minioFix` only where sample values of an old version set it."""
    old = {"version": "0.1.4", "sampleValues": True}
    both = merged(written(KEYS, **old), written(ALL["keys-profiles"], **old))
    keys, theirs = set(paths(both)), set(paths(merged(GUIDE[0], GUIDE_KEYS)))
    assert theirs - keys == set()
    extra = {"profileDefaults", "users", "groups", "ownerEmail", "members", "fromEnv"}
    assert {path for path in keys - theirs if not extra & set(re.split(r"[.\[\]]+", path))} == set()
    roles = set(paths(written(ROLE, **old))) | set(paths(written(ALL["role-profiles"], **old)))
    assert set(paths(merged(GUIDE[0], GUIDE_ROLE))) - roles == set()


def test_guide__comes_out_as_it_is_where_the_environment_says_the_same() -> None:
    """But for the host, which has the region, the region itself, and what would be deployed by default."""
    store = {"bucket": "kubeflow-pipelines", "region": "us-east-1", "roleArn": f"{ARN}MY_ROLE_NAME"}
    ours = dict(leaves(written({"overlay": "kfp-irsa", "artifacts": store}, version="0.1.4", sampleValues=True)))
    theirs = merged(GUIDE[0], GUIDE_ROLE)
    del theirs["deploykf_core"]["deploykf_profiles_generator"]["profiles"]
    pipelines = theirs["kubeflow_tools"]["pipelines"]
    pipelines["bucket"]["region"], pipelines["objectStore"]["host"] = "us-east-1", "s3.us-east-1.amazonaws.com"
    assert ours == dict(leaves(theirs))


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "cn-north-1", "us-gov-west-1"])
def test_host__is_amazons_by_deploykfs_own_rule(region: str) -> None:
    store = {"bucket": "acme-kfp", "region": region}
    reached = written({"overlay": "kfp-keys", "artifacts": store})["kubeflow_tools"]["pipelines"]
    assert re.match(r"^.*s3.*amazonaws.com.*$", reached["objectStore"]["host"])
    assert (reached["objectStore"]["port"], reached["objectStore"]["useSSL"]) == ("", True)
    assert reached["bucket"]["region"] == region, "deployKF writes 'unspecified' for an empty one"


def test_store__of_ones_own_has_host_and_port() -> None:
    reached = written(ALL["keys-minio"])["kubeflow_tools"]["pipelines"]["objectStore"]
    assert (reached["host"], reached["port"], reached["useSSL"]) == ("minio.acme.example", "9000", False)


def test_layout__is_written_in_deploykfs_words_and_only_where_asked_for() -> None:
    dependencies, tools = "kubeflow_dependencies", "kubeflow_tools"
    assert dependencies not in written(KEYS)
    assert "kfpV2" not in written(KEYS)[tools]["pipelines"]
    asked = written(ALL["keys-layout"])
    key = asked[dependencies]["kubeflow_argo_workflows"]["artifactRepository"]["keyFormat"]
    assert key == "artifacts/{{ workflow.namespace }}/{{ pod.name }}"
    root = asked[tools]["pipelines"]["kfpV2"]["defaultPipelineRoot"]
    default = KNOWN["0.1.5"]["defaults"]["kubeflow_tools.pipelines.kfpV2.defaultPipelineRoot"]
    assert root == default.replace("{profile_name}", "{profile_name}/runs")
    old = written(ALL["keys-layout"], version="0.1.4")[tools]["pipelines"]["kfpV2"]["defaultPipelineRoot"]
    default = KNOWN["0.1.4"]["defaults"]["kubeflow_tools.pipelines.kfpV2.defaultPipelineRoot"]
    assert old == default + "/runs"


def test_layout__a_store_that_wants_the_bucket_in_the_host_is_asked_so() -> None:
    root = written(ALL["keys-oss"])["kubeflow_tools"]["pipelines"]["kfpV2"]["defaultPipelineRoot"]
    default = KNOWN["0.1.5"]["defaults"]["kubeflow_tools.pipelines.kfpV2.defaultPipelineRoot"]
    assert root == default.replace("s3ForcePathStyle=true", "s3ForcePathStyle=false")


@pytest.mark.parametrize(
    ("asked", "fix"),
    [
        ({"version": "0.1.4", "sampleValues": True}, False),
        ({"version": "0.1.4"}, None),
        ({"version": "0.1.5", "sampleValues": True}, None),
    ],
)
def test_minio_fix__is_turned_off_where_it_was_on(asked: Values, fix: object) -> None:
    assert written(KEYS, **asked)["kubeflow_tools"]["pipelines"].get("kfpV2", {}).get("minioFix") is fix


def test_profiles__have_their_own_login_and_members() -> None:
    generator = written(ALL["keys-profiles"], secretNamespace="vault")["deploykf_core"]["deploykf_profiles_generator"]
    auth = {"existingSecretAccessKeyKey": "access_key", "existingSecretSecretKeyKey": "secret_key"}
    every = "kubeflow-pipelines--profile-object-store-auth--{profile_name}"
    assert generator["profileDefaults"] == {
        "tools": {
            "kubeflowPipelines": {
                "objectStoreAuth": {**auth, "existingSecret": every, "existingSecretNamespace": "vault"}
            }
        }
    }
    first, second = generator["profiles"]
    assert first == {"name": "team-1", "ownerEmail": OWNER, "members": [{"user": "ben@acme.example"}]}
    assert second["tools"]["kubeflowPipelines"]["objectStoreAuth"] == {
        **auth,
        "existingSecret": "my-secret-name",
        "existingSecretNamespace": "team-2",
    }
    assert generator["users"] == [{"id": "ben@acme.example", "email": "ben@acme.example"}]
    assert generator["groups"] == [], "deployKF's own groups name users that are gone"


def test_profiles__have_their_own_roles_and_no_default_one() -> None:
    generator = written(ALL["role-profiles"])["deploykf_core"]["deploykf_profiles_generator"]
    assert generator["profileDefaults"] == {"plugins": []}
    [profile] = generator["profiles"]
    spec = {"awsIamRole": f"{ARN}team-1", "AnnotateOnly": True}
    assert profile["plugins"] == [{"kind": "AwsIamForServiceAccount", "spec": spec}]


def test_page__says_what_is_replaced_and_what_has_to_be_there() -> None:
    text = page(ALL["keys-profiles"], secretNamespace="vault")
    for each in ("users", "groups", "profiles"):
        assert f"- `deploykf_core.deploykf_profiles_generator.{each}`" in text
    assert "`kubeflow-pipelines--backend-object-store-auth` in the namespace `kubeflow`" in text
    assert "`kubeflow-pipelines--profile-object-store-auth--team-1` in the namespace `vault`" in text
    assert "`my-secret-name` in the namespace `team-2`" in text
    assert "- none" in page(KEYS)
    roles = page(ALL["role-profiles"])
    assert f"- `{ARN}team-1`, which `team-1/default-editor` may assume" in roles
    assert "`kubeflow-argo-workflows/argo-server`" in roles


def test_documents__there_are_none_without_the_key() -> None:
    assert planned(KEYS).documents.keys() & {"deploykf/values.yaml", "deploykf/README.md"} == set()


@pytest.mark.parametrize(
    ("values", "asked", "codes"),
    [
        (KEYS, {}, []),
        (ALL["role-profiles"], {}, []),
        (merged(KEYS, {"artifacts": {"profileSecret": "one-for-all"}}), {}, ["shared-key"]),
        (ROLE, {}, ["shared-key"]),
        (ALL["role-and-keys"], {}, ["shadowed-identity"]),
        (KEYS, {"profileNamePrefix": "acme-"}, ["conflicting-keys"]),
        (KEYS, {"sampleValues": True}, ["conflicting-keys"]),
        (KEYS, {"version": "0.1.4"}, ["unsupported-version"]),
        (merged(KEYS, {"artifacts": {"prefix": "kfp"}}), {}, ["conflicting-keys"]),
        ({"overlay": "kfp-pod-identity", "artifacts": KEYS["artifacts"]}, {}, ["wrong-kind"]),
        ({**KEYS, "profiles": [{"name": "a", "owner": OWNER, "members": [OWNER]}]}, {}, ["conflicting-keys"]),
    ],
)
def test_check__finds_what_deploykf_cannot_do(values: Values, asked: Values, codes: list[str]) -> None:
    assert findings({**values, "pipelines": {"deployKF": asked}}) == codes
