"""The key `cloud` for Kubeflow Pipelines: who may do what in the bucket, who may be that, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from compiler.report import text
from tests.cloud.environments import (
    ISSUER,
    ONE,
    ONE_ROLE,
    PIPELINES,
    PIPELINES_STORE,
    PODS,
    ROLES,
    TEAMS,
    documents,
)
from tests.parts import Values, findings, merged, planned, understood

ACCOUNTS = ["system:serviceaccount:kubeflow:ml-pipeline", "system:serviceaccount:kubeflow:ml-pipeline-ui"]
RUNNERS = ["system:serviceaccount:kubeflow:pipeline-runner", "system:serviceaccount:kubeflow:kubeflow-pipelines-viewer"]
BUCKET = "arn:aws:s3:::acme-pipelines"

BACKEND = """
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": [
        "s3:GetBucketLocation",
        "s3:ListBucket"
      ],
      "Resource": [
        "arn:aws:s3:::<BUCKET_NAME>"
      ]
    },
    {
      "Effect": "Allow",
      "Action": [
        "s3:GetObject",
        "s3:PutObject",
        "s3:DeleteObject"
      ],
      "Resource": [
        "arn:aws:s3:::<BUCKET_NAME>/artifacts/*",
        "arn:aws:s3:::<BUCKET_NAME>/pipelines/*",
        "arn:aws:s3:::<BUCKET_NAME>/v2/artifacts/*"
      ]
    }
  ]
}
"""
PROFILE = """
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": [
        "s3:GetBucketLocation",
        "s3:ListBucket"
      ],
      "Resource": [
        "arn:aws:s3:::<BUCKET_NAME>"
      ]
    },
    {
      "Effect": "Allow",
      "Action": [
        "s3:GetObject",
        "s3:PutObject",
        "s3:DeleteObject"
      ],
      "Resource": [
        "arn:aws:s3:::<BUCKET_NAME>/artifacts/<PROFILE_NAME>/*",
        "arn:aws:s3:::<BUCKET_NAME>/v2/artifacts/<PROFILE_NAME>/*"
      ]
    }
  ]
}
"""
"""The two policies as deployKF's guide to external object stores has them."""


def read(values: Values, file: str) -> Any:
    """A document."""
    return json.loads(documents(values)[file])


def statements(values: Values, who: str, directory: str = "aws") -> dict[str, Any]:
    """The statements of a policy, by their names."""
    return {each["Sid"]: each for each in read(values, f"{directory}/{who}-permissions.json")["Statement"]}


def subjects(values: Values, who: str) -> Any:
    """Who may assume a role by tokens of a cluster."""
    [statement] = read(values, f"aws/{who}-trust.json")["Statement"]
    provider = statement["Principal"]["Federated"].partition("oidc-provider/")[2]
    equal = statement["Condition"]["StringEquals"]
    assert equal[f"{provider}:aud"] == "sts.amazonaws.com"
    return equal[f"{provider}:sub"]


# Permissions


def test_documented__is_what_the_guide_has() -> None:
    values = PIPELINES["kfp-documented"]
    backend = BACKEND.replace("<BUCKET_NAME>", "acme-pipelines")
    assert read(values, "aws/backend-permissions.json") == json.loads(backend)
    for name in ("team-1", "team-10"):
        profile = PROFILE.replace("<BUCKET_NAME>", "acme-pipelines").replace("<PROFILE_NAME>", name)
        assert read(values, f"aws/profile-{name}-permissions.json") == json.loads(profile)


@pytest.mark.parametrize("name", ["kfp-teams", "kfp-roles", "kfp-pods"])
def test_backend__works_in_every_place_and_asks_for_the_bucket_as_a_whole(name: str) -> None:
    found = statements(PIPELINES[name], "backend")
    assert found["List"] == {**found["List"], "Action": ["s3:ListBucket"], "Resource": [BUCKET]}
    assert "Condition" not in found["List"]
    assert found["Objects"]["Resource"] == [f"{BUCKET}/{path}/*" for path in ("artifacts", "pipelines", "v2/artifacts")]


@pytest.mark.parametrize("name", ["kfp-teams", "kfp-roles", "kfp-pods"])
def test_profile__a_prefix_ends_where_it_ends(name: str) -> None:
    found = statements(PIPELINES[name], "profile-team-1")
    prefixes = ["artifacts/team-1/*", "v2/artifacts/team-1/*"]
    assert found["List"]["Condition"] == {"StringLike": {"s3:prefix": prefixes}}
    assert found["Objects"]["Resource"] == [f"{BUCKET}/{prefix}" for prefix in prefixes]


def test_prefix__a_star_is_a_star() -> None:
    found = statements(PIPELINES["kfp-prefix"], "profile-team-1")
    start = "it's/a${*}star"
    assert found["Objects"]["Resource"][0] == f"{BUCKET}/{start}/artifacts/team-1/*"
    assert found["List"]["Condition"]["StringLike"]["s3:prefix"][1] == f"{start}/v2/artifacts/team-1/*"
    assert statements(PIPELINES["kfp-prefix"], "backend")["Objects"]["Resource"][1] == f"{BUCKET}/{start}/pipelines/*"


def test_key_of_kms__everybody_may_use_it_through_s3() -> None:
    for who in ("backend", "profile-team-1"):
        assert "Encryption" in statements(PIPELINES["kfp-key"], who)
        assert "Encryption" not in statements(ROLES, who)


def test_permissions__fit_into_what_a_user_may_have() -> None:
    """Amazon counts 2048 letters for all policies of a user, without spaces."""
    long = merged(TEAMS, {"artifacts": {"bucket": "b" * 63, "prefix": "p" * 63}})
    long["profiles"] = [{"name": "t" * 63, "owner": "ana@acme.example"}]
    for path, content in documents(long).items():
        if path.endswith("permissions.json"):
            assert len(json.dumps(json.loads(content), separators=(",", ":"))) <= 2048


# Who has what


def test_one_user__the_steps_of_pipelines_are_the_backend() -> None:
    assert subjects(PIPELINES["kfp-one-role"], "backend") == ACCOUNTS + RUNNERS
    names = {path.partition("/")[2] for path in documents(ONE_ROLE)}
    assert {name for name in names if name.endswith("trust.json")} == {"backend-trust.json"}


def test_profiles__each_has_a_role_for_its_own_account() -> None:
    assert subjects(ROLES, "backend") == ACCOUNTS
    assert subjects(ROLES, "profile-team-1") == "system:serviceaccount:team-1:default-editor"
    assert subjects(ROLES, "profile-team-10") == "system:serviceaccount:team-10:default-editor"
    assert "--role-name kfp-team-1 --path /teams/" in documents(ROLES)["aws/iam.sh"]


def test_deploykf__argo_workflows_has_the_role_of_the_backend() -> None:
    argo = [
        f"system:serviceaccount:kubeflow-argo-workflows:{name}" for name in ("argo-workflow-controller", "argo-server")
    ]
    assert subjects(PIPELINES["kfp-deploykf"], "backend") == ACCOUNTS + argo


def test_deploykf__its_own_profiles_have_the_role_of_the_backend() -> None:
    values = merged(ONE_ROLE, {"pipelines": {"deployKF": {}}, "cloud": {"oidcProvider": ISSUER}})
    [statement] = read(values, "aws/backend-trust.json")["Statement"]
    assert statement["Condition"]["StringEquals"] == {f"{ISSUER}:aud": "sts.amazonaws.com"}
    accounts = statement["Condition"]["StringLike"][f"{ISSUER}:sub"]
    assert accounts[-1] == "system:serviceaccount:*:default-editor"
    assert [each for each in accounts if "*" in each] == accounts[-1:]
    assert "pipeline-runner" not in str(accounts)


def test_pod_identity__tags_name_accounts_and_namespace() -> None:
    [backend] = read(PIPELINES["kfp-pods"], "aws/backend-trust.json")["Statement"]
    assert backend["Condition"] == {
        "StringEquals": {
            "aws:RequestTag/eks-cluster-name": "production",
            "aws:RequestTag/kubernetes-namespace": "kubeflow",
            "aws:RequestTag/kubernetes-service-account": ["ml-pipeline", "ml-pipeline-ui"],
            "aws:SourceAccount": "123456789012",
        }
    }
    [profile] = read(PODS, "aws/profile-team-1-trust.json")["Statement"]
    assert profile["Condition"] == {
        "StringEquals": {
            "aws:RequestTag/kubernetes-namespace": "team-1",
            "aws:RequestTag/kubernetes-service-account": "default-editor",
        }
    }


def test_shared_role__has_the_places_of_its_profiles_and_all_their_accounts() -> None:
    """Two documents for one role would leave it with the last of them."""
    values = PIPELINES["kfp-one-role-of-all"]
    assert "aws/profile-team-10-trust.json" not in documents(values)
    assert subjects(values, "profile-team-1") == [
        "system:serviceaccount:team-1:default-editor",
        "system:serviceaccount:team-10:default-editor",
    ]
    places = [f"{path}/{name}/*" for name in ("team-1", "team-10") for path in ("artifacts", "v2/artifacts")]
    found = statements(values, "profile-team-1")
    assert found["Objects"]["Resource"] == [f"{BUCKET}/{place}" for place in places]
    assert found["List"]["Condition"]["StringLike"]["s3:prefix"] == places


def test_shared_role__that_of_the_backend_keeps_its_policy() -> None:
    values = PIPELINES["kfp-role-of-the-backend"]
    assert subjects(values, "backend") == [*ACCOUNTS, "system:serviceaccount:team-1:default-editor"]
    assert "aws/profile-team-1-permissions.json" not in documents(values)
    assert "Condition" not in statements(values, "backend")["List"]


def test_keys_beside_roles__are_those_of_a_user() -> None:
    found = documents(PIPELINES["kfp-role-of-the-backend"])
    assert "aws/profile-team-10-trust.json" not in found
    assert "aws iam create-user --user-name kfp-example-profile-team-10 " in found["aws/iam.sh"]
    assert "\nsecret kfp-example-profile-team-10 keys team-10\n```" in found["aws/README.md"]


def test_shared_key__one_user_for_all_profiles() -> None:
    found = statements(PIPELINES["kfp-shared-key"], "profiles")
    assert found["Objects"]["Resource"] == [f"{BUCKET}/artifacts/*", f"{BUCKET}/v2/artifacts/*"]
    assert found["List"]["Condition"]["StringLike"]["s3:prefix"] == ["artifacts/*", "v2/artifacts/*"]
    page = documents(PIPELINES["kfp-shared-key"])["aws/README.md"]
    assert "\nsecret kfp-example-profiles pipelines team-1 team-10\n" in page


def test_deploykf__secrets_are_where_it_copies_them_from() -> None:
    page = documents(merged(TEAMS, {"pipelines": {"deployKF": {"secretNamespace": "secrets"}}}))["aws/README.md"]
    assert "\nsecret kfp-example-profile-team-1 kubeflow-pipelines--profile-object-store-auth--team-1 secrets\n" in page


def test_names__long_ones_stay_apart() -> None:
    """Cut alone, the names of two profiles could be one."""
    values = merged(TEAMS, {"cloud": {"name": "n" * 40}})
    values["profiles"] = [{"name": f"{'t' * 50}-{end}", "owner": "ana@acme.example"} for end in "ab"]
    made = [line.split()[4] for line in documents(values)["aws/iam.sh"].splitlines() if "create-user" in line]
    assert len(set(made)) == 3
    assert max(map(len, made)) == 64


# The bucket


@pytest.mark.parametrize("name", PIPELINES)
def test_lifecycle__no_object_goes_that_is_current(name: str) -> None:
    [file] = [text for path, text in documents(PIPELINES[name]).items() if path.endswith("/lifecycle.json")]
    rules = json.loads(file)["Rules"]
    prefix = PIPELINES[name]["artifacts"].get("prefix")
    start = f"{prefix}/" if prefix else ""
    assert [rule["Filter"]["Prefix"] for rule in rules] == [
        f"{start}{path}/" for path in ("artifacts", "pipelines", "v2/artifacts")
    ]
    assert len({rule["ID"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["Expiration"] == {"ExpiredObjectDeleteMarker": True}


def test_store__is_asked_at_its_own_address() -> None:
    assert "endpoint=http://minio.acme.example:9000\n" in documents(PIPELINES_STORE)["s3/bucket.sh"]
    assert "endpoint=https://s3.us-east-1.wasabisys.com\n" in documents(_wasabi("us-east-1"))["s3/bucket.sh"]


def _wasabi(region: str) -> Values:
    return merged(ONE, {"artifacts": {"provider": "wasabi", "region": region}})


@pytest.mark.parametrize("more", [{"provider": "ibm"}, {"provider": "azure", "endpoint": "https://s3.acme.example"}])
def test_other_grammars__nothing_is_written(more: Values) -> None:
    values = merged(ONE, {"artifacts": more})
    assert planned(values).documents == {}
    assert findings(values, cloud={"tool": "cli"}) == ["wrong-kind"]
    assert findings(values, artifacts={"versioning": True}) == ["wrong-kind"]


def test_documents__none_where_none_are_wanted() -> None:
    assert planned(TEAMS, cloud={"tool": "none"}).documents == {}


# What is refused


@pytest.mark.parametrize(
    ("values", "cloud", "codes"),
    [
        (TEAMS, {"project": "acme-mlflow"}, ["wrong-kind"]),
        (TEAMS, {"oidcProvider": ISSUER}, ["wrong-kind"]),
        (TEAMS, {"name": "pipelines", "accountId": "123456789012"}, []),
        (PODS, {"oidcProvider": ISSUER}, ["wrong-kind"]),
        (PODS, {"cluster": "production"}, []),
        (ROLES, {"name": "pipelines"}, ["conflicting-keys"]),
        (ROLES, {"accountId": "999999999999"}, ["conflicting-keys"]),
        (ROLES, {"accountId": "123456789012"}, []),
        (ROLES, {"oidcProvider": f"https://{ISSUER}"}, ["bad-value"]),
        (PIPELINES_STORE, {"accountId": "123456789012"}, ["plain-http", "wrong-kind"]),
    ],
)
def test_refused__what_means_nothing_here(values: Values, cloud: dict[str, str], codes: list[str]) -> None:
    assert findings(values, cloud=cloud) == codes


@pytest.mark.parametrize(
    ("version", "provider", "codes"),
    [
        ("2.16.1", ISSUER, []),
        ("2.16.1", ISSUER.replace("eu-central-1", "eu-west-1"), ["region-mismatch"]),
        ("2.14.4", "oidc-eks.eu-west-1.api.aws/id/0123456789ABCDEF", ["region-mismatch"]),
        ("2.16.1", "oidc.acme.example/cluster", []),
        ("2.17.0", ISSUER.replace("eu-central-1", "eu-west-1"), []),
    ],
)
def test_refused__steps_that_would_ask_in_the_clusters_region(version: str, provider: str, codes: list[str]) -> None:
    assert findings(ONE_ROLE, cloud={"oidcProvider": provider}, pipelines={"version": version}) == codes


def test_warned__of_a_role_that_opens_what_is_anothers() -> None:
    assert findings(PIPELINES["kfp-one-role-of-all"]) == ["shared-key"]
    assert findings(PIPELINES["kfp-role-of-the-backend"]) == ["shared-key", "shadowed-identity"]
    assert findings(ROLES) == []


def test_refused__roles_of_two_accounts() -> None:
    other = {"name": "team-1", "owner": "ana@acme.example", "roleArn": "arn:aws:iam::999999999999:role/kfp-team-1"}
    values = {**ONE_ROLE, "profiles": [other]}
    assert findings(values) == ["conflicting-keys"]
    assert findings(values, cloud={"tool": "none"}) == []


def test_refused__a_star_that_a_policy_takes_for_any_text() -> None:
    starred = merged(PIPELINES_STORE, {"artifacts": {"prefix": "a*b"}})
    assert "bad-prefix" in findings(starred)
    assert "bad-prefix" not in findings(starred, cloud={"tool": "none"})


def test_refused__a_key_of_kms_elsewhere() -> None:
    key = "arn:aws:kms:us-east-2:123456789012:key/11111111-2222-3333-4444-555555555555"
    assert findings(ROLES, artifacts={"kmsKeyArn": key}) == ["region-mismatch"]
    assert findings(ROLES, artifacts={"kmsKeyArn": key.replace("us-east-2", "eu-central-1")}) == []


def test_refused__https_is_named() -> None:
    report = text(understood(ROLES, cloud={"oidcProvider": f"https://{ISSUER}"}).diagnostics)
    assert "without https://" in report
