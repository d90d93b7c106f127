"""A namespace of a cluster, made from a build: its Services, StatefulSets, Jobs and Deployments, and the pods of tests."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

from compiler.build import kustomize
from compiler.manifest import parse
from compiler.pipeline import compile_environment
from compiler.tree import env_file
from compiler.workspace import Workspace

from .dns import Server
from .network import Network, Port
from .pod import Node, Pod
from .policy import chains
from .probe import number
from .programs import ROOT
from .spec import Objects, Spec
from .wait import until

EKS_ROLE = "eks.amazonaws.com/role-arn"
EKS_TOKENS = "/var/run/secrets/eks.amazonaws.com/serviceaccount"
EKS_REGION = "eu-central-1"
REGIONS = ("AWS_DEFAULT_REGION", "AWS_REGION")
EKS_AUDIENCE = "sts.amazonaws.com"
POD_TOKENS = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount"
AZURE_USE = "azure.workload.identity/use"
AZURE_TOKENS = "/var/run/secrets/azure/tokens"
AZURE_TENANT = "99999999-2222-3333-4444-555555555555"
"""The tenant of the cluster."""


def source(name: str) -> Path:
    """The environment.yaml of a reference environment, or the file of this suite or of a case."""
    reference = ROOT / "overlays" / name / "environment.yaml"
    own = ROOT / "tests" / "stack" / "environments" / f"{name}.yaml"
    case = ROOT / "tests" / "cases" / "valid" / f"{name}.yaml"
    return next(file for file in (own, reference, case) if file.exists())


def build(name: str, secrets: Mapping[str, Mapping[str, str]]) -> list[Spec]:
    """What `kubectl kustomize overlays/<name>` prints, with these values in the files of the generated Secrets."""
    with tempfile.TemporaryDirectory(prefix="stack-") as directory:
        stage = Path(directory).resolve()
        shutil.copytree(ROOT / "base", stage / "base")
        overlay = stage / "overlays" / name
        if source(name).parent.name == name:
            shutil.copytree(ROOT / "overlays" / name, overlay, ignore=shutil.ignore_patterns("secrets"))
        else:
            overlay.mkdir(parents=True)
            shutil.copy(source(name), overlay / "environment.yaml")
            if (custom := source(name).with_suffix(".custom")).is_dir():
                shutil.copytree(custom, overlay / "custom")
            compilation = compile_environment(Workspace(stage), name)
            assert compilation.tree is not None, compilation.diagnostics
            Workspace(stage).write(name, compilation.tree)
        (overlay / "secrets").mkdir()
        for secret, values in secrets.items():
            (overlay / "secrets" / f"{secret}.env").write_text(env_file(dict(values)), encoding="utf-8")
        text, error = kustomize(overlay)
    if error:
        raise AssertionError(error)
    return list(parse(text))


class Job:
    """Pods that are tried one after the other until one succeeds."""

    def __init__(self, cluster: Cluster, name: str, document: Spec) -> None:
        self.name = name
        self.pods: list[Pod] = []
        self.succeeded = False
        self.failed = False
        self._cluster = cluster
        self._document = document
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._control, name=name, daemon=True)
        self._thread.start()

    def log(self) -> str:
        """What all its pods have printed."""
        return "".join(pod.log() for pod in self.pods)

    def said(self) -> str:
        """What all its pods have printed, init containers included."""
        return "\n".join(pod.said() for pod in self.pods)

    def stop(self) -> None:
        """Deletes the Job and its pods."""
        self._stopping.set()
        self._thread.join()
        for pod in self.pods:
            pod.crash()

    def _control(self) -> None:
        tries = int(self._document["spec"].get("backoffLimit", 6)) + 1
        for attempt in range(tries):
            pod = self._cluster.pod(f"{self.name}-{attempt}", self._document["spec"]["template"])
            self.pods.append(pod)
            while pod.phase not in {"Succeeded", "Failed"}:
                if self._stopping.wait(0.1):
                    return
            if pod.phase == "Succeeded":
                self.succeeded = True
                return
            if self._stopping.wait(1):
                return
        self.failed = True


class Cluster:
    """One namespace, on one node. `outside` are names and addresses of the world beyond."""

    def __init__(self, objects: Objects, folder: Path, outside: Mapping[str, str] | None = None) -> None:
        self.objects = objects
        self.namespace = objects.namespace
        self.folder = folder
        self.network = Network()
        self.names: dict[str, str] = dict(outside or {})
        self.pods: list[Pod] = []
        self.guests: list[Pod] = []
        self.jobs: list[Job] = []
        self.trust: Path | None = None
        self.pod_identity = False
        """Whether an association of EKS binds a role to the service account."""
        self._addresses = {name: f"10.96.1.{index}" for index, name in enumerate(self._services(), 1)}
        self._lock = threading.RLock()
        self._suffix = count(1)
        for name, address in self._addresses.items():
            self.names[f"{name}.{self.namespace}.svc.cluster.local"] = address
        self._dns = Server(self.network, self.names)

    def pod(
        self, name: str, template: Spec, claims: dict[str, Path] | None = None, objects: Objects | None = None
    ) -> Pod:
        """Starts a pod of the namespace. With objects of its own it is behind no Service."""
        services = {each: (self._addresses[each], spec["ports"]) for each, spec in self._services().items()}
        node = Node(self.network, self.folder / "pods", self.changed, services, self.trust)
        pod = Pod(f"{name}-{next(self._suffix)}", self._admitted(template), objects or self.objects, node, claims)
        with self._lock:
            self.pods.append(pod)
        self.changed()
        return pod

    def guest(self, name: str, template: Spec, objects: Objects, address: str | None = None) -> Pod:
        """Starts a pod of another namespace, or a machine outside the cluster where it is given an address."""
        node = Node(self.network, self.folder / "guests", self.changed, {}, self.trust)
        pod = Pod(f"{name}-{next(self._suffix)}", template, objects, node, None, address)
        with self._lock:
            self.guests.append(pod)
        self.changed()
        return pod

    def apply(self, *kinds: str) -> None:
        """Creates what the build's objects ask for, all at once as `kubectl apply` does."""
        wanted = kinds or ("StatefulSet", "Job", "Deployment")
        for document in self.objects.all("StatefulSet") if "StatefulSet" in wanted else []:
            self.stateful(document)
        for document in self.objects.all("Job") if "Job" in wanted else []:
            self.job(document)
        for document in self.objects.all("Deployment") if "Deployment" in wanted else []:
            for _ in range(document["spec"].get("replicas", 1)):
                self.deployed(document)

    def deployed(self, document: Spec) -> Pod:
        """Starts one pod of a Deployment; its claims are those of the namespace."""
        template = document["spec"]["template"]
        return self.pod(document["metadata"]["name"], template, self.claims(template))

    def claims(self, template: Spec) -> dict[str, Path]:
        """The folders of the claims that a pod mounts by name."""
        found = {}
        for volume in template["spec"].get("volumes") or []:
            if claim := volume.get("persistentVolumeClaim"):
                found[volume["name"]] = self.folder / "claims" / claim["claimName"]
                found[volume["name"]].mkdir(parents=True, exist_ok=True)
        return found

    def stateful(self, document: Spec) -> Pod:
        """Starts the one pod of a StatefulSet; its claims are those that it had before."""
        if document["spec"].get("replicas", 1) != 1:
            raise NotImplementedError("StatefulSets of several pods")
        name = document["metadata"]["name"]
        claims = {}
        for claim in document["spec"].get("volumeClaimTemplates") or []:
            volume = claim["metadata"]["name"]
            claims[volume] = self.folder / "claims" / f"{volume}-{name}-0"
            claims[volume].mkdir(parents=True, exist_ok=True)
        return self.pod(name, document["spec"]["template"], claims)

    def job(self, document: Spec) -> Job:
        """Starts a Job."""
        job = Job(self, document["metadata"]["name"], document)
        self.jobs.append(job)
        return job

    def of(self, workload: str) -> list[Pod]:
        """The pods of a StatefulSet or Deployment."""
        return [pod for pod in self.pods if pod.name.rpartition("-")[0] == workload]

    def settled(self, seconds: float = 180) -> None:
        """Waits until every Job is done and every other pod is ready."""

        def done() -> bool:
            for job in self.jobs:
                if job.failed:
                    raise AssertionError(f"{job.name} failed\n{job.said()}")
            finite = {pod for job in self.jobs for pod in job.pods}
            return all(job.succeeded for job in self.jobs) and all(pod.ready for pod in self.pods if pod not in finite)

        until("the cluster settles", done, seconds, otherwise=self.said)

    def said(self) -> str:
        """What every pod that is not fine has printed."""
        return "\n".join(pod.said() for pod in self.pods if not pod.ready and pod.phase != "Succeeded")

    def delete(self, pod: Pod) -> float:
        """Deletes a pod, and returns the seconds that it took to end."""
        took = pod.stop()
        with self._lock:
            self.pods.remove(pod)
        return took

    def delete_all(self, pods: Sequence[Pod]) -> dict[Pod, float]:
        """Deletes pods at the same time, and returns the seconds that each took to end."""
        with ThreadPoolExecutor(len(pods)) as threads:
            return dict(zip(pods, threads.map(self.delete, pods), strict=True))

    def drop(self, pod: Pod) -> None:
        """Takes a pod away without waiting for its end."""
        pod.crash()
        with self._lock:
            self.pods.remove(pod)

    def dismiss(self, guest: Pod) -> None:
        """Takes a guest away."""
        guest.crash()
        with self._lock:
            self.guests.remove(guest)

    def changed(self) -> None:
        """Makes the rules of the network follow the pods."""
        with self._lock:
            ports = [port for name, spec in self._services().items() for port in self._ports(name, spec)]
            self.network.publish(ports, chains(self.objects, self.pods, self.guests))

    def close(self) -> None:
        """Takes everything away."""
        for job in self.jobs:
            job.stop()
        for pod in [*self.pods, *self.guests]:
            pod.crash()
        self._dns.close()
        self.network.close()
        shutil.rmtree(self.folder / "claims", ignore_errors=True)

    def _services(self) -> dict[str, Spec]:
        return {document["metadata"]["name"]: document["spec"] for document in self.objects.all("Service")}

    def _ports(self, name: str, spec: Spec) -> Iterator[Port]:
        chosen = spec["selector"].items()
        own = [pod for pod in self.pods if pod.objects is self.objects]
        behind = [pod for pod in own if pod.ready and chosen <= pod.labels.items()]
        for port in spec["ports"]:
            target = port.get("targetPort", port["port"])
            ends = tuple((pod.link.address, number(target, pod.ports)) for pod in behind)
            yield Port(self._addresses[name], port["port"], ends)

    def _admitted(self, template: Spec) -> Spec:
        """A pod as the webhook of its cloud lets it in: with the identity of its service account, if that has one."""
        account = template["spec"].get("serviceAccountName", "default")
        token = token_of(self.namespace, account)
        if self.pod_identity and account == "mlflow":
            return with_pod_identity(template, token)
        document = self.objects.documents.get(("ServiceAccount", account), {})
        annotations: dict[str, str] = document.get("metadata", {}).get("annotations") or {}
        if template["metadata"].get("labels", {}).get(AZURE_USE) == "true":
            return with_client(template, annotations, token)
        return with_role(template, annotations, token) if EKS_ROLE in annotations else template


def token_of(namespace: str, account: str) -> str:
    """A token that the cluster gives a service account; its signature is not looked at."""
    claims = {"aud": [EKS_AUDIENCE], "sub": f"system:serviceaccount:{namespace}:{account}"}
    digest = hashlib.sha256(json.dumps(claims).encode()).hexdigest()
    return f"stack.{digest}.{namespace}.{account}"


def with_role(template: Spec, annotations: Mapping[str, str], token: str, region: str = EKS_REGION) -> Spec:
    """The mutation of the amazon-eks-pod-identity-webhook. It looks at `env` alone, so it overrides `envFrom`."""
    injected = {"AWS_ROLE_ARN": annotations[EKS_ROLE], "AWS_WEB_IDENTITY_TOKEN_FILE": f"{EKS_TOKENS}/token"}
    if annotations.get("eks.amazonaws.com/sts-regional-endpoints") == "true":
        injected["AWS_STS_REGIONAL_ENDPOINTS"] = "regional"
    return _injected(template, injected, ("aws-iam-token", EKS_TOKENS, "token", token), region)


def with_pod_identity(template: Spec, token: str, region: str = EKS_REGION) -> Spec:
    """The same webhook's mutation for EKS Pod Identity."""
    injected = {
        "AWS_STS_REGIONAL_ENDPOINTS": "regional",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": f"{POD_TOKENS}/eks-pod-identity-token",
    }
    return _injected(
        template, injected, ("eks-pod-identity-token", POD_TOKENS, "eks-pod-identity-token", token), region
    )


def with_client(template: Spec, annotations: Mapping[str, str], token: str) -> Spec:
    """The mutation of the azure-workload-identity webhook."""
    injected = {
        "AZURE_CLIENT_ID": annotations["azure.workload.identity/client-id"],
        "AZURE_TENANT_ID": annotations.get("azure.workload.identity/tenant-id", AZURE_TENANT),
        "AZURE_FEDERATED_TOKEN_FILE": f"{AZURE_TOKENS}/azure-identity-token",
        "AZURE_AUTHORITY_HOST": "https://login.microsoftonline.com/",
    }
    return _injected(template, injected, ("azure-identity-token", AZURE_TOKENS, "azure-identity-token", token))


def _injected(template: Spec, variables: Mapping[str, str], token: tuple[str, str, str, str], region: str = "") -> Spec:
    """A pod with variables, and a token as (volume, folder, file, content), in every container."""
    changed: dict[str, Any] = json.loads(json.dumps(template))
    name, folder, file, content = token
    source = {"path": file, "stackToken": content}
    volume = {"name": name, "projected": {"sources": [{"serviceAccountToken": source}]}}
    changed["spec"].setdefault("volumes", []).append(volume)
    for container in [*(changed["spec"].get("initContainers") or []), *changed["spec"]["containers"]]:
        own = {entry["name"] for entry in container.setdefault("env", [])}
        regions = dict.fromkeys(REGIONS, region) if region and own.isdisjoint(REGIONS) else {}
        added = {key: value for key, value in ({**variables} | regions).items() if key not in own}
        container["env"] += [{"name": key, "value": value} for key, value in added.items()]
        container.setdefault("volumeMounts", []).append({"name": name, "mountPath": folder, "readOnly": True})
    return changed
