"""What controllers would do, of which none runs beside a lone API server."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence

from .kubectl import Kubectl, Object

WORKLOADS = "deployments,statefulsets,daemonsets,jobs,cronjobs"


def default_account(kubectl: Kubectl, namespace: str) -> None:
    """The account that every namespace is given, without which no pod is admitted."""
    kubectl.run("create", "serviceaccount", "default", f"--namespace={namespace}")


def pods(workloads: Sequence[Object]) -> list[Object]:
    """The first pod of every workload, made from its template as the API server keeps it."""
    return [_pod(workload) for workload in workloads]


def _pod(workload: Object) -> Object:
    spec, name = workload["spec"], workload["metadata"]["name"]
    if workload["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    template = copy.deepcopy(spec["template"])
    metadata = {key: template["metadata"].get(key) or {} for key in ("labels", "annotations")}
    pod: Object = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
    metadata |= {"namespace": workload["metadata"]["namespace"]}
    if workload["kind"] != "StatefulSet":
        metadata["generateName"] = f"{name}-"
        return pod
    metadata["name"] = f"{name}-0"
    metadata["labels"] |= {"statefulset.kubernetes.io/pod-name": f"{name}-0", "apps.kubernetes.io/pod-index": "0"}
    pod["spec"] |= {"hostname": f"{name}-0", "subdomain": spec.get("serviceName", "")}
    for claim in claims([workload]):
        volume = claim["metadata"]["name"].removesuffix(f"-{name}-0")
        source = {"claimName": claim["metadata"]["name"]}
        pod["spec"].setdefault("volumes", []).append({"name": volume, "persistentVolumeClaim": source})
    return pod


def claims(workloads: Sequence[Object]) -> list[Object]:
    """The claims of the first pod of every StatefulSet. They belong to nobody, so they outlive the StatefulSet."""
    return [claim for workload in workloads if workload["kind"] == "StatefulSet" for claim in _claims(workload)]


def _claims(workload: Object) -> Iterator[Object]:
    metadata = workload["metadata"]
    for template in workload["spec"].get("volumeClaimTemplates") or []:
        named = {
            "name": f"{template['metadata']['name']}-{metadata['name']}-0",
            "namespace": metadata["namespace"],
            "labels": workload["spec"]["selector"]["matchLabels"],
        }
        yield {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": named,
            "spec": copy.deepcopy(template["spec"]),
        }


def bind(kubectl: Kubectl, namespace: str) -> None:
    """Gives every claim of a namespace the volume that it asks for."""
    for claim in kubectl.objects("persistentvolumeclaims", f"--namespace={namespace}"):
        size = claim["spec"]["resources"]["requests"]["storage"]
        kubectl.must(
            "patch",
            f"persistentvolumeclaim/{claim['metadata']['name']}",
            f"--namespace={namespace}",
            "--subresource=status",
            "--type=merge",
            f'--patch={{"status": {{"phase": "Bound", "capacity": {{"storage": "{size}"}}}}}}',
        )


def storage_class(kubectl: Kubectl, name: str) -> None:
    """A class of volumes that can grow."""
    kubectl.create(
        [
            {
                "apiVersion": "storage.k8s.io/v1",
                "kind": "StorageClass",
                "metadata": {"name": name},
                "provisioner": "example.com/none",
                "allowVolumeExpansion": True,
            }
        ]
    )


def let_orphans_go(kubectl: Kubectl, namespace: str, kind: str, name: str) -> None:
    """What the garbage collector does last with an object that was deleted without its dependents."""
    kubectl.must(
        "patch",
        f"{kind}/{name}",
        f"--namespace={namespace}",
        "--type=merge",
        '--patch={"metadata":{"finalizers":null}}',
    )
