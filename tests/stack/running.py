"""A reference environment that runs: its cluster, what it takes from outside, and what tests do with it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from . import cloud
from .authority import Authority
from .cluster import EKS_ROLE, Cluster, Job, build, source
from .memory import Watch
from .outcome import Outcome
from .pod import Pod
from .programs import ROOT
from .remote import buckets, remote
from .remote import secrets as secrets_of
from .spec import Objects, Spec
from .wait import until

REFERENCES = (
    "minio-postgres",
    "minio-mysql",
    "versitygw-postgres",
    "aws-keys",
    "s3-compatible",
    "eks-irsa",
    "eks-pod-identity",
    "gke-workload-identity",
    "gcs-keys",
    "azure-workload-identity",
    "azure-keys",
    "oss-keys",
    "local",
    "prod",
)
INSIDE = ("minio", "versitygw")
"""The stores that run in the cluster."""
LOGINS = ("login", "login-mysql")
SPLITS = ("split", "split-host", "split-login", "split-login-mysql")
SMALL = ("connections", "login-local")
BESIDE = ("beside",)
MAINTENANCE = ("maintenance", "maintenance-mysql")
REGISTRIES = ("registry", "registry-mysql")
ENVIRONMENTS = (*REFERENCES, *LOGINS, *SPLITS, *SMALL, *BESIDE, *MAINTENANCE, *REGISTRIES)
ON_DEMAND = ("login-mysql", *SPLITS, *SMALL, *BESIDE, *MAINTENANCE, *REGISTRIES)
"""Environments of those tests alone that name them."""
STRANGE = "p@ss/w:rd#1%&\\'\"$(HOME) ü"
DASHED = '-rf --leading dash \\ü"x'
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIAMLFLOWMLFLOW0001", "AWS_SECRET_ACCESS_KEY": "abc/DEF+ghi=" * 3}
MARIADB = ("mariadb", "--no-defaults", "--socket=/tmp/mysql.sock", "--user=root", "--batch", "-N", "-e")
PSQL = ("psql", "--host=/tmp", "--no-psqlrc", "-qAt")
VARIANT = {"MLFLOW_SERVER_ALLOWED_HOSTS": "*", "MLFLOW_WORKERS": "1"}
"""Settings of a server that is asked by its address, for one thing."""
WORKLOADS = ("StatefulSet", "Job", "Deployment")
PROGRAMS = ROOT / "tests" / "stack"
POSTGRES = "docker.io/library/postgres:17"


@dataclass(frozen=True)
class Work:
    """What the client wrote, what it read back, and the memory of the servers meanwhile and after it, in bytes."""

    wrote: dict[str, Any]
    read: dict[str, Any]
    peak: int
    rest: int
    log: str


MEGABYTES = 100
OTHER = cloud.OTHER_BUCKET


def values(password: str = STRANGE, other: str = DASHED) -> dict[str, dict[str, str]]:
    """A value for every Secret that an environment may have, all from one kind of password, administrators' from another."""
    return {
        "mlflow-database": {"password": password},
        "postgres-superuser": {"password": other},
        "mysql-root": {"password": other},
        "minio-root": {"MINIO_ROOT_USER": "root", "MINIO_ROOT_PASSWORD": other},
        "versitygw-root": {"ROOT_ACCESS_KEY_ID": "root", "ROOT_SECRET_ACCESS_KEY": other},
        "mlflow-artifacts": {"AWS_ACCESS_KEY_ID": "mlflow", "AWS_SECRET_ACCESS_KEY": password},
        "s3-credentials": dict(CREDENTIALS),
        "acme-settings": {"ACME_LEVEL": password},
        # Beyond ASCII MLflow's own clients fail to log in.
        "mlflow-auth": {"admin-password": password.replace("ü", "u"), "session-key": other},
    }


def objects_of(name: str, secrets: Mapping[str, Mapping[str, str]]) -> Objects:
    """The objects of a build, with the Secrets that a person creates beside it."""
    documents = build(name, secrets)
    namespace = next(each["metadata"]["name"] for each in documents if each["kind"] == "Namespace")
    objects = Objects(namespace)
    for secret, content in secrets.items():
        objects.add({"kind": "Secret", "metadata": {"name": secret}, "stringData": dict(content)})
    for document in documents:
        objects.add(document)
    return objects


def _files(volume: Path) -> Iterator[dict[str, Any]]:
    """The files of the server's volume but its database, as the objects of a bucket."""
    for path in volume.rglob("*"):
        if path.is_file() and not path.name.startswith("mlflow.db"):
            place = str(Path("var/lib/mlflow") / path.relative_to(volume))
            yield {"bucket": "", "key": place, "size": path.stat().st_size, "kms": ""}


def _waits(pod: Pod) -> bool:
    return "no schema" in pod.log("wait-for-schema")


class Running:
    """One environment. `start` begins with what the server waits for."""

    def __init__(
        self, name: str, folder: Path, secrets: dict[str, dict[str, str]] | None = None, beside: str = ""
    ) -> None:
        """`beside` is another environment: its objects are there too, but for those of a name that this one has."""
        self.name = name
        self.folder = folder
        self.secrets = secrets or values() | secrets_of(name, folder / "google")
        self.objects = objects_of(name, self.secrets)
        if beside:
            self.objects.documents = objects_of(beside, self.secrets).documents | self.objects.documents
        self.source: Spec = yaml.safe_load(source(name).read_text(encoding="utf-8"))
        self.authority = Authority(folder / "authority")
        ca = {"ca.crt": self.authority.bundle.read_text(encoding="ascii")}
        for secret in ("rds-ca", "store-ca"):
            self.objects.add({"kind": "Secret", "metadata": {"name": secret}, "stringData": ca})
        self.cluster = Cluster(self.objects, folder)
        self.outside: list[Pod] = []
        self.remote = remote(self)

    @cached_property
    def settings(self) -> dict[str, str]:
        """The server's ConfigMap."""
        found = next(
            each for each in self.objects.all("ConfigMap") if each["metadata"]["name"].startswith("mlflow-env")
        )
        return dict(found["data"])

    @property
    def login(self) -> tuple[str, str] | None:
        """The administrator's name and password, where the server asks for a login."""
        user = self.settings.get("LOGIN_ADMIN_USER")
        return (user, self.secrets["mlflow-auth"]["admin-password"]) if user else None

    @property
    def bucket(self) -> str:
        """The bucket of the server's artifacts."""
        return urlsplit(self.settings["MLFLOW_ARTIFACTS_DESTINATION"]).netloc.partition("@")[0]

    @property
    def prefix(self) -> str:
        """What the keys of all objects begin with."""
        return urlsplit(self.settings["MLFLOW_ARTIFACTS_DESTINATION"]).path.lstrip("/")

    @property
    def inside(self) -> str:
        """The store that is in the cluster, minio or versitygw, or nothing."""
        return next((name for name in INSIDE if ("StatefulSet", name) in self.objects.documents), "")

    @property
    def engine(self) -> str:
        """The database: postgres, mysql, rds or sqlite."""
        if self.settings["MLFLOW_BACKEND_STORE_URI"].startswith("sqlite:"):
            return "sqlite"
        return next((name for name in ("postgres", "mysql") if ("StatefulSet", name) in self.objects.documents), "rds")

    @property
    def role(self) -> str:
        """The role of the server's service account, if it has one."""
        account = self.objects.documents["ServiceAccount", "mlflow"]
        return str((account["metadata"].get("annotations") or {}).get(EKS_ROLE, ""))

    @property
    def images(self) -> list[str]:
        """The images of all containers."""
        pods = [each["spec"]["template"]["spec"] for kind in WORKLOADS for each in self.objects.all(kind)]
        groups = ("initContainers", "containers")
        return sorted({each["image"] for pod in pods for group in groups for each in pod.get(group) or []})

    @property
    def servers(self) -> list[Pod]:
        """The pods of the server."""
        return self.cluster.of("mlflow")

    @property
    def database(self) -> Pod:
        """The pod of the database, wherever it is. SQLite has none."""
        return self.cluster.of(self.engine)[0] if self.engine != "rds" else self.outside[-1]

    @property
    def store(self) -> Pod | None:
        """The pod of the object store, wherever it is."""
        if self.inside:
            return self.cluster.of(self.inside)[0]
        return self.outside[0] if self.remote else None

    @property
    def parts(self) -> list[Pod]:
        """The pods of database and store."""
        database = None if self.engine == "sqlite" else self.database
        return [pod for pod in (database, self.store) if pod is not None]

    @property
    def own(self) -> list[Pod]:
        """Those of them that are in the cluster."""
        return [pod for pod in self.parts if pod not in self.outside]

    @staticmethod
    def port_of(pod: Pod) -> int:
        """The first port of a pod."""
        return int(pod.container["ports"][0]["containerPort"])

    def begin(self) -> None:
        """Starts what is outside the cluster."""
        if self.remote:
            self.outside.append(self.remote.start())
        if self.engine == "rds":
            host = str(urlsplit(self.settings["MLFLOW_BACKEND_STORE_URI"]).hostname)
            password, master = (
                self.secrets["mlflow-database"]["password"],
                self.secrets["postgres-superuser"]["password"],
            )
            self.outside.append(cloud.database(self.cluster, self.authority, host, password, master, POSTGRES))
        for pod in self.outside:
            cloud.ready(pod)

    def start(self) -> None:
        """Starts everything. The Jobs come last, so that the server has to wait for them."""
        self.begin()
        self.cluster.apply("StatefulSet", "Deployment")
        for pod in self.servers if self.engine != "sqlite" else ():
            until(f"{pod.name} waits", partial(_waits, pod), 90, otherwise=pod.said)
        self.cluster.apply("Job")
        self.cluster.settled()

    def program(self, file: str, *arguments: str, variables: Mapping[str, str] | None = None, **where: Any) -> Outcome:
        """Runs a program of this folder in a pod of another namespace, with MLflow's image and these variables alone."""
        server = self.objects.documents["Deployment", "mlflow"]["spec"]["template"]["spec"]["containers"][0]
        objects = Objects(where.get("namespace", "team"))
        text = (PROGRAMS / file).read_text(encoding="utf-8")
        objects.add({"kind": "ConfigMap", "metadata": {"name": "program"}, "data": {file: text}})
        fixed = {"HOME": "/tmp", "PYTHONDONTWRITEBYTECODE": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}
        container = {
            "name": "program",
            "image": server["image"],
            "command": ["python", f"/program/{file}", *(argument.replace("$", "$$") for argument in arguments)],
            "env": [
                {"name": key, "value": value.replace("$", "$$")}
                for key, value in (fixed | dict(variables or {})).items()
            ],
            "volumeMounts": [{"name": name, "mountPath": f"/{name}"} for name in ("program", "tmp")],
        }
        template = cloud.machine(container)
        template["spec"]["restartPolicy"] = "Never"
        template["metadata"] = {"labels": where.get("labels", {})}
        pod = self.cluster.guest(file.partition(".")[0], template, objects)
        until(f"{file} ends", lambda: pod.phase in {"Succeeded", "Failed"}, 120, otherwise=pod.said)
        log = pod.log() or pod.waiting
        self.cluster.dismiss(pod)
        lines = log.rstrip().splitlines()
        answer = json.loads(lines[-1]) if pod.phase == "Succeeded" and lines else None
        return Outcome(0 if pod.phase == "Succeeded" else 1, answer, log)

    def client(
        self, *arguments: str, server: str = "", retries: int = 3, login: tuple[str, str] | None = None
    ) -> Outcome:
        """Runs the client, which knows the address of the server, its login if there is one, and nothing else."""
        port = self.objects.documents["Service", "mlflow"]["spec"]["ports"][0]["port"]
        path = self.settings.get("MLFLOW_STATIC_PREFIX", "")
        uri = server or f"http://mlflow.{self.objects.namespace}:{port}{path}"
        variables = {"MLFLOW_TRACKING_URI": uri, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": str(retries)}
        if known := login or self.login:
            variables |= {"MLFLOW_TRACKING_USERNAME": known[0], "MLFLOW_TRACKING_PASSWORD": known[1]}
        return self.program("client.py", *arguments, variables=variables)

    def begun(self, name: str, /, *words: str, **variables: str) -> Job:
        """Starts a CronJob now; in: the words of its main container in place of its own, and variables for all."""
        document = json.loads(json.dumps(self.objects.documents["CronJob", name]["spec"]["jobTemplate"]))
        pod = document["spec"]["template"]["spec"]
        for container in [*(pod.get("initContainers") or []), *pod["containers"]]:
            added = [{"name": key, "value": value} for key, value in variables.items()]
            kept = [each for each in container.get("env") or [] if each["name"] not in variables]
            container["env"] = [*kept, *added]
        if words:
            pod["containers"][0]["args"] = list(words)
        return Job(self.cluster, f"{name}-now", document)

    def ended(self, job: Job) -> Job:
        """Waits for the end of a Job, and takes its pods away."""
        until(f"{job.name} ends", lambda: job.succeeded or job.failed, 300, otherwise=job.said)
        for each in job.pods:
            self.cluster.drop(each)
        return job

    def scheduled(self, name: str, /, *words: str, **variables: str) -> Job:
        """Runs a CronJob now, to its end."""
        return self.ended(self.begun(name, *words, **variables))

    def work(self) -> Work:
        """Lets the client write and read, and watches the servers."""
        watch = Watch(self.servers)
        try:
            wrote = self.client("write", str(MEGABYTES))
            assert wrote.code == 0, wrote.log
            read = self.client("read", json.dumps(wrote.answer))
            assert read.code == 0, read.log
        finally:
            watch.end()
        rest = max(pod.main.memory() for pod in self.servers)
        return Work(wrote.answer, read.answer, watch.peak, rest, wrote.log + read.log)

    def contents(self, *arguments: str, keys: Mapping[str, str] | None = None) -> Outcome:
        """Looks into the object store from the node, as its administrator or with given keys."""
        if self.remote:
            return self.remote.look(*arguments, keys=keys)
        if not self.inside:
            return Outcome(0, list(_files(self.folder / "claims" / "mlflow")), "")
        root = self.secrets[f"{self.inside}-root"].values()
        admin = dict(zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), root, strict=True))
        pod = self.cluster.of(self.inside)[0]
        address = f"http://{pod.link.address}:{self.port_of(pod)}"
        return buckets(self, address, {**admin, **(keys or {})}, *arguments)

    def sql(self, statement: str, database: str = "mlflow") -> str:
        """Asks a database as its superuser, in its own container. In MySQL the statement names the database itself."""
        if self.engine == "mysql":
            password = f"MYSQL_PWD={self.secrets['mysql-root']['password']}"
            words = [*MARIADB, statement]
        else:
            password = f"PGPASSWORD={self.secrets['postgres-superuser']['password']}"
            superuser = "master" if self.engine == "rds" else "postgres"
            words = [*PSQL, "--dbname", database, "--username", superuser, "-c", statement]
        done = self.database.main.execute(["env", password, *words], 30)
        if done.returncode:
            raise AssertionError(done.stderr)
        return done.stdout

    def schema(self) -> str:
        """All columns of all tables, and MLflow's revision."""
        schema, table = (
            ("mlflow", "mlflow.alembic_version") if self.engine == "mysql" else ("public", "alembic_version")
        )
        columns = "table_name, column_name, data_type, is_nullable"
        where = f"table_schema = '{schema}' ORDER BY 1, 2"
        listed = self.sql(f"SELECT {columns} FROM information_schema.columns WHERE {where}")
        return listed + self.sql(f"SELECT version_num FROM {table}")

    @contextmanager
    def variant(self, settings: Mapping[str, str] | None = None, **secrets: Mapping[str, str] | None) -> Iterator[Pod]:
        """One more server, of the same pod template, with other settings or Secrets (with `_` for `-`)."""
        objects = Objects(self.objects.namespace, dict(self.objects.documents))
        for document in self.objects.all("ConfigMap"):
            if document["metadata"]["name"].startswith("mlflow-env"):
                objects.add({**document, "data": {**document["data"], **VARIANT, **(settings or {})}})
        for name, content in secrets.items():
            secret = name.replace("_", "-")
            objects.documents.pop(("Secret", secret), None)
            if content is not None:
                objects.add({"kind": "Secret", "metadata": {"name": secret}, "stringData": dict(content)})
        template = self.objects.documents["Deployment", "mlflow"]["spec"]["template"]
        pod = self.cluster.pod("variant", template, self.cluster.claims(template), objects)
        try:
            yield pod
        finally:
            self.cluster.drop(pod)

    def close(self) -> None:
        """Takes everything away."""
        self.cluster.close()
