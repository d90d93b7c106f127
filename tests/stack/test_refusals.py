"""What a person sees when something is wrong, in the log of a container or in the exception of a client."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from . import cloud
from .authority import Authority
from .cluster import EKS_ROLE
from .outcome import Outcome
from .pod import Pod
from .running import ENVIRONMENTS, Running
from .wait import until

BOTH = ("minio-postgres", "minio-mysql")
WITH_A_PASSWORD = tuple(name for name in ENVIRONMENTS if name not in ("local", "login-local"))
SHADOWS = {
    "AWS_ACCESS_KEY_ID": "AKIAUNKNOWNUNKNOWN01",
    "AWS_SECRET_ACCESS_KEY": "x" * 40,
    "AWS_PROFILE": "nobody",
    "GOOGLE_APPLICATION_CREDENTIALS": "/nowhere/keyfile.json",
    "AZURE_STORAGE_CONNECTION_STRING": "AccountName=nobody;AccountKey=eA==;EndpointSuffix=nowhere.example",
    "AZURE_CLIENT_SECRET": "wrong",
}
"""What clients of the clouds would take before the identity of a pod."""
INIT = "wait-for-schema"


def says(pod: Pod, words: str, container: str | None = None) -> None:
    """Waits for words in the log of a container."""
    until(f"{pod.name} says {words}", lambda: words in pod.log(container), 40, otherwise=pod.said)


def logged(running: Running, pod: Pod) -> Outcome:
    """Lets a client log one file through this server, once it is ready."""
    until(f"{pod.name} is ready", lambda: pod.ready, 60, otherwise=pod.said)
    return running.client("one", "", server=f"http://{pod.link.address}:5000", retries=1)


def failed(outcome: Outcome) -> None:
    """The client's exception names the request that the server could not answer."""
    assert outcome.code != 0
    assert "mlflow.exceptions.MlflowException: API request to http://" in outcome.log, outcome.log
    assert "/mlflow-artifacts/artifacts/" in outcome.log.splitlines()[-1], outcome.log


@contextmanager
def other_role(running: Running, role: str) -> Iterator[None]:
    """Another role at the service account."""
    annotations = running.objects.documents["ServiceAccount", "mlflow"]["metadata"]["annotations"]
    own = annotations[EKS_ROLE]
    annotations[EKS_ROLE] = role
    yield
    annotations[EKS_ROLE] = own


@pytest.mark.environments(*BOTH, "prod")
def test_wrong_database_password_is_named(running: Running) -> None:
    """A wrong database password: "the login is refused", without showing it"""
    wrong = "wrong-password-of-the-test"
    with running.variant(mlflow_database={"password": wrong}) as pod:
        says(pod, "the login is refused", INIT)
        assert wrong not in pod.said()


@pytest.mark.environments(*WITH_A_PASSWORD)
def test_secret_without_its_key_is_named(running: Running) -> None:
    """A Secret without the key: kubelet's CreateContainerConfigError names both, and nothing starts"""
    with running.variant(mlflow_database={"passwort": "x"}) as pod:
        expected = f"couldn't find key password in Secret {running.objects.namespace}/mlflow-database"
        until(
            "kubelet refuses", lambda: pod.waiting == f"CreateContainerConfigError: {expected}", 20, otherwise=pod.said
        )
        assert pod.started == []


@pytest.mark.environments(*WITH_A_PASSWORD)
def test_absent_secret_is_named(running: Running) -> None:
    """No Secret: kubelet's CreateContainerConfigError names it, and nothing starts"""
    with running.variant(mlflow_database=None) as pod:
        expected = 'CreateContainerConfigError: secret "mlflow-database" not found'
        until("kubelet refuses", lambda: pod.waiting == expected, 20, otherwise=pod.said)
        assert pod.started == []


@pytest.mark.environments("prod")
def test_absent_authority_is_named(running: Running) -> None:
    """No Secret with the database's authority: the volume's failure names it, and nothing starts"""
    with running.variant(rds_ca=None) as pod:
        until("kubelet refuses", lambda: 'secret "rds-ca" not found' in pod.waiting, 20, otherwise=pod.said)
        assert pod.started == []


@pytest.mark.environments("minio-postgres", "versitygw-postgres", "aws-keys")
def test_missing_bucket_is_named(running: Running) -> None:
    """A bucket that is not there: the server's log names it, the client's exception the request"""
    with running.variant({"MLFLOW_ARTIFACTS_DESTINATION": "s3://no-such-bucket"}) as pod:
        failed(logged(running, pod))
        # A store does not tell who may not know whether a bucket is there.
        assert "to no-such-bucket/" in pod.log()
        assert "(AccessDenied)" in pod.log() or "(NoSuchBucket)" in pod.log()


@pytest.mark.environments("minio-postgres", "versitygw-postgres")
def test_wrong_secret_key_is_named(running: Running) -> None:
    """A wrong secret access key: SignatureDoesNotMatch in the server's log"""
    keys = {"AWS_ACCESS_KEY_ID": "mlflow", "AWS_SECRET_ACCESS_KEY": "wrong-secret-key"}
    with running.variant(mlflow_artifacts=keys) as pod:
        failed(logged(running, pod))
        assert "(SignatureDoesNotMatch)" in pod.log()


@pytest.mark.environments("aws-keys")
def test_unknown_access_key_is_named(running: Running) -> None:
    """An access key that nobody knows: InvalidAccessKeyId in the server's log"""
    keys = {"AWS_ACCESS_KEY_ID": "AKIAUNKNOWNUNKNOWN01", "AWS_SECRET_ACCESS_KEY": "x" * 40}
    with running.variant(s3_credentials=keys) as pod:
        failed(logged(running, pod))
        assert "(InvalidAccessKeyId)" in pod.log()


@pytest.mark.environments("versitygw-postgres")
def test_wrong_region_is_corrected(running: Running) -> None:
    """A wrong region: the store names its own when it refuses, and the server's client takes that one"""
    with running.variant({"AWS_DEFAULT_REGION": "eu-west-1"}) as pod:
        outcome = logged(running, pod)
        assert outcome.code == 0, outcome.log + pod.log()


@pytest.mark.environments("eks-irsa")
def test_untrusting_role_is_named(running: Running) -> None:
    """A role that does not trust the service account: AccessDenied at AssumeRoleWithWebIdentity in the server's log"""
    with other_role(running, "arn:aws:iam::123456789012:role/other"), running.variant() as pod:
        failed(logged(running, pod))
        assert "(AccessDenied) when calling the AssumeRoleWithWebIdentity operation" in pod.log()


@pytest.mark.environments("eks-irsa", "eks-pod-identity", "gke-workload-identity", "azure-workload-identity")
def test_keys_do_not_shadow_the_identity(running: Running) -> None:
    """Wrong keys among the variables of envFrom: the server works all the same, as the identity of its pod"""
    with running.variant(SHADOWS) as pod:
        outcome = logged(running, pod)
        assert outcome.code == 0, outcome.log + pod.log()


@pytest.mark.environments("s3-compatible")
def test_store_of_another_authority_is_refused(running: Running) -> None:
    """A store whose certificate another authority signed: "certificate verify failed" in the server's log"""
    other = Authority(running.folder / "other").bundle.read_text(encoding="ascii")
    with running.variant(store_ca={"ca.crt": other}) as pod:
        failed(logged(running, pod))
        assert "certificate verify failed" in pod.log()


@pytest.mark.environments("minio-postgres")
def test_old_location_needs_credentials_of_the_client(running: Running) -> None:
    """An experiment at an old s3:// location: the client fails with "Unable to locate credentials\""""
    outcome = running.client("one", f"s3://{running.bucket}/old", retries=1)
    assert outcome.code != 0
    assert outcome.log.splitlines()[-1] == "botocore.exceptions.NoCredentialsError: Unable to locate credentials"


@pytest.mark.environments("prod")
def test_database_of_another_authority_is_refused(running: Running) -> None:
    """verify-full: a certificate of another authority is refused, and the log says so"""
    other = Authority(running.folder / "other").bundle.read_text(encoding="ascii")
    with running.variant(rds_ca={"ca.crt": other}) as pod:
        says(pod, "certificate verify failed", INIT)


@pytest.mark.environments("prod")
def test_database_under_another_name_is_refused(running: Running) -> None:
    """verify-full: a certificate for another name is refused, and the log says so"""
    running.cluster.names["db.acme.example"] = cloud.RDS
    uri = "postgresql+psycopg2://mlflow@db.acme.example:5432/mlflow"
    with running.variant({"MLFLOW_BACKEND_STORE_URI": uri}) as pod:
        says(pod, 'does not match host name "db.acme.example"', INIT)


@pytest.mark.environments(*BOTH)
def test_absent_database_is_waited_for(running: Running) -> None:
    """A database that is down: "the connection is refused", and the server starts once it is back"""
    document = running.objects.documents["StatefulSet", running.engine]
    running.cluster.drop(running.own[0])
    with running.variant() as pod:
        says(pod, "the connection is refused", INIT)
        running.cluster.stateful(document)
        until(f"{pod.name} is ready", lambda: pod.ready, 90, otherwise=pod.said)


@pytest.mark.environments("minio-postgres", "versitygw-postgres")
def test_absent_store_is_named(running: Running) -> None:
    """A store that is down: "Could not connect to the endpoint URL" in the server's log, and no restart"""
    running.cluster.drop(running.own[-1])
    with running.variant() as pod:
        failed(logged(running, pod))
        assert f'Could not connect to the endpoint URL: "{running.settings["MLFLOW_S3_ENDPOINT_URL"]}/' in pod.log()
        assert pod.restarts == 0
    running.cluster.stateful(running.objects.documents["StatefulSet", running.inside])
    running.cluster.settled()
