"""The rules of a build: each finds the one thing that a test breaks in a real build, and nothing in the unbroken one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from compiler import rules
from compiler.build import build
from compiler.conform import conform
from compiler.manifest import Fault, Manifest, without_nulls
from compiler.overlay import Change, Image, Overlay, Ref
from compiler.pipeline import compile_environment
from compiler.route import show
from compiler.rules import RULES
from compiler.rules.changes import target
from compiler.rules.immutable import refused
from compiler.rules.jobs import MAX_NAME, digest, job_names
from compiler.rules.scaling import reset
from compiler.waive import unwaived
from compiler.workload import matches
from compiler.workspace import Workspace
from tests.conftest import ROOT, Project, put_base

Data = dict[str, Any]
CASES = ROOT / "tests" / "cases" / "valid"
POD = "spec.template.spec"
MLFLOW = f"{POD}.containers[name=mlflow]"


@dataclass(frozen=True)
class Proof:
    """A proved build: the overlay, its objects, and the values that were made up for its generated Secrets."""

    overlay: Overlay
    manifests: tuple[Manifest, ...]
    made_up: tuple[str, ...]

    def objects(self) -> Objects:
        return Objects([replace(manifest, data=deepcopy(manifest.data)) for manifest in self.manifests])


class Objects:
    """A copy of a build, to be broken. An object is found by its kind and how its name begins."""

    def __init__(self, manifests: list[Manifest]) -> None:
        self.manifests = manifests

    def __getitem__(self, kind_and_name: str) -> Data:
        kind, _, name = kind_and_name.partition(" ")
        named = [each for each in self.manifests if each.ref.kind == kind and each.ref.name.startswith(name)]
        return min(named, key=lambda each: len(each.ref.name)).data

    def pod(self, kind_and_name: str) -> Data:
        found: Data = self[kind_and_name]["spec"]["template"]["spec"]
        return found

    def container(self, kind_and_name: str, name: str) -> Data:
        pod = self.pod(kind_and_name)
        [found] = [each for each in [*pod.get("initContainers", []), *pod["containers"]] if each["name"] == name]
        container: Data = found
        return container

    def remove(self, kind_and_name: str) -> None:
        data = self[kind_and_name]
        self.manifests = [each for each in self.manifests if each.data is not data]

    def add(self, **data: Any) -> None:
        self.manifests.append(Manifest(data))


def faults(overlay: Overlay, manifests: Sequence[Manifest], made_up: Sequence[str]) -> list[Fault]:
    """What is told of a build: what breaks a rule and is not waived."""
    return unwaived(overlay, manifests, rules.faults(overlay, manifests, made_up))


def _proof(tmp: Path, source: Path) -> Proof:
    put_base(tmp)
    project = Project(Workspace(tmp))
    project.add("example", source.read_bytes())
    compilation = compile_environment(project.workspace, "example")
    assert compilation.overlay is not None, compilation.diagnostics
    assert compilation.tree is not None
    built = build(tmp, "example", compilation.tree, compilation.overlay.generated_secrets())
    return Proof(compilation.overlay, built.manifests, built.made_up)


@pytest.fixture(scope="module")
def proofs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Proof]:
    """Builds with all that rules look at: keys from outside, each database, an autoscaler, a login with metrics, a route."""
    sources = {
        "inside": CASES / "everything-minio.yaml",
        "outside": CASES / "private-store.yaml",
        "mysql": ROOT / "overlays" / "minio-mysql" / "environment.yaml",
        "scaled": ROOT / "tests" / "everything" / "minio-mysql" / "environment.yaml",
        "login": CASES / "login-and-metrics.yaml",
        "role": ROOT / "overlays" / "eks-irsa" / "environment.yaml",
        "routed": CASES / "gateway.yaml",
    }
    return {name: _proof(tmp_path_factory.mktemp(name), source) for name, source in sources.items()}


def _told(found: list[Fault]) -> list[tuple[str, str, str]]:
    """Faults as code, object and place; the digest of a Job's or ConfigMap's name left out."""
    return sorted((fault.code, str(fault.ref), show(fault.route)) for fault in found)


def _broken(proof: Proof, change: Callable[[Objects], object]) -> list[Fault]:
    objects = proof.objects()
    change(objects)
    assert [each.data for each in objects.manifests] != [each.data for each in proof.manifests], "nothing was broken"
    return faults(proof.overlay, objects.manifests, proof.made_up)


# The whole


@pytest.mark.parametrize("name", ["inside", "outside", "mysql", "scaled", "login", "role"])
def test_faults__none_in_a_good_build(proofs: dict[str, Proof], name: str) -> None:
    proof = proofs[name]
    assert faults(proof.overlay, proof.manifests, proof.made_up) == []


def test_faults__the_builds_hold_all_that_rules_look_at(proofs: dict[str, Proof]) -> None:
    kinds = {manifest.ref.kind for proof in proofs.values() for manifest in proof.manifests}
    assert kinds >= {"Deployment", "StatefulSet", "Job", "Service", "Ingress", "NetworkPolicy", "PodDisruptionBudget"}
    assert kinds >= {"ConfigMap", "Secret", "ServiceAccount", "Namespace", "HorizontalPodAutoscaler"}
    assert len(proofs["inside"].made_up) > 3


def test_rules__every_rule_finds_something_here() -> None:
    """Every rule of the table is broken by some row of this file."""
    assert {code for rule in COVERED.values() for code in rule} <= {code for code, _, _ in _expected()}
    assert set(COVERED) == set(RULES)


COVERED = {
    "every change of the overlay is in the build": ["patch-misses"],
    "every image of the overlay is in the build": ["image-misses"],
    "no placeholder of the base survives": ["placeholder"],
    "every reference between objects resolves": ["dangling-reference"],
    "selectors pick pods, and ports exist": ["picks-nothing"],
    "autoscalers can act": ["autoscaler-stuck"],
    "a volume is written before it is read": ["read-before-written"],
    "no secret value stands outside a Secret": ["secret-in-plain-sight"],
    "every image is pinned": ["no-image", "unpinned-image"],
    "pods keep to Pod Security restricted": ["pod-security"],
    "no Secret flows into an argument, a URI, a probe or a log": ["exposed-secret"],
    "containers are bounded, read-only and of their own account, where no waiver says otherwise": [
        "writable-root",
        "low-user",
        "missing-resources",
        "mounted-token",
    ],
    "probes, replicas and budgets keep the pods available, where no waiver says otherwise": [
        "disruption-budget",
        "missing-probe",
        "no-anti-affinity",
    ],
    "policies bind every pod, and nothing opens more than it needs, where no waiver says otherwise": [
        "no-network-policy",
        "node-port",
    ],
    "a Job is named for its content": ["job-name"],
    "nothing stands before the identity of the server's pod": ["shadowed-identity"],
}


# One row a way to break a build: a name, the build, how it is broken, and what has to be found. A place is written as reports
# write it.

Break = Callable[[Objects], object]
Row = tuple[str, str, Break, list[tuple[str, str, str]]]


def _set(holder: Data, **values: Any) -> None:
    holder.update({key.replace("_", "-") if key.startswith("app") else key: value for key, value in values.items()})


def _labels(objects: Objects, kind_and_name: str) -> Data:
    labels: Data = objects[kind_and_name]["spec"]["template"]["metadata"]["labels"]
    return labels


def _env(objects: Objects, kind_and_name: str, container: str, variable: str) -> Data:
    [found] = [each for each in objects.container(kind_and_name, container)["env"] if each["name"] == variable]
    variable_: Data = found
    return variable_


SETTINGS = "ConfigMap mlflow-env"


def _changes() -> Iterator[Row]:
    yield (
        "a value that something else changed",
        "inside",
        lambda objects: _set(objects["Deployment mlflow"]["spec"], replicas=3),
        [("patch-misses", "Deployment mlflow", "spec.replicas")],
    )
    yield (
        "a value of another type",
        "inside",
        lambda objects: _set(objects["Deployment mlflow"]["spec"], replicas="2"),
        [("patch-misses", "Deployment mlflow", "spec.replicas")],
    )
    yield (
        "a setting that is gone",
        "inside",
        lambda objects: objects[SETTINGS]["data"].pop("MLFLOW_WORKERS"),
        [("patch-misses", "ConfigMap mlflow-env", "data.MLFLOW_WORKERS")],
    )
    yield (
        "a setting that only begins alike",
        "inside",
        lambda objects: _set(objects[SETTINGS]["data"], AWS_DEFAULT_REGION="eu-west-1-b"),
        [("patch-misses", "ConfigMap mlflow-env", "data.AWS_DEFAULT_REGION")],
    )
    yield (
        "one element of a list",
        "inside",
        lambda objects: objects.container("Deployment mlflow", "mlflow")["args"].append("--dev"),
        [("patch-misses", "Deployment mlflow", f"{MLFLOW}.args")],
    )
    yield (
        "a host of the ingress",
        "inside",
        lambda objects: _set(objects["Ingress mlflow"]["spec"]["rules"][0], host="other.example"),
        [("patch-misses", "Ingress mlflow", "spec.rules[0].host")],
    )
    yield (
        "an image that a container no longer runs",
        "inside",
        lambda objects: [
            objects.container("StatefulSet postgres", name).update(image="postgres:1")
            for name in ("create", "postgres")
        ],
        [("image-misses", "Image docker.io/library/postgres", "(the whole)")],
    )
    yield (
        "a placeholder of a volume",
        "outside",
        lambda objects: objects[SETTINGS]["data"].update(EXTRA="PLACEHOLDER"),
        [("placeholder", "ConfigMap mlflow-env", "data.EXTRA")],
    )
    yield (
        "a placeholder in a list",
        "inside",
        lambda objects: objects["Ingress mlflow"]["spec"]["rules"].append({"host": "PLACEHOLDER"}),
        [("placeholder", "Ingress mlflow", "spec.rules[1].host")],
    )


def _references() -> Iterator[Row]:
    def dangling(what: str, place: str) -> list[tuple[str, str, str]]:
        return [("dangling-reference", what, place)]

    yield (
        "a service account that is not there",
        "inside",
        lambda objects: objects.remove("ServiceAccount mlflow"),
        dangling("Deployment mlflow", f"{POD}.serviceAccountName"),
    )
    yield (
        "a secret that nobody was asked for",
        "outside",
        lambda objects: _env(objects, "Deployment mlflow", "mlflow", "AWS_ACCESS_KEY_ID")["valueFrom"].update(
            secretKeyRef={"name": "other", "key": "AWS_ACCESS_KEY_ID"}
        ),
        dangling("Deployment mlflow", f"{MLFLOW}.env[name=AWS_ACCESS_KEY_ID].valueFrom.secretKeyRef.name"),
    )
    yield (
        "a key that a secret outside was not asked for",
        "outside",
        lambda objects: _env(objects, "Deployment mlflow", "mlflow", "AWS_ACCESS_KEY_ID")["valueFrom"][
            "secretKeyRef"
        ].update(key="ACCESS_KEY"),
        dangling("Deployment mlflow", f"{MLFLOW}.env[name=AWS_ACCESS_KEY_ID].valueFrom.secretKeyRef.name"),
    )
    yield (
        "a key that a secret of the build lacks",
        "mysql",
        lambda objects: _env(objects, "StatefulSet mysql", "create", "ROOT_PASSWORD")["valueFrom"][
            "secretKeyRef"
        ].update(key="root"),
        dangling(
            "StatefulSet mysql",
            f"{POD}.initContainers[name=create].env[name=ROOT_PASSWORD].valueFrom.secretKeyRef.name",
        ),
    )
    yield (
        "the key of a certificate authority",
        "outside",
        lambda objects: _volume(objects.pod("Deployment mlflow"), "artifacts-ca")["secret"]["items"][0].update(
            key="ca.pem"
        ),
        dangling("Deployment mlflow", f"{POD}.volumes[name=artifacts-ca].secret.secretName"),
    )
    yield (
        "a configmap of files",
        "inside",
        lambda objects: objects.remove("ConfigMap postgres-create"),
        dangling("StatefulSet postgres", f"{POD}.volumes[name=create].configMap.name"),
    )
    yield (
        "a secret in envFrom",
        "inside",
        lambda objects: objects.container("Job mlflow-migrate", "migrate")["envFrom"].append(
            {"secretRef": {"name": "x"}}
        ),
        dangling("Job mlflow-migrate", f"{POD}.containers[name=migrate].envFrom[1].secretRef.name"),
    )
    yield (
        "a key of a configmap",
        "mysql",
        lambda objects: objects.container("StatefulSet minio", "minio")["env"].append(
            {"name": "X", "valueFrom": {"configMapKeyRef": {"name": _hashed(objects, "mysql-create"), "key": "x"}}}
        ),
        dangling("StatefulSet minio", f"{POD}.containers[name=minio].env[name=X].valueFrom.configMapKeyRef.name"),
    )
    yield (
        "a projected secret",
        "outside",
        lambda objects: objects.pod("Deployment mlflow")["volumes"].append(
            {"name": "x", "projected": {"sources": [{"configMap": {"name": "missing"}}]}}
        ),
        dangling("Deployment mlflow", f"{POD}.volumes[name=x].projected.sources[0].configMap.name"),
    )
    yield (
        "a volume that is not there",
        "inside",
        lambda objects: objects.container("Job mlflow-migrate", "migrate")["volumeMounts"][0].update(name="missing"),
        dangling("Job mlflow-migrate", f"{POD}.containers[name=migrate].volumeMounts[0].name"),
    )
    yield (
        "a claim that is not there",
        "inside",
        lambda objects: objects["StatefulSet minio"]["spec"]["volumeClaimTemplates"][0]["metadata"].update(
            name="other"
        ),
        dangling("StatefulSet minio", f"{POD}.containers[name=minio].volumeMounts[0].name"),
    )


def _volume(pod: Data, name: str) -> Data:
    [found] = [each for each in pod["volumes"] if each["name"] == name]
    volume: Data = found
    return volume


def _mount(container: Data, name: str) -> Data:
    [found] = [each for each in container["volumeMounts"] if each["name"] == name]
    mount: Data = found
    return mount


def _hashed(objects: Objects, name: str) -> str:
    return str(objects[f"ConfigMap {name}"]["metadata"]["name"])


def _monitors() -> Iterator[Row]:
    def endpoint(objects: Objects) -> Data:
        first: Data = objects["ServiceMonitor mlflow"]["spec"]["endpoints"][0]
        return first

    yield (
        "a port of a container in place of the Service's",
        "login",
        lambda objects: endpoint(objects).update(port="mlflow"),
        [("picks-nothing", "ServiceMonitor mlflow", "spec.endpoints[0].port")],
    )
    yield (
        "a ServiceMonitor of other Services",
        "login",
        lambda objects: objects["ServiceMonitor mlflow"]["spec"]["selector"]["matchLabels"].update(app="other"),
        [("picks-nothing", "ServiceMonitor mlflow", "spec.selector")],
    )
    yield (
        "init containers the wrong way round",
        "login",
        lambda objects: objects.pod("Deployment mlflow")["initContainers"].reverse(),
        [
            (
                "read-before-written",
                "Deployment mlflow",
                f"{POD}.initContainers[name=wait-for-schema].volumeMounts[name=database]",
            )
        ],
    )
    yield (
        "a volume that nothing writes to",
        "login",
        lambda objects: _mount(objects.container("Deployment mlflow", "mlflow"), "metrics").update(readOnly=True),
        [("read-before-written", "Deployment mlflow", f"{MLFLOW}.volumeMounts[name=metrics]")],
    )


def _names() -> Iterator[Row]:
    def nothing(what: str, place: str) -> tuple[str, str, str]:
        return "picks-nothing", what, place

    yield (
        "the selector of a service",
        "inside",
        lambda objects: objects["Service minio"]["spec"]["selector"].update({"app.kubernetes.io/name": "minoi"}),
        [nothing("Service minio", "spec.selector")],
    )
    yield (
        "the target port of a service",
        "inside",
        lambda objects: objects["Service mlflow"]["spec"]["ports"][0].update(targetPort="web"),
        [nothing("Service mlflow", "spec.ports[0].targetPort")],
    )
    yield (
        "the number of a target port",
        "inside",
        lambda objects: objects["Service mlflow"]["spec"]["ports"][0].update(targetPort=5001),
        [nothing("Service mlflow", "spec.ports[0].targetPort")],
    )
    yield (
        "a port without a target",
        "inside",
        lambda objects: objects["Service mlflow"]["spec"]["ports"].append({"port": 80}),
        [nothing("Service mlflow", "spec.ports[1].targetPort")],
    )
    yield (
        "the backend of an ingress",
        "inside",
        lambda objects: _backend(objects).update(name="server"),
        [nothing("Ingress mlflow", "spec.rules[0].http.paths[0].backend.service.name")],
    )
    yield (
        "the port of a backend",
        "inside",
        lambda objects: _backend(objects).update(port={"name": "web"}),
        [nothing("Ingress mlflow", "spec.rules[0].http.paths[0].backend.service.port")],
    )
    yield (
        "the number of a backend's port",
        "inside",
        lambda objects: _backend(objects).update(port={"number": 80}),
        [nothing("Ingress mlflow", "spec.rules[0].http.paths[0].backend.service.port")],
    )
    yield (
        "the default backend of an ingress",
        "inside",
        lambda objects: objects["Ingress mlflow"]["spec"].update(
            defaultBackend={"service": {"name": "server", "port": {"name": "http"}}}
        ),
        [nothing("Ingress mlflow", "spec.defaultBackend.service.name")],
    )
    yield (
        "a writable root",
        "inside",
        lambda objects: objects.container("Deployment mlflow", "mlflow")["securityContext"].pop(
            "readOnlyRootFilesystem"
        ),
        [("writable-root", "Deployment mlflow", f"{MLFLOW}.securityContext")],
    )
    yield (
        "a group of the node",
        "inside",
        lambda objects: objects.container("Deployment mlflow", "mlflow")["securityContext"].update(runAsGroup=9999),
        [("low-user", "Deployment mlflow", f"{MLFLOW}.securityContext")],
    )
    yield (
        "a container that may take all disk of a node",
        "inside",
        lambda objects: objects.container("StatefulSet minio", "minio")["resources"]["limits"].pop("ephemeral-storage"),
        [("missing-resources", "StatefulSet minio", f"{POD}.containers[name=minio].resources.limits")],
    )
    yield (
        "a token",
        "inside",
        lambda objects: objects.pod("Deployment mlflow").pop("automountServiceAccountToken"),
        [("mounted-token", "Deployment mlflow", f"{POD}.automountServiceAccountToken")],
    )
    yield (
        "a server that nobody asks",
        "inside",
        lambda objects: objects.container("StatefulSet minio", "minio").pop("livenessProbe"),
        [("missing-probe", "StatefulSet minio", f"{POD}.containers[name=minio].livenessProbe")],
    )
    yield (
        "replicas side by side",
        "inside",
        lambda objects: objects.pod("Deployment mlflow").pop("affinity"),
        [("no-anti-affinity", "Deployment mlflow", f"{POD}.affinity")],
    )
    yield (
        "a port of the node for a Service",
        "inside",
        lambda objects: objects["Service minio"]["spec"].update(type="NodePort"),
        [("node-port", "Service minio", "spec.type")],
    )
    yield (
        "a password as an argument",
        "inside",
        lambda objects: objects.container("Deployment mlflow", "mlflow").update(
            command=["x", "--key=$(AWS_SECRET_ACCESS_KEY)"]
        ),
        [("exposed-secret", "Deployment mlflow", f"{MLFLOW}.command[1]")],
    )
    yield (
        "a name of a key as an argument",
        "inside",
        lambda objects: objects.container("Deployment mlflow", "mlflow").update(command=["x", "$(AWS_ACCESS_KEY_ID)"]),
        [],
    )
    yield (
        "a password that stays as it is written",
        "inside",
        lambda objects: objects.container("Deployment mlflow", "mlflow").update(
            command=["x", "$$(AWS_SECRET_ACCESS_KEY)"]
        ),
        [],
    )
    yield (
        "the name of a route's backend",
        "routed",
        lambda objects: objects["HTTPRoute mlflow"]["spec"]["rules"][0]["backendRefs"][0].update(name="mlflw"),
        [nothing("HTTPRoute mlflow", "spec.rules[0].backendRefs[0].name")],
    )
    yield (
        "the port of a Service behind a route",
        "routed",
        lambda objects: objects["Service mlflow"]["spec"]["ports"][0].update(port=81),
        [
            ("patch-misses", "Service mlflow", "spec.ports[0].port"),
            nothing("HTTPRoute mlflow", "spec.rules[0].backendRefs[0].port"),
        ],
    )
    yield (
        "the pods of a policy",
        "inside",
        lambda objects: objects["NetworkPolicy minio-setup"]["spec"]["podSelector"]["matchLabels"].update(x="y"),
        [
            *[("no-network-policy", "Job minio-setup", POD)] * 2,
            nothing("NetworkPolicy minio-setup", "spec.podSelector"),
        ],
    )
    yield (
        "a peer of ingress",
        "inside",
        lambda objects: objects["NetworkPolicy minio"]["spec"]["ingress"][0]["from"][0]["podSelector"][
            "matchLabels"
        ].update({"app.kubernetes.io/component": "servr"}),
        [nothing("NetworkPolicy minio", "spec.ingress[0].from[0]")],
    )
    yield (
        "a peer of egress, with its expression",
        "inside",
        lambda objects: objects["NetworkPolicy mlflow-to-database"]["spec"]["egress"][0]["to"][0]["podSelector"][
            "matchLabels"
        ].update({"app.kubernetes.io/name": "mysql"}),
        [nothing("NetworkPolicy mlflow-to-database", "spec.egress[0].to[0]")],
    )
    yield (
        "a named port of ingress",
        "inside",
        lambda objects: objects["NetworkPolicy mlflow-server"]["spec"]["ingress"][0]["ports"][0].update(port="web"),
        [nothing("NetworkPolicy mlflow-server", "spec.ingress[0].ports[0]")],
    )
    yield (
        "a named port of egress",
        "inside",
        lambda objects: objects["NetworkPolicy mlflow-to-artifacts"]["spec"]["egress"][0]["ports"][0].update(
            port="postgres"
        ),
        [nothing("NetworkPolicy mlflow-to-artifacts", "spec.egress[0].ports[0]")],
    )
    yield (
        "a disruption budget",
        "inside",
        lambda objects: objects["PodDisruptionBudget mlflow"]["spec"]["selector"]["matchLabels"].update(x="y"),
        [
            ("disruption-budget", "Deployment mlflow", "spec.replicas"),
            nothing("PodDisruptionBudget mlflow", "spec.selector"),
        ],
    )
    yield (
        "a deployment that does not select its own",
        "outside",
        lambda objects: objects["Deployment mlflow"]["spec"]["selector"]["matchLabels"].update(x="y"),
        [nothing("Deployment mlflow", "spec.selector")],
    )
    yield (
        "the service of a statefulset",
        "inside",
        lambda objects: objects["StatefulSet minio"]["spec"].update(serviceName="store"),
        [nothing("StatefulSet minio", "spec.serviceName")],
    )
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        yield (
            f"the port of a {probe}",
            "outside",
            _probe_at_80(probe),
            [nothing("Deployment mlflow", f"{MLFLOW}.{probe}.httpGet.port")],
        )
    yield (
        "the port of a probe by TCP",
        "mysql",
        lambda objects: objects.container("StatefulSet mysql", "mysql")["startupProbe"]["tcpSocket"].update(
            port="msyql"
        ),
        [nothing("StatefulSet mysql", f"{POD}.containers[name=mysql].startupProbe.tcpSocket.port")],
    )


def _identities() -> Iterator[Row]:
    def shadowed(place: str) -> list[tuple[str, str, str]]:
        return [("shadowed-identity", "Deployment mlflow", place)]

    yield (
        "a profile beside a role",
        "role",
        lambda objects: objects.container("Deployment mlflow", "mlflow")["env"].append(
            {"name": "AWS_PROFILE", "value": "x"}
        ),
        shadowed(f"{MLFLOW}.env[name=AWS_PROFILE]"),
    )
    yield (
        "a file of credentials among the settings",
        "role",
        lambda objects: _set(objects[SETTINGS]["data"], AWS_SHARED_CREDENTIALS_FILE="/x"),
        [
            *shadowed(f"{MLFLOW}.envFrom[0]"),
            *shadowed(f"{POD}.initContainers[name=wait-for-schema].envFrom[0]"),
        ],
    )


def _probe_at_80(probe: str) -> Break:
    return lambda objects: objects.container("Deployment mlflow", "mlflow")[probe]["httpGet"].update(port=80)


def _backend(objects: Objects) -> Data:
    backend: Data = objects["Ingress mlflow"]["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    return backend


KEY_ID = "AKIA" + "IOSFODNN7EXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY"


def _leaks() -> Iterator[Row]:
    def leak(what: str, place: str) -> list[tuple[str, str, str]]:
        return [("secret-in-plain-sight", what, place)]

    yield (
        "an access key in an annotation",
        "outside",
        lambda objects: objects["Service mlflow"]["metadata"].update(annotations={"note": f"key {KEY_ID}."}),
        leak("Service mlflow", "metadata.annotations.note"),
    )
    yield (
        "a secret key in a setting",
        "outside",
        lambda objects: objects[SETTINGS]["data"].update(X=SECRET_KEY),
        leak("ConfigMap mlflow-env", "data.X"),
    )
    yield (
        "a URI with a password in an argument",
        "outside",
        lambda objects: objects.container("Deployment mlflow", "mlflow").update(args=["--x", "mysql://u:hunter2@h/d"]),
        leak("Deployment mlflow", f"{MLFLOW}.args[1]".replace("[name=mlflow]", "[0]")),
    )
    yield (
        "a Secret with its values",
        "outside",
        lambda objects: objects.add(apiVersion="v1", kind="Secret", metadata={"name": "mine"}, data={"a": "Yg=="}),
        leak("Secret mine", "(the whole)"),
    )


def _runs(image: str) -> Break:
    return lambda objects: objects.container("StatefulSet minio", "minio").update(image=image)


def _pods() -> Iterator[Row]:
    yield (
        "a container without image",
        "inside",
        lambda objects: objects.container("Deployment mlflow", "wait-for-schema").pop("image"),
        [("no-image", "Deployment mlflow", f"{POD}.initContainers[name=wait-for-schema]")],
    )
    for image in ("example.org/x", "example.org/x:latest", "example.org:5000/x", "x", "x:"):
        yield (
            f"the image {image}",
            "mysql",
            _runs(image),
            [("unpinned-image", "StatefulSet minio", f"{POD}.containers[name=minio].image")],
        )
    yield (
        "a job whose content changed under its name",
        "outside",
        lambda objects: objects["Job mlflow-migrate"]["spec"].update(backoffLimit=5),
        [("job-name", "Job mlflow-migrate", "metadata.name")],
    )


Clause = tuple[str, Callable[[Data], object], str]


def _pod_clauses() -> Iterator[Clause]:
    """Each clause of Pod Security restricted, with baseline's: what it is called, a pod that breaks it, and where."""

    def own(change: Callable[[Data], object]) -> Callable[[Data], object]:
        return lambda pod: change(pod["containers"][0])

    def context(**values: Any) -> Callable[[Data], object]:
        return own(lambda container: container["securityContext"].update(values))

    inside = f"{MLFLOW}.securityContext"
    yield "host network", lambda pod: pod.update(hostNetwork=True), f"{POD}.hostNetwork"
    yield "host processes", lambda pod: pod.update(hostPID=True), f"{POD}.hostPID"
    yield "host memory", lambda pod: pod.update(hostIPC=True), f"{POD}.hostIPC"
    yield (
        "a path of the node",
        lambda pod: pod["volumes"].insert(0, {"name": "x", "hostPath": {"path": "/"}}),
        f"{POD}.volumes[0]",
    )
    yield (
        "a volume over NFS",
        lambda pod: pod["volumes"].insert(0, {"name": "x", "nfs": {"path": "/"}}),
        f"{POD}.volumes[0]",
    )
    yield "a port of the node", own(lambda each: each["ports"][0].update(hostPort=80)), f"{MLFLOW}.ports"
    yield "privileged", context(privileged=True), inside
    yield "escalation", context(allowPrivilegeEscalation=True), inside
    yield "escalation by default", own(lambda each: each["securityContext"].pop("allowPrivilegeEscalation")), inside
    yield "capabilities kept", context(capabilities={}), inside
    yield "a single capability dropped", context(capabilities={"drop": ["NET_RAW"]}), inside
    yield "a capability added", context(capabilities={"drop": ["ALL"], "add": ["SYS_ADMIN"]}), inside
    yield "root by number", context(runAsUser=0), inside
    yield "root allowed", context(runAsNonRoot=False), inside
    yield "no seccomp", context(seccompProfile={"type": "Unconfined"}), inside
    yield "no security context", own(lambda each: each.pop("securityContext")), inside


def _unwritten_clauses() -> Iterator[tuple[str, Callable[[Data], object]]]:
    """Clauses that a pod of the base never comes near, and a component of an environment's own may break."""

    def context(**values: Any) -> Callable[[Data], object]:
        return lambda pod: pod["containers"][0]["securityContext"].update(values)

    def shared(**values: Any) -> Callable[[Data], object]:
        return lambda pod: pod["securityContext"].update(values)

    def satisfied(**values: Any) -> Callable[[Data], object]:
        """The pod breaks a clause that each of its containers keeps: the API server looks at both."""

        def change(pod: Data) -> None:
            pod["securityContext"].update(values)
            for container in [*pod["containers"], *pod["initContainers"]]:
                container["securityContext"].update(
                    runAsNonRoot=True, runAsUser=10001, seccompProfile={"type": "RuntimeDefault"}
                )

        return change

    yield "root by number in the pod", satisfied(runAsUser=0)
    yield "root allowed in the pod", satisfied(runAsNonRoot=False)
    yield "no seccomp in the pod", satisfied(seccompProfile={"type": "Unconfined"})
    yield "no AppArmor in the pod", shared(appArmorProfile={"type": "Unconfined"})
    yield "no AppArmor", context(appArmorProfile={"type": "Unconfined"})
    yield "an SELinux type", context(seLinuxOptions={"type": "spc_t"})
    yield "an SELinux role", shared(seLinuxOptions={"role": "sysadm_r"})
    yield "an SELinux user", shared(seLinuxOptions={"user": "root"})
    yield "an unmasked /proc", context(procMount="Unmasked")
    yield "an unsafe sysctl", shared(sysctls=[{"name": "kernel.msgmax", "value": "65536"}])
    yield "a process of a Windows host", shared(windowsOptions={"hostProcess": True})
    yield (
        "a probe of another host",
        lambda pod: pod["containers"][0]["livenessProbe"]["httpGet"].update(host="10.0.0.1"),
    )
    yield (
        "a hook at another host",
        lambda pod: pod["containers"][0].update(lifecycle={"preStop": {"httpGet": {"port": 80, "host": "10.0.0.1"}}}),
    )


AIM = "spec.metrics[0].resource.target.averageUtilization"


def _scaling() -> Iterator[Row]:
    yield (
        "a field of every pod that one of them lost",
        "scaled",
        lambda objects: objects.pod("StatefulSet mysql").pop("tolerations"),
        [("patch-misses", "StatefulSet mysql", f"{POD}.tolerations")],
    )
    yield (
        "an account that nobody provides",
        "scaled",
        lambda objects: objects.pod("Job mlflow-migrate").update(serviceAccountName="other"),
        [("dangling-reference", "Job mlflow-migrate", f"{POD}.serviceAccountName")],
    )
    yield (
        "an autoscaler of something else",
        "scaled",
        lambda objects: objects["HorizontalPodAutoscaler mlflow"]["spec"]["scaleTargetRef"].update(name="other"),
        [("picks-nothing", "HorizontalPodAutoscaler mlflow", "spec.scaleTargetRef")],
    )
    yield (
        "a number of pods beside an autoscaler",
        "scaled",
        lambda objects: _set(objects["Deployment mlflow"]["spec"], replicas=2),
        [("rolling-update", "Deployment mlflow", "spec.replicas")],
    )
    yield (
        "an aim above the limit",
        "scaled",
        lambda objects: _target(objects).update(averageUtilization=900),
        [
            ("autoscaler-stuck", "HorizontalPodAutoscaler mlflow", AIM),
            ("patch-misses", "HorizontalPodAutoscaler mlflow", AIM),
        ],
    )


def _target(objects: Objects) -> Data:
    target: Data = objects["HorizontalPodAutoscaler mlflow"]["spec"]["metrics"][0]["resource"]["target"]
    return target


ROWS = [*_changes(), *_references(), *_monitors(), *_names(), *_leaks(), *_pods(), *_scaling(), *_identities()]


def _expected() -> Iterator[tuple[str, str, str]]:
    for _, _, _, expected in ROWS:
        yield from expected
    yield "pod-security", "", ""


def _short(found: list[tuple[str, str, str]], expected: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """What was found, with the names of objects cut to what was expected: a digest is not what these tests are about."""
    names = {ref for _, ref, _ in expected}
    return [
        (code, next((name for name in names if ref == name or ref.startswith(f"{name}-")), ref), place)
        for code, ref, place in found
    ]


@pytest.mark.parametrize(("build_name", "change", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_faults__finds_what_is_broken(
    proofs: dict[str, Proof], build_name: str, change: Break, expected: list[tuple[str, str, str]]
) -> None:
    found = _broken(proofs[build_name], change)
    if not any(code == "job-name" for code, _, _ in expected):
        # A Job that is broken has another content, which its name says too.
        found = [fault for fault in found if fault.code != "job-name"]
    assert _short(_told(found), expected) == expected


@pytest.mark.parametrize(
    ("change", "place"), [clause[1:] for clause in _pod_clauses()], ids=[c[0] for c in _pod_clauses()]
)
def test_restricted__finds_every_clause(proofs: dict[str, Proof], change: Callable[[Data], object], place: str) -> None:
    found = _broken(proofs["outside"], lambda objects: change(objects.pod("Deployment mlflow")))
    # Without any security context a container breaks several clauses; everything else breaks the one.
    assert {each for each in _told(found) if each[0] == "pod-security"} == {
        ("pod-security", "Deployment mlflow", place)
    }


@pytest.mark.parametrize("change", [c[1] for c in _unwritten_clauses()], ids=[c[0] for c in _unwritten_clauses()])
def test_restricted__finds_the_rarer_clauses(proofs: dict[str, Proof], change: Callable[[Data], object]) -> None:
    found = _broken(proofs["outside"], lambda objects: change(objects.pod("Deployment mlflow")))
    assert {fault.code for fault in found} == {"pod-security"}


@pytest.mark.parametrize("kind", ["StatefulSet mysql", "StatefulSet minio", "Job minio-setup", "Job mlflow-migrate"])
def test_restricted__looks_at_every_pod_and_container(proofs: dict[str, Proof], kind: str) -> None:
    pod = proofs["mysql"].objects().pod(kind)
    for group in ("initContainers", "containers"):
        for index, container in enumerate(pod.get(group, [])):

            def privileged(objects: Objects, group: str = group, index: int = index) -> None:
                objects.pod(kind)[group][index]["securityContext"].update(privileged=True)

            [fault] = [each for each in _broken(proofs["mysql"], privileged) if each.code != "job-name"]
            assert show(fault.route) == f"{POD}.{group}[name={container['name']}].securityContext"
    found = _broken(proofs["mysql"], lambda objects: objects.pod(kind).update(hostPID=True))
    assert [fault.ref.kind for fault in found if fault.code == "pod-security"] == [kind.split(maxsplit=1)[0]]


@pytest.mark.parametrize(
    "change",
    [
        lambda pod: pod["containers"][0]["securityContext"].update(
            capabilities={"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}
        ),
        lambda pod: pod["containers"][0]["securityContext"].update(
            runAsUser=20005, seccompProfile={"type": "Localhost"}
        ),
        lambda pod: pod["volumes"].append({"name": "x", "emptyDir": {}}),
        lambda pod: pod["volumes"].append({"name": "x", "csi": {"driver": "example.org"}}),
        lambda pod: pod["volumes"].append({"name": "x", "persistentVolumeClaim": {"claimName": "x"}}),
        lambda pod: pod["containers"][0]["ports"][0].update(hostPort=0),
        lambda pod: pod.update(hostNetwork=False),
        lambda pod: pod["securityContext"].update(sysctls=[{"name": "net.ipv4.tcp_syncookies", "value": "1"}]),
        lambda pod: pod["securityContext"].update(appArmorProfile={"type": "RuntimeDefault"}),
        lambda pod: pod["securityContext"].update(seLinuxOptions={"level": "s0:c1,c2", "type": "container_t"}),
        lambda pod: pod["containers"][0]["securityContext"].update(procMount="Default"),
        lambda pod: pod["containers"][0]["livenessProbe"]["httpGet"].update(host=""),
    ],
)
def test_restricted__allows_what_the_standard_allows(
    proofs: dict[str, Proof], change: Callable[[Data], object]
) -> None:
    assert _broken(proofs["outside"], lambda objects: change(objects.pod("Deployment mlflow"))) == []


# Made-up values


@pytest.mark.parametrize(
    ("build_name", "change", "place"),
    [
        (
            "inside",
            lambda objects, value: objects.container("Deployment mlflow", "mlflow")["args"].append(
                f"--password={value}"
            ),
            f"{POD}.containers[0].args[2]",
        ),
        ("inside", lambda objects, value: objects[SETTINGS]["data"].update(X=f"postgres://{value}"), "data.X"),
        (
            "mysql",
            lambda objects, value: objects["Service mlflow"]["metadata"].update(annotations={"x": value}),
            "metadata.annotations.x",
        ),
        (
            "mysql",
            lambda objects, value: objects["Namespace "]["metadata"]["labels"].update(x=value),
            "metadata.labels.x",
        ),
    ],
    ids=["argument", "setting", "annotation", "label"],
)
def test_leaks__finds_the_value_of_a_generated_secret(
    proofs: dict[str, Proof], build_name: str, change: Callable[[Objects, str], object], place: str
) -> None:
    """Whatever Secret it is of; a value in plain sight is not repeated by the report."""
    proof = proofs[build_name]
    assert proof.made_up
    for value in proof.made_up:

        def leak(objects: Objects, value: str = value) -> None:
            change(objects, value)

        found = [each for each in _broken(proof, leak) if each.code != "patch-misses"]
        assert [(fault.code, show(fault.route)) for fault in found] == [("secret-in-plain-sight", place)]
        assert value not in f"{found[0].message}{found[0].hint}"


def test_leaks__a_generated_secret_holds_its_value(proofs: dict[str, Proof]) -> None:
    """The values are in the build, inside Secrets: so the search above looks for what is really there."""
    import base64

    proof = proofs["inside"]
    held = {
        base64.b64decode(value).decode()
        for manifest in proof.manifests
        if manifest.ref.kind == "Secret"
        for value in manifest.data["data"].values()
    }
    assert set(proof.made_up) <= held


def test_leaks__nothing_looks_like_a_credential_by_chance(proofs: dict[str, Proof]) -> None:
    """Digests, checksums, ARNs and URIs without a password are none."""
    for text in (
        "a" * 40,
        "0123456789abcdef" * 2 + "01234567",
        "sha256:" + "0123456789abcdef" * 4,
        "arn:aws:iam::123456789012:role/AVeryLongNameOfARoleThatHasMoreThanForty1",
        "postgresql+psycopg2://mlflow@db.acme.example:5432/mlflow",
        "https://example.org/a:b@c",
    ):
        objects = proofs["outside"].objects()
        objects[SETTINGS]["data"].update(X=text)
        assert faults(proofs["outside"].overlay, objects.manifests, ()) == [], text


# Overlays that ask for what is not there


def _asked(proof: Proof, **more: Any) -> list[Fault]:
    return faults(replace(proof.overlay, **more), proof.manifests, proof.made_up)


def test_hit__an_object_that_is_not_in_the_build(proofs: dict[str, Proof]) -> None:
    proof = proofs["outside"]
    change = Change(Ref("v1", "Service", "other"), ("spec", "type"), "ClusterIP", ("host",), "")
    [fault] = _asked(proof, changes=(*proof.overlay.changes, change))
    assert (fault.code, fault.ref, fault.route, fault.because) == ("patch-misses", change.target, (), ("host",))


def test_hit__says_which_key_asked_for_it(proofs: dict[str, Proof]) -> None:
    [fault] = _broken(proofs["inside"], lambda objects: objects[SETTINGS]["data"].update(MLFLOW_WORKERS="9"))
    assert fault.because == ("mlflow", "workers")
    assert "'3'" in fault.message
    assert "'9'" in fault.message


def test_hit__every_change_is_looked_for(proofs: dict[str, Proof]) -> None:
    """Whichever value is missing from the build, that one is found."""
    for proof in proofs.values():
        for change in proof.overlay.changes:
            wrong = replace(change, value=f"{change.value}!")
            others = tuple(each for each in proof.overlay.changes if each is not change)
            found = _asked(proof, changes=(*others, wrong))
            assert [(fault.code, fault.route) for fault in found] == [("patch-misses", change.route)], change


def test_images__an_image_that_the_base_lacks(proofs: dict[str, Proof]) -> None:
    for image in (
        Image("example.org/x", "example.org/x", "1", None, ("database", "image")),
        Image("example.org/x", "example.org/x", None, "sha256:0", ("database", "image")),
        Image("ghcr.io/mlflow/mlflow", "ghcr.io/mlflow/mlflow", "v0", None, ("mlflow", "image")),
    ):
        [fault] = _asked(proofs["outside"], images=(image,))
        assert (fault.code, fault.because) == ("image-misses", image.because)


# Names and digests of Jobs


def test_named__every_job_ends_with_its_digest(proofs: dict[str, Proof]) -> None:
    for proof in proofs.values():
        for manifest in proof.manifests:
            if manifest.ref.kind == "Job":
                assert manifest.ref.name.endswith(f"-{digest(manifest)}")


def test_digest__follows_the_content_and_nothing_else(proofs: dict[str, Proof]) -> None:
    proof = proofs["outside"]
    [job] = [manifest for manifest in proof.manifests if manifest.ref.kind == "Job"]
    before = digest(job)
    objects = proof.objects()
    data = objects["Job mlflow-migrate"]
    data["metadata"].update(name="other", labels={})
    assert digest(Manifest({**data, "spec": dict(reversed(data["spec"].items()))})) == before
    data["spec"]["template"]["spec"]["containers"][0]["image"] = "other:1"
    assert digest(Manifest(data)) != before


@pytest.mark.parametrize(
    ("image", "middle"),
    [
        ("example.org/mlflow:v3.17.2-full", "v3-17-2-full"),
        ("example.org:5000/mlflow:3.17.2", "3-17-2"),
        ("example.org:5000/mlflow@sha256:" + "0" * 64, ""),
        ("mlflow:v1@sha256:" + "0" * 64, "v1"),
        ("mlflow:A_B..c", "a-b-c"),
        ("mlflow:___", ""),
        ("mlflow:" + "x" * 128, "x" * 35),
        ("mlflow:" + "x" * 34 + ".y", "x" * 34),
    ],
)
def test_job_names__are_names_of_the_version_and_the_content(image: str, middle: str) -> None:
    spec = {"template": {"spec": {"containers": [{"name": "migrate", "image": image}]}}}
    job = Manifest({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "mlflow-migrate-abc"}, "spec": spec})
    [(ref, name)] = job_names([job], {}).items()
    assert ref == job.ref
    assert name == "-".join(part for part in ("mlflow-migrate-abc", middle, digest(job)) if part)
    assert len(name) <= MAX_NAME


def test_target__finds_what_kustomize_renamed(proofs: dict[str, Proof]) -> None:
    proof = proofs["inside"]
    for ref in {change.target for change in proof.overlay.changes}:
        found = target(proof.overlay, proof.manifests, ref)
        assert found is not None, ref
        assert found.ref.kind == ref.kind
        assert found.ref.name.startswith(ref.name)
    assert target(proof.overlay, proof.manifests, Ref("v1", "ConfigMap", "mlflow")) is None
    assert target(proof.overlay, proof.manifests, Ref("v1", "Deployment", "mlflow")) is None


# Selectors


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({}, True),
        ({"matchLabels": {"a": "1"}}, True),
        ({"matchLabels": {"a": "1", "b": "2"}}, True),
        ({"matchLabels": {"a": "2"}}, False),
        ({"matchLabels": {"c": "1"}}, False),
        ({"matchLabels": None, "matchExpressions": None}, True),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["0", "1"]}]}, True),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["0"]}]}, False),
        ({"matchExpressions": [{"key": "c", "operator": "In", "values": ["0"]}]}, False),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["0"]}]}, True),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, False),
        ({"matchExpressions": [{"key": "c", "operator": "NotIn", "values": ["1"]}]}, True),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "c", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, False),
        ({"matchExpressions": [{"key": "c", "operator": "DoesNotExist"}]}, True),
        ({"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "b", "operator": "DoesNotExist"}]}, False),
    ],
)
def test_matches__is_kubernetes_label_selection(selector: Data, *, expected: bool) -> None:
    assert matches(selector, {"a": "1", "b": "2"}) is expected


# What the API server refuses to change


def test_refused__nothing_where_nothing_changed(proofs: dict[str, Proof]) -> None:
    for proof in proofs.values():
        assert refused(proof.manifests, proof.manifests) == []
        assert refused((), proof.manifests) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda objects: _claim(objects)["resources"]["requests"].update(storage="1Ti"), "resources.requests.storage"),
        (lambda objects: _claim(objects).update(storageClassName="slow"), "storageClassName"),
    ],
    ids=["size", "class"],
)
def test_refused__a_changed_claim(proofs: dict[str, Proof], change: Break, expected: str) -> None:
    objects = proofs["inside"].objects()
    change(objects)
    [fault] = refused(proofs["inside"].manifests, objects.manifests)
    assert (fault.code, str(fault.severity)) == ("immutable-field", "warning")
    assert show(fault.route) == f"spec.volumeClaimTemplates[0].spec.{expected}"
    assert "data-minio-0" in fault.hint


def _claim(objects: Objects) -> Data:
    claim: Data = objects["StatefulSet minio"]["spec"]["volumeClaimTemplates"][0]["spec"]
    return claim


def test_refused__a_changed_selector_and_not_a_changed_template(proofs: dict[str, Proof]) -> None:
    objects = proofs["inside"].objects()
    objects["Deployment mlflow"]["spec"]["selector"]["matchLabels"].update(x="y")
    objects.container("StatefulSet minio", "minio").update(image="other:1")
    objects["StatefulSet minio"]["spec"].update(replicas=2)
    [fault] = refused(proofs["inside"].manifests, objects.manifests)
    assert (fault.ref.kind, show(fault.route)[:13]) == ("Deployment", "spec.selector")


def test_refused__nothing_in_another_namespace(proofs: dict[str, Proof]) -> None:
    """What is applied into another namespace is created there anew."""
    objects = proofs["inside"].objects()
    objects["StatefulSet minio"]["metadata"].update(namespace="other")
    _claim(objects).update(storageClassName="slow")
    assert refused(proofs["inside"].manifests, objects.manifests) == []


# What an apply takes away


@pytest.mark.parametrize(("number", "told"), [(3, ["replicas-reset"]), (1, []), (None, [])])
def test_reset__several_pods_that_an_autoscaler_takes_over(
    proofs: dict[str, Proof], number: int | None, told: list[str]
) -> None:
    after = proofs["scaled"]
    before = after.objects()
    if number:
        before["Deployment mlflow"]["spec"].update(replicas=number)
    found = reset(before.manifests, after.manifests)
    assert [fault.code for fault in found] == told
    assert all("deployment/mlflow -n everything" in fault.hint for fault in found)


def test_reset__nothing_where_a_number_stays(proofs: dict[str, Proof]) -> None:
    assert reset(proofs["inside"].manifests, proofs["inside"].manifests) == []
    assert reset((), proofs["scaled"].manifests) == []


@pytest.mark.parametrize(
    ("place", "restart", "count"),
    [("containers", {}, 1), ("initContainers", {"restartPolicy": "Always"}, 1), ("initContainers", {}, 0)],
)
def test_scale__asks_for_requests_of_what_runs_beside_the_server(
    proofs: dict[str, Proof], place: str, restart: Data, count: int
) -> None:
    """A container that ends before the server starts has no part in its share."""
    objects = proofs["scaled"].objects()
    objects.pod("Deployment mlflow")[place].append({"name": "mesh", "image": "mesh:1", **restart})
    stuck = [
        fault for fault in faults(proofs["scaled"].overlay, objects.manifests, ()) if fault.code == "autoscaler-stuck"
    ]
    assert [(fault.ref.kind, show(fault.route)) for fault in stuck] == [
        ("HorizontalPodAutoscaler", "spec.metrics[0].resource")
    ] * count


# Anything that the schema lets pass


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place below a value, as its holder and its key or index."""
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    for key, inner in items:
        yield value, key
        yield from _places(inner)


@pytest.mark.parametrize("build_name", ["inside", "scaled"])
@pytest.mark.parametrize("emptied", [False, True], ids=["removed", "emptied"])
def test_faults__judges_whatever_the_schema_accepts(
    proofs: dict[str, Proof], build_name: str, *, emptied: bool
) -> None:
    """A component of an environment's own may leave out, or leave empty, what the schema lets it: that is no bug of ours."""
    proof = proofs[build_name]
    judged = 0
    kinds = {"Service", "Ingress", "NetworkPolicy", "PodDisruptionBudget", "Deployment", "HorizontalPodAutoscaler"}
    for number, manifest in enumerate(proof.manifests):
        if manifest.ref.kind not in kinds:
            continue
        for place in range(len(list(_places(manifest.data)))):
            data = deepcopy(manifest.data)
            holder, key = list(_places(data))[place]
            if emptied:
                holder[key] = None
            else:
                del holder[key]
            changed = Manifest(without_nulls(data), manifest.origin)
            if conform([changed], "1.35"):
                continue
            manifests = [*proof.manifests[:number], changed, *proof.manifests[number + 1 :]]
            faults(proof.overlay, manifests, proof.made_up)
            judged += 1
    assert judged > 100


def _rule(backend: Data) -> Data:
    return {"rules": [{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]}


@pytest.mark.parametrize(
    "spec",
    [
        None,
        _rule({"resource": {"kind": "a", "name": "b"}}),
        _rule({"service": {"name": "bare"}}),
        {"defaultBackend": {"resource": {"kind": "a", "name": "b"}}},
    ],
)
def test_pick__knows_every_form_of_an_ingress(proofs: dict[str, Proof], spec: Data | None) -> None:
    objects = proofs["outside"].objects()
    objects.add(apiVersion="v1", kind="Service", metadata={"name": "bare"})
    ingress = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "x"}, "spec": spec}
    objects.add(**ingress)
    assert conform([Manifest(ingress)], "1.35") == []
    assert {fault.code for fault in faults(proofs["outside"].overlay, objects.manifests, ())} <= {"picks-nothing"}
