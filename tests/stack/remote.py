"""The stores of artifacts outside the cluster, and what in a cloud hands out credentials for them."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import subprocess
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from . import cloud, proofs
from .cluster import AZURE_TENANT, token_of
from .images import AZURITE, CLOUD, GCS
from .network import NETNS, inside, run
from .outcome import Outcome
from .pod import Pod
from .programs import ROOT, environment, tool
from .spec import Objects, Spec
from .wait import until

if TYPE_CHECKING:
    from .running import Running

PROGRAMS = ROOT / "tests" / "stack"
STORE = "203.0.113.30"
BEHIND = "203.0.113.31"
TOKENS = "203.0.113.32"
AGENT = "169.254.170.23"
METADATA = "169.254.169.254"
ROOT_USER = {"MINIO_ROOT_USER": "root", "MINIO_ROOT_PASSWORD": "administrator/secret+key"}
ADMIN_TOKEN = "ya29.administrator"
TOKEN = "ya29.mlflow"
AZURE_KEY = base64.b64encode(b"key of the stack's account").decode()
GCS_OPTIONS = {
    "-scheme": "http",
    "-host": "0.0.0.0",
    "-port": "8000",
    "-backend": "memory",
    "-external-url": "https://storage.googleapis.com",
    "-public-host": "storage.googleapis.com",
}


class Remote(Protocol):
    """A store, from the side of those who run it."""

    note: str

    def start(self) -> Pod:
        """Starts it, and what hands out credentials for it; returns the store itself."""

    def look(self, *arguments: str, keys: Mapping[str, str] | None = None) -> Outcome:
        """What `bucket.py` answers: as the administrator, or with given keys."""


def remote(running: Running) -> Remote | None:
    """The store of an environment that is outside its cluster."""
    overlay = running.source["overlay"]
    if overlay in ("aws-keys", "eks-irsa", "eks-pod-identity"):
        return Amazon(running)
    kinds: dict[str, type[Compatible | Google | Azure]] = {
        "s3-compatible": Compatible,
        "oss-keys": Oss,
        "gke-workload-identity": Google,
        "gcs-keys": Google,
        "azure-workload-identity": Azure,
        "azure-keys": Azure,
    }
    return kinds[overlay](running) if overlay in kinds else None


def secrets(name: str, folder: Path) -> dict[str, dict[str, str]]:
    """The Secrets of an environment whose content only its store knows."""
    if name == "gcs-keys":
        return {"mlflow-artifacts": {"keyfile.json": json.dumps(key_file(folder))}}
    if name == "azure-keys":
        return {"mlflow-artifacts": {"AZURE_STORAGE_ACCESS_KEY": AZURE_KEY}}
    return {}


def key_file(folder: Path) -> dict[str, str]:
    """The key file of a Google service account."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "google.key"
    if not path.exists():
        run(tool("openssl", "openssl"), "genrsa", "-out", str(path), "2048")
    return {
        "type": "service_account",
        "project_id": "acme",
        "private_key_id": "1",
        "private_key": path.read_text(encoding="ascii"),
        "client_email": "mlflow@acme.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": "https://oauth2.googleapis.com/token",
    }


class Amazon:
    """S3 as moto imitates it, and EKS's agent of Pod Identity where there is neither role nor key."""

    note = proofs.AMAZON

    def __init__(self, running: Running) -> None:
        self._running = running

    def start(self) -> Pod:
        running, cluster = self._running, self._running.cluster
        cluster.trust = running.authority.bundle
        keys = running.secrets.get("s3-credentials", {})
        region = running.settings["AWS_DEFAULT_REGION"]
        cluster.pod_identity = running.source["overlay"] == "eks-pod-identity"
        if cluster.pod_identity:
            credentials = dict(zip(("AccessKeyId", "SecretAccessKey", "Token"), cloud.SESSION, strict=True))
            given = {"token": token_of(cluster.namespace, "mlflow"), "credentials": credentials}
            tokens(running, "agent", given, AGENT)
        return cloud.amazon(cluster, running.authority, region, running.bucket, keys)

    def look(self, *arguments: str, keys: Mapping[str, str] | None = None) -> Outcome:
        admin = {"AWS_ACCESS_KEY_ID": cloud.ADMIN["ADMIN_ID"], "AWS_SECRET_ACCESS_KEY": cloud.ADMIN["ADMIN_SECRET"]}
        return buckets(self._running, f"https://{cloud.AMAZON}", {**admin, **(keys or {})}, *arguments)


class Compatible:
    """A MinIO with a certificate that no public authority signed, and a user that may use one bucket alone."""

    note = "a MinIO with a certificate of a test authority stands for any store that speaks S3's protocol"

    def __init__(self, running: Running) -> None:
        self._running = running
        self._url = urlsplit(running.settings["MLFLOW_S3_ENDPOINT_URL"])

    def start(self) -> Pod:
        host, port = str(self._url.hostname), self._url.port or 443
        self._running.cluster.names[host] = STORE
        pod = self._minio(STORE, port, ["--certs-dir", "/tls"])
        self._create(f"https://{STORE}:{port}")
        return pod

    def look(self, *arguments: str, keys: Mapping[str, str] | None = None) -> Outcome:
        admin = {"AWS_ACCESS_KEY_ID": "root", "AWS_SECRET_ACCESS_KEY": ROOT_USER["MINIO_ROOT_PASSWORD"]}
        address = f"https://{STORE}:{self._url.port or 443}"
        return buckets(self._running, address, {**admin, **(keys or {})}, *arguments)

    def _minio(self, address: str, port: int, options: list[str], **variables: str) -> Pod:
        running = self._running
        made = running.authority.certificate(str(self._url.hostname), f"*.{self._url.hostname}", address)
        objects = Objects("store")
        files = {"public.crt": made.text, "private.key": made.key}
        objects.add({"kind": "Secret", "metadata": {"name": "tls"}, "stringData": files})
        container = {
            "name": "minio",
            "image": "quay.io/minio/minio:stack",
            "command": ["minio", "server", "/data", "--address", f":{port}", *options],
            "env": env({**ROOT_USER, "HOME": "/tmp", "MINIO_UPDATE": "off", **variables}),
            "ports": [{"containerPort": port}],
            "readinessProbe": {"tcpSocket": {"port": port}},
            "volumeMounts": mounts("data", "tls", "tmp"),
        }
        pod = running.cluster.guest("minio", cloud.machine(container), objects, address)
        cloud.ready(pod)
        return pod

    def _create(self, endpoint: str) -> None:
        """Runs the base's own script: it creates the bucket and a user that may use it."""
        running = self._running
        script = (ROOT / "base/components/artifacts-minio/setup.sh").read_text(encoding="utf-8")
        objects = Objects("store")
        files = {"setup.sh": script, "ca.crt": running.authority.bundle.read_text(encoding="ascii")}
        objects.add({"kind": "ConfigMap", "metadata": {"name": "program"}, "data": files})
        variables = {"ENDPOINT": endpoint, "BUCKET": running.bucket, "HOME": "/tmp", "SSL_CERT_FILE": "/program/ca.crt"}
        container = {
            "name": "setup",
            "image": "quay.io/minio/minio:stack",
            "command": ["sh", "/program/setup.sh"],
            "env": env({**ROOT_USER, **running.secrets["mlflow-artifacts"], **variables}),
            "volumeMounts": mounts("program", "tmp"),
        }
        once(running, "setup", container, objects)


class Oss(Compatible):
    """A MinIO behind a front that refuses what Alibaba's S3 interface refuses."""

    note = (
        "Alibaba Cloud OSS itself: MinIO answers under its name, behind a front that refuses what OSS's documentation says "
        "it refuses: a bucket in the path, aws-chunked, a deletion of several objects without Content-MD5"
    )

    def start(self) -> Pod:
        running, host = self._running, str(self._url.hostname)
        cluster = running.cluster
        cluster.trust = running.authority.bundle
        region = running.settings["AWS_DEFAULT_REGION"]
        self._minio(BEHIND, 9000, [], MINIO_DOMAIN=host, MINIO_REGION=region)
        self._create(f"http://{BEHIND}:9000")
        for name in (host, f"*.{host}"):
            cluster.names[name] = STORE
        return front(running, "oss", {"host": host}, host, f"*.{host}", STORE)

    def look(self, *arguments: str, keys: Mapping[str, str] | None = None) -> Outcome:
        admin = {"AWS_ACCESS_KEY_ID": "root", "AWS_SECRET_ACCESS_KEY": ROOT_USER["MINIO_ROOT_PASSWORD"]}
        return buckets(self._running, f"http://{BEHIND}:9000", {**admin, **(keys or {})}, *arguments)


class Google:
    """fake-gcs-server behind a front that looks at tokens, and what hands them out."""

    note = (
        "Google Cloud itself: fake-gcs-server answers under the name of Google Cloud Storage; a front of the tests looks at "
        "tokens, which servers of the tests hand out for a key file, or as the metadata server of GKE does"
    )

    def __init__(self, running: Running) -> None:
        self._running = running

    def start(self) -> Pod:
        running, cluster = self._running, self._running.cluster
        cluster.trust = running.authority.bundle
        cluster.names |= {"storage.googleapis.com": STORE, "oauth2.googleapis.com": TOKENS}
        container = {
            "name": "gcs",
            "image": f"{GCS}:0",
            "command": ["fake-gcs-server", *(word for pair in GCS_OPTIONS.items() for word in pair)],
            "ports": [{"containerPort": 8000}],
            "readinessProbe": {"tcpSocket": {"port": 8000}},
            "volumeMounts": mounts("tmp"),
        }
        cloud.ready(cluster.guest("gcs", cloud.machine(container), Objects("google"), BEHIND))
        pod = front(running, "google", {"tokens": [TOKEN, ADMIN_TOKEN]}, "storage.googleapis.com", STORE)
        if running.source["overlay"] == "gcs-keys":
            known = json.loads(running.secrets["mlflow-artifacts"]["keyfile.json"])
            path = running.folder / "google" / "google.key"
            public = subprocess.run(
                [tool("openssl", "openssl"), "pkey", "-in", str(path), "-pubout"],
                capture_output=True,
                text=True,
                check=True,
            )
            given = {"public": public.stdout, "issuer": known["client_email"], "token": TOKEN}
            tokens(running, "google", given, TOKENS, "oauth2.googleapis.com")
        else:
            cluster.names["metadata.google.internal"] = METADATA
            tokens(running, "metadata", {"token": TOKEN}, METADATA)
        self._ask("POST", "/storage/v1/b?project=acme", json.dumps({"name": running.bucket}))
        return pod

    def look(self, *arguments: str, keys: Mapping[str, str] | None = None) -> Outcome:  # noqa: ARG002 - lists alone
        listed = self._ask("GET", f"/storage/v1/b/{self._running.bucket}/o?maxResults=1000")
        entries = [
            {"bucket": each["bucket"], "key": each["name"], "size": int(each["size"]), "kms": ""}
            for each in json.loads(listed)["items"]
        ]
        return Outcome(0, entries, listed)

    def _ask(self, method: str, path: str, body: str = "") -> str:
        context = ssl.create_default_context(cafile=str(self._running.authority.bundle))
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}", "Content-Type": "application/json"}
        with (
            inside(self._running.cluster.network.node),
            closing(http.client.HTTPSConnection(STORE, 443, context=context, timeout=20)) as connection,
        ):
            connection.request(method, path, body, {**headers, "Host": "storage.googleapis.com"})
            answer = connection.getresponse()
            text = answer.read().decode()
        assert answer.status == 200, text
        return text


class Azure:
    """azurite, and Microsoft's token endpoint where the pod has an identity."""

    note = (
        "Azure itself: azurite answers under the name of the storage account, and a server of the tests for Microsoft Entra: "
        "azurite looks at a token's audience, issuer and times, not at who it is for and what that may do"
    )

    def __init__(self, running: Running) -> None:
        self._running = running
        url = urlsplit(running.settings["MLFLOW_ARTIFACTS_DESTINATION"])
        self._container, self._host = str(url.username), str(url.hostname)
        self._account = self._host.partition(".")[0]

    def start(self) -> Pod:
        running, cluster = self._running, self._running.cluster
        cluster.trust = running.authority.bundle
        cluster.names |= {self._host: STORE, "login.microsoftonline.com": TOKENS}
        objects = Objects("azure")
        objects.add(cloud.tls(running.authority, self._host, STORE))
        options = ["--blobHost", "0.0.0.0", "--blobPort", "443", "--cert", "/tls/tls.crt", "--key", "/tls/tls.key"]
        options += [
            "--oauth",
            "basic",
            "--location",
            "/data",
            "--skipApiVersionCheck",
            "--disableTelemetry",
            "--silent",
        ]
        container = {
            "name": "azurite",
            "image": f"{AZURITE}:0",
            "command": ["azurite-blob", *options],
            "env": env({"AZURITE_ACCOUNTS": f"{self._account}:{AZURE_KEY}", "HOME": "/tmp"}),
            "workingDir": "/tmp",
            "ports": [{"containerPort": 443}],
            "readinessProbe": {"tcpSocket": {"port": 443}},
            "volumeMounts": mounts("data", "tls", "tmp"),
        }
        pod = cluster.guest("azurite", cloud.machine(container), objects, STORE)
        cloud.ready(pod)
        if running.source["overlay"] == "azure-workload-identity":
            client, token = running.source["artifacts"]["clientId"], token_of(cluster.namespace, "mlflow")
            given = {"tenant": AZURE_TENANT, "client": client, "token": token}
            tokens(running, "entra", given, TOKENS, "login.microsoftonline.com")
        made = self.look("create")
        assert made.code == 0, made.log
        return pod

    def look(self, *arguments: str, keys: Mapping[str, str] | None = None) -> Outcome:  # noqa: ARG002 - the key's owner
        variables = {"ACCOUNT": self._account, "KEY": AZURE_KEY, "CONTAINER": self._container}
        variables["ADDRESS"] = f"https://{self._host}"
        return self._running.program("container.py", *arguments, variables=variables)


def tokens(running: Running, what: str, setup: dict[str, Any], address: str, *hosts: str) -> Pod:
    """Starts what hands out credentials, with TLS where it has a name of its own."""
    return python(running, "tokens.py", [what], setup, address, *hosts)


def front(running: Running, what: str, setup: dict[str, Any], *hosts: str) -> Pod:
    """Starts the TLS of a store."""
    behind = f"{BEHIND}:{9000 if what == 'oss' else 8000}"
    return python(running, "front.py", [what, behind], setup, STORE, *hosts)


def python(running: Running, file: str, words: list[str], setup: dict[str, Any], address: str, *hosts: str) -> Pod:
    """Starts a program of this folder, and waits until it answers."""
    objects = Objects("cloud")
    text = (PROGRAMS / file).read_text(encoding="utf-8")
    objects.add({"kind": "ConfigMap", "metadata": {"name": "program"}, "data": {file: text}})
    if hosts:
        objects.add(cloud.tls(running.authority, *hosts))
    port = 443 if hosts else 80
    container = {
        "name": "program",
        "image": f"{CLOUD}:0",
        "command": ["python", f"/program/{file}", *words],
        "env": env({"SETUP": json.dumps(setup)}),
        "ports": [{"containerPort": port}],
        "readinessProbe": {"tcpSocket": {"port": port}},
        "volumeMounts": mounts("program", "tls", "tmp"),
    }
    pod = running.cluster.guest(words[0], cloud.machine(container), objects, address)
    cloud.ready(pod)
    return pod


def once(running: Running, name: str, container: Spec, objects: Objects) -> None:
    """Runs a container to its end, which has to be a good one."""
    template = cloud.machine(container)
    template["spec"]["restartPolicy"] = "Never"
    pod = running.cluster.guest(name, template, objects)
    until(f"{name} ends", lambda: pod.phase in {"Succeeded", "Failed"}, 60, otherwise=pod.said)
    assert pod.phase == "Succeeded", pod.said()
    running.cluster.dismiss(pod)


def buckets(running: Running, endpoint: str, keys: Mapping[str, str], *arguments: str) -> Outcome:
    """Runs bucket.py on the node."""
    variables = {
        "REGION": running.settings["AWS_DEFAULT_REGION"],
        "ENDPOINT": endpoint,
        "AWS_CA_BUNDLE": str(running.authority.bundle),
        **keys,
    }
    words = [tool("nsenter", "util-linux"), f"--net={NETNS / running.cluster.network.node}"]
    words += [str(environment("cloud.lock").python), str(PROGRAMS / "bucket.py"), *arguments]
    done = subprocess.run(words, capture_output=True, text=True, env=variables, check=False)
    answer = json.loads(done.stdout) if done.returncode == 0 else None
    return Outcome(done.returncode, answer, done.stdout + done.stderr)


def env(values: Mapping[str, str]) -> list[Spec]:
    """Variables of a container, exactly as they are."""
    return [{"name": name, "value": value.replace("$", "$$")} for name, value in values.items()]


def mounts(*names: str) -> list[Spec]:
    """The volumes of `cloud.machine` that a container sees, each under its own name."""
    return [{"name": name, "mountPath": f"/{name}"} for name in names]
