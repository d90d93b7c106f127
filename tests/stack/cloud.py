"""What an environment takes from outside the cluster: Amazon's S3 and STS, and a database that Amazon runs."""

from __future__ import annotations

import json
from typing import Any

from .authority import Authority
from .cluster import EKS_ROLE, Cluster, token_of
from .images import CLOUD
from .pod import Pod
from .programs import ROOT
from .spec import Objects, Spec
from .wait import until

USER = 10002
AMAZON = "203.0.113.10"
RDS = "203.0.113.20"
OTHER_BUCKET = "somebody-elses"
ADMIN = {"ADMIN_ID": "AKIAADMINADMINADMIN1", "ADMIN_SECRET": "administrator/secret+key"}
SESSION = ("ASIAPODPODPODPODPOD1", "secret+of/the/session" * 2, "token of the session")
"""The keys and the token of the role that EKS Pod Identity hands out."""
ACTIONS = ("DeleteObject", "GetBucketLocation", "ListBucket", "ListBucketMultipartUploads")
"""Of the bucket. moto, unlike Amazon, looks there for the right to delete several objects at once."""
OBJECT_ACTIONS = ("AbortMultipartUpload", "DeleteObject", "GetObject", "ListMultipartUploadParts", "PutObject")
RDS_SETUP = """
set -eu
umask 077
printf '%s' "$MASTER_PASSWORD" > /tmp/password
initdb --pgdata="$PGDATA" --username=master --pwfile=/tmp/password --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8
echo 'hostssl all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
pg_ctl --pgdata="$PGDATA" --wait --options="-c listen_addresses='' -c unix_socket_directories=/tmp" start
PGPASSWORD="$MASTER_PASSWORD" psql --host=/tmp --username=master --dbname=postgres --no-psqlrc <<'SQL'
\\getenv password MLFLOW_PASSWORD
CREATE ROLE mlflow LOGIN PASSWORD :'password';
CREATE DATABASE mlflow OWNER mlflow;
SQL
pg_ctl --pgdata="$PGDATA" --wait stop
"""


def names(region: str) -> tuple[str, ...]:
    """The names under which Amazon offers S3 and STS in a region."""
    return (
        f"s3.{region}.amazonaws.com",
        f"*.s3.{region}.amazonaws.com",
        "s3.amazonaws.com",
        "*.s3.amazonaws.com",
        f"sts.{region}.amazonaws.com",
        "sts.amazonaws.com",
    )


def policy(bucket: str) -> Spec:
    """The least that MLflow needs of a bucket."""
    own = [f"arn:aws:s3:::{bucket}"]
    inner = [f"arn:aws:s3:::{bucket}/*"]
    statements = [
        {"Effect": "Allow", "Action": [f"s3:{action}" for action in ACTIONS], "Resource": own},
        {"Effect": "Allow", "Action": [f"s3:{action}" for action in OBJECT_ACTIONS], "Resource": inner},
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def amazon(cluster: Cluster, authority: Authority, region: str, bucket: str, keys: dict[str, str]) -> Pod:
    """Starts S3 and STS with the bucket, and with a role where the service account has one, or else with keys."""
    setup: dict[str, Any] = {"region": region, "buckets": [bucket, OTHER_BUCKET], "policy": policy(bucket)}
    account = cluster.objects.documents["ServiceAccount", "mlflow"]
    role = (account["metadata"].get("annotations") or {}).get(EKS_ROLE)
    if role:
        setup |= {"role": role, "token": token_of(cluster.namespace, "mlflow")}
    elif cluster.pod_identity:
        setup["session"] = SESSION
    else:
        setup["keys"] = [keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"]]
    program = (ROOT / "tests" / "stack" / "amazon.py").read_text(encoding="utf-8")
    objects = Objects("amazon")
    objects.add({"kind": "ConfigMap", "metadata": {"name": "program"}, "data": {"amazon.py": program}})
    objects.add(tls(authority, *names(region), AMAZON))
    container = {
        "name": "amazon",
        "image": f"{CLOUD}:0",
        "command": ["python", "/program/amazon.py", "/tls/tls.crt", "/tls/tls.key"],
        "env": [{"name": key, "value": value} for key, value in {**ADMIN, "SETUP": json.dumps(setup)}.items()],
        "ports": [{"containerPort": 443}],
        "readinessProbe": {"tcpSocket": {"port": 443}},
        "volumeMounts": [{"name": name, "mountPath": f"/{name}"} for name in ("program", "tls", "tmp")],
    }
    for name in names(region):
        cluster.names[name] = AMAZON
    return cluster.guest("amazon", machine(container), objects, AMAZON)


def database(cluster: Cluster, authority: Authority, host: str, password: str, master: str, image: str) -> Pod:
    """Starts a PostgreSQL that takes no connection without TLS."""
    objects = Objects("rds")
    objects.add(tls(authority, host))
    # initdb looks up the name of the user that it runs as.
    passwd = f"rds:x:{USER}:{USER}::/tmp:/usr/sbin/nologin\n"
    objects.add({"kind": "ConfigMap", "metadata": {"name": "program"}, "data": {"passwd": passwd}})
    mounts = [{"name": name, "mountPath": f"/{name}"} for name in ("data", "tls", "tmp")]
    variables = {"PGDATA": "/data/pgdata", "MASTER_PASSWORD": master, "MLFLOW_PASSWORD": password}
    common = {
        "image": image,
        "env": [{"name": key, "value": value.replace("$", "$$")} for key, value in variables.items()],
        "volumeMounts": [*mounts, {"name": "program", "mountPath": "/etc/passwd", "subPath": "passwd"}],
    }
    settings = {
        "listen_addresses": "*",
        "unix_socket_directories": "/tmp",
        "ssl": "on",
        "ssl_cert_file": "/tls/tls.crt",
        "ssl_key_file": "/tls/tls.key",
    }
    container = common | {
        "name": "postgres",
        "command": ["postgres", *(word for key, value in settings.items() for word in ("-c", f"{key}={value}"))],
        "ports": [{"containerPort": 5432}],
        "readinessProbe": {"tcpSocket": {"port": 5432}},
    }
    create = common | {"name": "create", "command": ["sh", "-c", RDS_SETUP.replace("$", "$$")]}
    cluster.names[host] = RDS
    return cluster.guest("rds", machine(container, create), objects, RDS)


def listener(cluster: Cluster, name: str, port: int, address: str | None = None) -> Pod:
    """Starts something that takes connections, in the cluster or outside of it."""
    container = {
        "name": "listener",
        "image": f"{CLOUD}:0",
        "command": ["python", "-m", "http.server", str(port)],
        "ports": [{"containerPort": port}],
        "readinessProbe": {"tcpSocket": {"port": port}},
    }
    pod = cluster.guest(name, machine(container), Objects("strangers"), address)
    ready(pod)
    return pod


def tls(authority: Authority, *hosts: str) -> Spec:
    """A Secret with a server's certificate."""
    made = authority.certificate(*hosts)
    return {"kind": "Secret", "metadata": {"name": "tls"}, "stringData": {"tls.crt": made.text, "tls.key": made.key}}


def machine(container: Spec, *before: Spec) -> Spec:
    """A pod around a container of a test."""
    volumes: list[Spec] = [
        {"name": "program", "configMap": {"name": "program", "optional": True}},
        {"name": "tls", "secret": {"secretName": "tls", "optional": True, "defaultMode": 0o640}},
        {"name": "data", "emptyDir": {}},
        {"name": "tmp", "emptyDir": {}},
    ]
    user = {"runAsUser": USER, "runAsGroup": USER, "fsGroup": USER}
    return {
        "spec": {"initContainers": list(before), "containers": [container], "volumes": volumes, "securityContext": user}
    }


def ready(pod: Pod) -> None:
    """Waits until a guest answers."""
    until(f"{pod.name} is ready", lambda: pod.ready, 60, otherwise=pod.said)
