"""The key `cloud`: which documents there are, what policies say, and what is asked for that nobody said."""

from __future__ import annotations

import json
import subprocess
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from compiler.emit import emit
from compiler.tree import DOCUMENTS, PAGE
from compiler.workspace import Workspace
from tests.cloud.environments import (
    AZURE,
    BACKUP,
    ELSEWHERE,
    ENVIRONMENTS,
    GOOGLE,
    ISSUER,
    OSS,
    POD,
    STORE,
    TEAM,
    documents,
)
from tests.parts import KEYS, MINIO, MYSQL, ROLE, Values, findings, merged, planned


def policy(values: Values, file: str = "aws/permissions.json") -> dict[str, Any]:
    """The statements of a policy, by their names where they have any."""
    found = json.loads(documents(values)[file])["Statement"]
    return {each.get("Sid", str(index)): each for index, each in enumerate(found)}


# Which documents there are


@pytest.mark.parametrize("tool", ["cli", "terraform"])
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_documents__each_may_be_written_and_its_page_names_it(name: str, tool: str) -> None:
    """What the compiler writes and does not know, it would never remove."""
    # Values for another installer stand beside.
    found = {
        path: text for path, text in documents(ENVIRONMENTS[name], tool).items() if not path.startswith("deploykf/")
    }
    [provider] = {path.partition("/")[0] for path in found}
    names = {path.partition("/")[2] for path in found}
    assert all(any(fnmatch(each, pattern) for pattern in DOCUMENTS[provider]) for each in names - {PAGE})
    page = found[f"{provider}/{PAGE}"]
    assert all(f"- `{each}`: " in page for each in names - {PAGE})
    assert all(f"sh {each}\n" in page for each in names if each.endswith(".sh"))
    assert ("main.tf" in names) == (tool == "terraform")
    assert (tool == "cli") == any(each.endswith(".sh") for each in names)
    for path, text in found.items():
        assert text.endswith("\n")
        assert path.endswith((".json", ".xml")) or "Written by mlflow-overlays" in text
        if path.endswith(".json"):
            json.loads(text)


def test_documents__every_file_that_may_be_written_is() -> None:
    written = {
        path for values in ENVIRONMENTS.values() for tool in ("cli", "terraform") for path in documents(values, tool)
    }
    known = [f"{directory}/{name}" for directory, names in DOCUMENTS.items() for name in (PAGE, *names)]
    assert [pattern for pattern in known if not any(fnmatch(path, pattern) for path in written)] == []


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_scripts__are_read_by_the_shell(name: str, tmp_path: Path) -> None:
    for path, text in documents(ENVIRONMENTS[name]).items():
        if path.endswith(".sh"):
            script = tmp_path / "script.sh"
            script.write_text(text, encoding="utf-8")
            done = subprocess.run(["sh", "-n", str(script)], capture_output=True, text=True, check=False)
            assert done.stderr == ""
            assert "set -eu\n" in text


def test_documents__none_for_a_store_in_the_cluster_or_where_none_are_wanted() -> None:
    assert planned(MINIO).documents == planned(MYSQL).documents == planned({"overlay": "local"}).documents == {}
    assert planned(KEYS, cloud={"tool": "none"}).documents == {}


def test_documents__go_when_they_are_no_longer_asked_for_and_leave_what_is_not_theirs(tmp_path: Path) -> None:
    workspace, directory = Workspace(tmp_path), tmp_path / "overlays" / "example" / "aws"
    workspace.write("example", emit("example", planned(ROLE)))
    (directory / "terraform.tfstate").write_text("{}")
    assert {path.name for path in directory.iterdir()} >= {"bucket.sh", "iam.sh", "trust.json", "terraform.tfstate"}
    workspace.write("example", emit("example", planned(ROLE, cloud={"tool": "terraform"})))
    assert {path.name for path in directory.iterdir()} == {
        *("README.md", "main.tf", "permissions.json", "trust.json", "terraform.tfstate")
    }
    tree = emit("example", planned(ROLE, cloud={"tool": "none"}))
    assert workspace.stale("example", tree)
    workspace.write("example", tree)
    assert [path.name for path in directory.iterdir()] == ["terraform.tfstate"]
    (directory / "terraform.tfstate").unlink()
    workspace.write("example", emit("example", planned(ROLE)))
    workspace.write("example", tree)
    assert not directory.exists()


def test_secrets_page__names_the_page_of_the_cloud() -> None:
    tree = emit("example", planned(KEYS))
    assert "[aws/README.md](aws/README.md)" in tree["SECRETS.md"]
    assert "README" not in emit("example", planned(KEYS, cloud={"tool": "none"}))["SECRETS.md"]


# Permissions


def test_permissions__a_prefix_ends_where_it_ends() -> None:
    found = policy(merged(TEAM, BACKUP))
    assert found["ListArtifacts"]["Condition"] == {"StringLike": {"s3:prefix": ["team-1/*"]}}
    assert found["ListBackups"]["Condition"] == {"StringLike": {"s3:prefix": ["backups/mlflow/*"]}}
    inside = "arn:aws:s3:::acme-mlflow"
    assert found["Objects"]["Resource"] == [f"{inside}/team-1/*", f"{inside}/backups/mlflow/*"]
    assert found["Location"]["Resource"] == [inside]


def test_permissions__backups_in_a_bucket_of_their_own() -> None:
    found = policy(merged(TEAM, ELSEWHERE))
    assert found["ListBackups"]["Resource"] == ["arn:aws:s3:::acme-backups"]
    assert found["Objects"]["Resource"][1] == "arn:aws:s3:::acme-backups/dumps/mlflow/*"
    assert found["Location"]["Resource"] == ["arn:aws:s3:::acme-mlflow", "arn:aws:s3:::acme-backups"]


def test_permissions__without_a_prefix_there_is_no_condition() -> None:
    assert "Condition" not in policy(KEYS)["ListArtifacts"]


def test_permissions__a_star_of_a_prefix_is_a_star() -> None:
    assert policy(ENVIRONMENTS["star"])["Objects"]["Resource"] == ["arn:aws:s3:::acme/it's/a${*}star/*"]


def test_permissions__a_key_is_used_through_s3_alone() -> None:
    assert "Encryption" not in policy(ROLE)
    key = policy(ENVIRONMENTS["key"])["Encryption"]
    assert key["Resource"] == [ENVIRONMENTS["key"]["artifacts"]["kmsKeyArn"]]
    assert key["Condition"] == {"StringEquals": {"kms:ViaService": "s3.eu-central-1.amazonaws.com"}}
    alias = policy(ENVIRONMENTS["alias"])["Encryption"]
    assert alias["Resource"] == ["arn:aws:kms:eu-central-1:123456789012:key/*"]
    assert alias["Condition"]["ForAnyValue:StringEquals"] == {"kms:ResourceAliases": "alias/mlflow"}


@pytest.mark.parametrize(("name", "partition"), [("china", "aws-cn"), ("government", "aws-us-gov"), ("role", "aws")])
def test_partitions__every_name_is_of_one(name: str, partition: str) -> None:
    found = documents(ENVIRONMENTS[name])
    arns = [line for text in found.values() for line in text.replace('"', "\n").splitlines() if line.startswith("arn:")]
    assert arns
    assert {arn.split(":")[1] for arn in arns} == {partition}
    if partition == "aws-cn":
        assert "s3.cn-north-1.amazonaws.com.cn" in found["aws/permissions.json"]
        assert '"sts.amazonaws.com"' in found["aws/trust.json"]


def test_documented__is_what_the_guides_have() -> None:
    """The policies of the two guides, word for word: one for a user's keys, one for a role, and the trust of that."""
    user = policy(merged(KEYS, {"cloud": {"iam": "documented"}}))["0"]
    words = ["PutObject", "GetObject", "DeleteObject", "ListBucket", "GetBucketLocation"]
    assert user == {
        "Effect": "Allow",
        "Action": [f"s3:{word}" for word in words],
        "Resource": ["arn:aws:s3:::acme", "arn:aws:s3:::acme/*"],
    }
    role = policy(ENVIRONMENTS["role-known"])["0"]
    assert role["Action"] == ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"]
    trust = policy(ENVIRONMENTS["role-known"], "aws/trust.json")["0"]
    assert trust["Condition"] == {"StringEquals": {f"{ISSUER}:sub": "system:serviceaccount:mlflow:mlflow"}}


# Trust


def test_trust__names_the_account_of_the_server_in_its_namespace() -> None:
    values = merged(
        ROLE, {"namespace": "tracking", "serviceAccount": {"name": "server"}, "cloud": {"oidcProvider": ISSUER}}
    )
    trust = policy(values, "aws/trust.json")["0"]
    assert trust["Principal"] == {"Federated": f"arn:aws:iam::123456789012:oidc-provider/{ISSUER}"}
    assert trust["Condition"] == {
        "StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com", f"{ISSUER}:sub": "system:serviceaccount:tracking:server"}
    }


def test_trust__of_pod_identity() -> None:
    trust = policy(ENVIRONMENTS["pod-cluster"], "aws/trust.json")["0"]
    assert trust["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert trust["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    assert trust["Condition"] == {
        "StringEquals": {
            "aws:RequestTag/eks-cluster-name": "production",
            "aws:RequestTag/kubernetes-namespace": "mlflow",
            "aws:RequestTag/kubernetes-service-account": "mlflow",
            "aws:SourceAccount": "123456789012",
        }
    }
    assert "aws/trust.json" not in documents(KEYS)


# Lifecycle


def test_lifecycle__no_age_of_versions_where_there_are_none() -> None:
    [rule] = json.loads(documents(ENVIRONMENTS["told"])["aws/lifecycle.json"])["Rules"]
    assert "NoncurrentVersionExpiration" not in rule
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}


def test_lifecycle__only_amazon_has_tiers() -> None:
    assert "INTELLIGENT_TIERING" in documents(KEYS)["aws/lifecycle.json"]
    assert "INTELLIGENT_TIERING" not in documents(STORE)["s3/lifecycle.json"]


# The other clouds


def test_google__the_exact_member() -> None:
    script = documents(GOOGLE)["google/iam.sh"]
    assert 'workloadIdentityPools/$project.svc.id.goog/subject/ns/mlflow/sa/mlflow"' in script
    account = documents(ENVIRONMENTS["google-account"])["google/iam.sh"]
    assert "project=acme-clusters\n" in account
    assert '--member="serviceAccount:$project.svc.id.goog[mlflow/mlflow]"' in account
    assert "mlflow@acme-identities.iam.gserviceaccount.com" in account


def test_google__a_condition_for_each_bucket() -> None:
    found = documents(ENVIRONMENTS["google-team"])
    expression = json.loads(found["google/condition.json"])["expression"]
    objects, listed = expression.split(" || ")
    assert objects == 'resource.name.startsWith("projects/_/buckets/acme-mlflow/objects/team-1/")'
    assert listed.endswith('.startsWith("team-1/")')
    assert "acme-backups/objects/dumps/mlflow/" in found["google/condition-backups.json"]
    assert "google/condition.json" not in documents(GOOGLE)


def test_azure__the_exact_subject_and_the_container_alone() -> None:
    script = documents(merged(AZURE, {"namespace": "tracking"}))["azure/iam.sh"]
    assert "--subject system:serviceaccount:tracking:mlflow " in script
    assert '--scope "$storage/blobServices/default/containers/mlflow"' in script
    assert "api://AzureADTokenExchange " in script
    assert "azure/iam.sh" not in documents(ENVIRONMENTS["azure-keys"])


def test_azure__keeps_deleted_blobs_no_longer_than_it_can() -> None:
    found = documents(ENVIRONMENTS["azure-known"])
    assert "--delete-retention-days 365 " in found["azure/container.sh"]
    assert '"daysAfterCreationGreaterThan": 400' in found["azure/lifecycle.json"]


def test_alibaba__paths_alone() -> None:
    found = json.loads(documents(ENVIRONMENTS["oss-team"])["alibaba/permissions.json"])["Statement"]
    assert found[1]["Condition"] == {"StringLike": {"oss:Prefix": ["team-1/*"]}}
    assert found[-1]["Resource"] == ["acs:oss:*:*:acme-mlflow/team-1/*", "acs:oss:*:*:acme-backups/dumps/mlflow/*"]


@pytest.mark.parametrize("tool", ["cli", "terraform"])
def test_names__fit_what_a_cloud_allows(tool: str) -> None:
    """A name that follows from a long one of an environment is cut."""
    from compiler.understand import understand

    for values, file, longest in (
        (POD, {"cli": "aws/iam.sh", "terraform": "aws/main.tf"}, 64),
        (ENVIRONMENTS["google-keys"], {"cli": "google/iam.sh", "terraform": "google/main.tf"}, 30),
    ):
        whole = merged(values, {"cloud": {"tool": tool}})
        overlay = understand("e" * 63, "e.yaml", json.dumps(whole).encode()).overlay
        assert overlay is not None
        text = overlay.documents[file[tool]]
        assert f"mlflow-{'e' * (longest - 7)}" in text
        assert f"mlflow-{'e' * (longest - 6)}" not in text.replace(f"mlflow-overlays={'e' * 63}", "")


# What is refused


@pytest.mark.parametrize(
    ("values", "cloud", "codes"),
    [
        (MINIO, {"tool": "cli"}, ["wrong-kind"]),
        (KEYS, {"project": "acme-mlflow"}, ["wrong-kind"]),
        (KEYS, {"cluster": "production"}, ["wrong-kind"]),
        (POD, {"oidcProvider": ISSUER}, ["wrong-kind"]),
        (ROLE, {"name": "mlflow"}, ["conflicting-keys"]),
        (ROLE, {"accountId": "999999999999"}, ["conflicting-keys"]),
        (ROLE, {"accountId": "123456789012"}, []),
        (GOOGLE, {"iam": "documented"}, ["wrong-kind"]),
        (STORE, {"name": "mlflow"}, ["wrong-kind"]),
        (AZURE, {"accountId": "123456789012"}, ["wrong-kind"]),
    ],
)
def test_refused__what_means_nothing_here(values: Values, cloud: dict[str, str], codes: list[str]) -> None:
    assert findings(values, cloud=cloud) == codes


@pytest.mark.parametrize("values", [STORE, OSS])
def test_refused__a_star_that_a_policy_takes_for_any_text(values: Values) -> None:
    starred = merged(values, {"artifacts": {"prefix": "a*b"}})
    assert findings(starred) == ["bad-prefix"]
    assert findings(starred, cloud={"tool": "none"}) == []
    assert findings(values, maintenance={"backup": {"bucket": "acme-backups", "prefix": "a*b"}}) == ["bad-prefix"]


def test_refused__what_is_said_of_versions_and_read_by_nobody() -> None:
    asked = {"lifecycle": {"noncurrentVersionDays": 5}}
    assert findings(KEYS, artifacts=asked) == []
    assert findings(KEYS, artifacts=asked, cloud={"tool": "none"}) == ["conflicting-keys"]
    assert findings(KEYS, artifacts={**asked, "versioning": False}) == ["conflicting-keys"]
