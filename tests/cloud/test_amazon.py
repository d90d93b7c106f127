"""The scripts for Amazon, run by its own command line against moto, and what is there afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.parts import KEYS, merged

from .environments import ELSEWHERE, ENVIRONMENTS, ISSUER, KEPT, TEAM, put
from .tools import Store

CLUSTER = "production"


@pytest.fixture
def cluster(moto: Store) -> str:
    """The provider of tokens of a cluster that is there."""
    where = ("--role-arn", "arn:aws:iam::123456789012:role/cluster", "--resources-vpc-config", "subnetIds=subnet-1")
    made = moto.aws("eks", "create-cluster", "--name", CLUSTER, *where)
    return str(made["cluster"]["identity"]["oidc"]["issuer"]).removeprefix("https://")


def _rules(folder: Path, name: str = "lifecycle.json") -> Any:
    return json.loads((folder / name).read_text(encoding="utf-8"))["Rules"]


@pytest.mark.parametrize("name", ["keys", "first-region", "key", "told", "star", "china"])
def test_bucket__is_set_up_and_stays_so(name: str, moto: Store, tmp_path: Path) -> None:
    artifacts = ENVIRONMENTS[name]["artifacts"]
    bucket, region = artifacts["bucket"], artifacts["region"]
    folder = put(ENVIRONMENTS[name], tmp_path)
    for _ in range(2):
        done = moto.script(folder / "bucket.sh")
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"the bucket {bucket} is ready\n"
        located = moto.aws("s3api", "get-bucket-location", "--bucket", bucket)["LocationConstraint"]
        assert located == (None if region == "us-east-1" else region)
        versions = moto.aws("s3api", "get-bucket-versioning", "--bucket", bucket)["Status"]
        assert versions == ("Suspended" if artifacts.get("versioning") is False else "Enabled")
        closed = moto.aws("s3api", "get-public-access-block", "--bucket", bucket)
        assert set(closed["PublicAccessBlockConfiguration"].values()) == {True}
        [rule] = moto.aws("s3api", "get-bucket-encryption", "--bucket", bucket)["ServerSideEncryptionConfiguration"][
            "Rules"
        ]
        default = rule["ApplyServerSideEncryptionByDefault"]
        key = artifacts.get("kmsKeyArn")
        assert default == ({"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key} if key else {"SSEAlgorithm": "AES256"})
        kept = moto.aws("s3api", "get-bucket-lifecycle-configuration", "--bucket", bucket)
        assert kept["Rules"] == _rules(folder)


def test_bucket__that_of_backups_too(moto: Store, tmp_path: Path) -> None:
    folder = put(merged(KEYS, {**ELSEWHERE, **KEPT}), tmp_path)
    assert moto.script(folder / "bucket.sh").returncode == 0
    for bucket, file, prefix in (
        ("acme", "lifecycle.json", ""),
        ("acme-backups", "lifecycle-backups.json", "dumps/mlflow/"),
    ):
        [rule] = moto.aws("s3api", "get-bucket-lifecycle-configuration", "--bucket", bucket)["Rules"]
        assert [rule] == _rules(folder, file)
        assert rule["Filter"] == {"Prefix": prefix}
        assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 400}
        assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 3}
        assert rule["Transitions"] == [{"Days": 0, "StorageClass": "INTELLIGENT_TIERING"}]


def test_bucket__rules_of_somebody_else_stay(moto: Store, tmp_path: Path) -> None:
    """Two environments that share a bucket, and a rule that its owner wrote."""
    first = put(TEAM, tmp_path / "1")
    second = put(merged(TEAM, {"artifacts": {"prefix": "team-10"}}), tmp_path / "10")
    assert moto.script(first / "bucket.sh").returncode == 0
    done = moto.script(second / "bucket.sh")
    assert done.returncode == 1
    assert "mlflow-artifacts:team-1;" in done.stderr
    kept = moto.aws("s3api", "get-bucket-lifecycle-configuration", "--bucket", "acme-mlflow")
    assert kept["Rules"] == _rules(first)
    both = json.dumps({"Rules": _rules(first) + _rules(second)})
    where = ("--bucket", "acme-mlflow", "--lifecycle-configuration", both)
    moto.aws("s3api", "put-bucket-lifecycle-configuration", *where)
    assert moto.script(first / "bucket.sh").returncode == 1


def test_scripts__stop_in_another_account(moto: Store, tmp_path: Path) -> None:
    values = merged(KEYS, {"cloud": {"accountId": "999999999999"}})
    folder = put(values, tmp_path)
    for script in ("bucket.sh", "iam.sh"):
        done = moto.script(folder / script)
        assert done.returncode == 1
        assert done.stderr == (
            "you are logged in to the account 123456789012, and the environment is in 999999999999\n"
        )
    assert moto.aws("s3api", "list-buckets")["Buckets"] == []
    assert moto.aws("iam", "list-users")["Users"] == []


@pytest.mark.parametrize(("name", "role"), [("role", "mlflow"), ("role-path", "mlflow"), ("alias", "mlflow")])
def test_role__trusts_the_one_service_account(name: str, role: str, moto: Store, cluster: str, tmp_path: Path) -> None:
    folder = put(ENVIRONMENTS[name], tmp_path)
    for _ in range(2):
        done = moto.script(folder / "iam.sh", CLUSTER=CLUSTER)
        assert done.returncode == 0, done.stderr
        found = moto.aws("iam", "get-role", "--role-name", role)["Role"]
        assert found["Arn"] == ENVIRONMENTS[name]["artifacts"]["roleArn"]
        account = ENVIRONMENTS[name].get("serviceAccount", {}).get("name", "mlflow")
        [statement] = found["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Federated": f"arn:aws:iam::123456789012:oidc-provider/{cluster}"}
        assert statement["Condition"] == {
            "StringEquals": {
                f"{cluster}:aud": "sts.amazonaws.com",
                f"{cluster}:sub": f"system:serviceaccount:mlflow:{account}",
            }
        }
        policy = moto.aws("iam", "get-role-policy", "--role-name", role, "--policy-name", "mlflow-artifacts")
        assert policy["PolicyDocument"] == json.loads((folder / "permissions.json").read_text(encoding="utf-8"))
    [provider] = moto.aws("iam", "list-open-id-connect-providers")["OpenIDConnectProviderList"]
    known = moto.aws("iam", "get-open-id-connect-provider", "--open-id-connect-provider-arn", provider["Arn"])
    assert (known["Url"].removeprefix("https://"), known["ClientIDList"]) == (cluster, ["sts.amazonaws.com"])


def test_role__of_a_cluster_that_the_environment_knows(moto: Store, tmp_path: Path) -> None:
    folder = put(ENVIRONMENTS["role-known"], tmp_path)
    assert moto.script(folder / "iam.sh").returncode == 0
    [statement] = moto.aws("iam", "get-role", "--role-name", "mlflow")["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"] == {"StringEquals": {f"{ISSUER}:sub": "system:serviceaccount:mlflow:mlflow"}}


def test_role__without_a_cluster_says_what_is_missing(moto: Store, tmp_path: Path) -> None:
    done = moto.script(put(ENVIRONMENTS["role"], tmp_path) / "iam.sh")
    assert done.returncode != 0
    assert "CLUSTER: set it to the name of the EKS cluster" in done.stderr
    assert moto.aws("iam", "list-roles")["Roles"] == []


@pytest.mark.parametrize(("name", "what"), [("role-known", "role"), ("keys", "user")])
def test_role__of_somebody_else_stays(name: str, what: str, moto: Store, tmp_path: Path) -> None:
    folder = put(ENVIRONMENTS[name], tmp_path)
    called = "mlflow" if what == "role" else "mlflow-example"
    trust = ("--assume-role-policy-document", '{"Version": "2012-10-17", "Statement": []}') if what == "role" else ()
    moto.aws("iam", f"create-{what}", f"--{what}-name", called, *trust)
    done = moto.script(folder / "iam.sh")
    assert done.returncode == 1
    assert f"there is the {what} {called} already" in done.stderr
    assert moto.aws("iam", f"list-{what}-policies", f"--{what}-name", called)["PolicyNames"] == []
    moto.aws("iam", f"tag-{what}", f"--{what}-name", called, "--tags", "Key=mlflow-overlays,Value=example")
    assert moto.script(folder / "iam.sh").returncode == 0
    assert moto.aws("iam", f"list-{what}-policies", f"--{what}-name", called)["PolicyNames"] == ["mlflow-artifacts"]


class Associations(BaseHTTPRequestHandler):
    """The part of EKS that moto has not: associations of Pod Identity, in the words of its API."""

    known: list[dict[str, str]]

    def _answer(self, body: dict[str, Any]) -> None:
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        wanted = {key: asked[key][0] for key in ("namespace", "serviceAccount")}
        self._answer({"associations": [each for each in self.known if wanted.items() <= each.items()]})

    def do_POST(self) -> None:
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/pod-identity-associations"):
            association = {"associationId": f"a-{len(self.known)}", "clusterName": self.path.split("/")[2], **given}
            self.known.append(association)
        else:
            association = self.known[int(self.path.rpartition("-")[2])]
            association.update(given)
        self._answer({"association": association})

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the library's name
        """Says nothing."""


@contextmanager
def associations() -> Iterator[tuple[str, list[dict[str, str]]]]:
    known: list[dict[str, str]] = []
    handler = type("Handler", (Associations,), {"known": known})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as eks:
        Thread(target=eks.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{eks.server_port}", known
        eks.shutdown()


def test_pod_identity__is_associated_once(moto: Store, tmp_path: Path) -> None:
    folder = put(ENVIRONMENTS["pod"], tmp_path)
    with associations() as (endpoint, known):
        for _ in range(2):
            done = moto.script(folder / "iam.sh", CLUSTER=CLUSTER, AWS_ENDPOINT_URL_EKS=endpoint)
            assert done.returncode == 0, done.stderr
    [association] = known
    role = "arn:aws:iam::123456789012:role/mlflow-example"
    asked = {"clusterName": CLUSTER, "namespace": "mlflow", "serviceAccount": "mlflow", "roleArn": role}
    assert asked.items() <= association.items()
    found = moto.aws("iam", "get-role", "--role-name", "mlflow-example")["Role"]["AssumeRolePolicyDocument"]
    assert found == json.loads((folder / "trust.json").read_text(encoding="utf-8"))
