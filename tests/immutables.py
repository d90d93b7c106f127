"""Changes of single objects, and whether the API server refuses them: a table for the rule, and for a real API server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from compiler.manifest import Manifest

_POD = "{metadata: {labels: {app: one}}, spec: {containers: [{name: one, image: 'one:1'}]}}"
_OBJECTS = f"""
apiVersion: apps/v1
kind: Deployment
spec: {{replicas: 1, selector: {{matchLabels: {{app: one}}}}, template: {_POD}}}
---
apiVersion: apps/v1
kind: DaemonSet
spec: {{selector: {{matchLabels: {{app: one}}}}, template: {_POD}}}
---
apiVersion: apps/v1
kind: StatefulSet
spec:
  serviceName: one
  selector: {{matchLabels: {{app: one}}}}
  template: {_POD}
  volumeClaimTemplates:
    - metadata: {{name: data}}
      spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}
---
apiVersion: batch/v1
kind: Job
spec: {{completions: 1, template: {{spec: {{restartPolicy: Never, containers: [{{name: one, image: "one:1"}}]}}}}}}
---
apiVersion: batch/v1
kind: CronJob
spec:
  schedule: "@daily"
  jobTemplate: {{spec: {{template: {{spec: {{restartPolicy: Never, containers: [{{name: one, image: "one:1"}}]}}}}}}}}
---
apiVersion: v1
kind: Pod
spec: {{containers: [{{name: one, image: "one:1"}}]}}
---
apiVersion: v1
kind: Service
spec: {{selector: {{app: one}}, ports: [{{name: http, port: 80}}]}}
---
apiVersion: v1
kind: PersistentVolumeClaim
spec: {{storageClassName: "", accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 4Gi}}}}}}
---
apiVersion: v1
kind: ConfigMap
immutable: true
data: {{key: one}}
---
apiVersion: v1
kind: Secret
data: {{key: b25l}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: one}}
subjects: [{{kind: ServiceAccount, name: one}}]
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
provisioner: example.com/one
parameters: {{kind: fast}}
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
value: 10
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
spec: {{controller: example.com/one}}
---
apiVersion: node.k8s.io/v1
kind: RuntimeClass
handler: one
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
addressType: IPv4
endpoints: [{{addresses: [192.0.2.1]}}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
spec: {{maxUnavailable: 1, selector: {{matchLabels: {{app: one}}}}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
spec: {{podSelector: {{}}, policyTypes: [Ingress]}}
"""
OBJECTS: dict[str, dict[str, Any]] = {each["kind"]: each for each in yaml.safe_load_all(_OBJECTS)}
OF_THE_CLUSTER = ("StorageClass", "PriorityClass", "IngressClass", "RuntimeClass")


@dataclass(frozen=True)
class Case:
    """A change of an object of the table: what it is first, beyond the table, and then; and where it is refused, if it is."""

    kind: str
    then: str
    at: str = ""
    first: str = "{}"

    @property
    def name(self) -> str:
        """Words for it."""
        return f"{self.kind}: {self.first if self.first != '{}' else ''}{self.then}"

    def manifests(self, name: str, namespace: str) -> tuple[Manifest, Manifest]:
        """The object before and after, in a namespace."""
        metadata = {"name": name} | ({} if self.kind in OF_THE_CLUSTER else {"namespace": namespace})
        before = merged({**OBJECTS[self.kind], "metadata": metadata}, yaml.safe_load(self.first))
        return Manifest(before), Manifest(merged(before, yaml.safe_load(self.then)))


def merged(value: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """A value with a change: mappings are merged, lists replaced, and null takes a key away."""
    result = dict(value)
    for key, each in change.items():
        if each is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key, {}), each) if isinstance(each, dict) else each
    return result


_ASKS = "{accessModes: [ReadWriteOnce], resources: {requests: {storage: %s}}}"
_CLAIM = f"volumeClaimTemplates: [{{metadata: {{name: data}}, spec: {_ASKS}}}]"
_SELECTS = "{spec: {selector: {matchLabels: {app: one, x: y}}, template: {metadata: {labels: {x: y}}}}}"
CASES = (
    Case("Deployment", "{spec: {replicas: 2, template: {spec: {containers: [{name: one, image: 'one:2'}]}}}}"),
    Case("Deployment", _SELECTS, "spec.selector.matchLabels.x"),
    Case("DaemonSet", _SELECTS, "spec.selector.matchLabels.x"),
    Case(
        "StatefulSet",
        "{spec: {replicas: 2, minReadySeconds: 5, template: {spec: {containers: [{name: one, image: 'one:2'}]}}}}",
    ),
    Case(
        "StatefulSet",
        "{spec: {updateStrategy: {rollingUpdate: {partition: 1}}, persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete}}}",
    ),
    Case("StatefulSet", _SELECTS, "spec.selector.matchLabels.x"),
    Case("StatefulSet", "{spec: {serviceName: two}}", "spec.serviceName"),
    Case("StatefulSet", "{spec: {podManagementPolicy: Parallel}}", "spec.podManagementPolicy"),
    Case("StatefulSet", "{spec: {podManagementPolicy: OrderedReady}}"),
    Case(
        "StatefulSet",
        "{spec: {" + _CLAIM % "2Gi" + "}}",
        "spec.volumeClaimTemplates[0].spec.resources.requests.storage",
    ),
    Case("StatefulSet", "{spec: {" + _CLAIM % "1024Mi" + "}}"),
    Case("StatefulSet", "{spec: {volumeClaimTemplates: null}}", "spec.volumeClaimTemplates"),
    Case("Job", "{spec: {parallelism: 2, backoffLimit: 1, ttlSecondsAfterFinished: 60, activeDeadlineSeconds: 60}}"),
    Case(
        "Job",
        "{spec: {template: {spec: {containers: [{name: one, image: 'one:2'}]}}}}",
        "spec.template.spec.containers[0].image",
    ),
    Case("Job", "{spec: {completions: 2}}", "spec.completions"),
    Case("Job", "{spec: {completionMode: Indexed}}", "spec.completionMode"),
    Case(
        "Job",
        "{spec: {completions: 3, parallelism: 3}}",
        first="{spec: {completionMode: Indexed, completions: 2, parallelism: 2}}",
    ),
    Case("CronJob", "{spec: {schedule: '@weekly', jobTemplate: {spec: {completions: 2}}}}"),
    Case("Pod", "{spec: {containers: [{name: one, image: 'one:2'}]}}"),
    Case("Pod", "{spec: {containers: [{name: one, image: 'one:1', command: [sh]}]}}", "spec.containers"),
    Case("Pod", "{spec: {nodeSelector: {a: b}}}", "spec.nodeSelector"),
    Case("Service", "{spec: {type: NodePort, ports: [{name: http, port: 81}], selector: {app: two}}}"),
    Case("Service", "{spec: {clusterIP: None}}", "spec.clusterIP"),
    Case("Service", "{spec: {clusterIP: null}}", first="{spec: {clusterIP: None}}"),
    Case("Service", "{spec: {type: ExternalName, externalName: one.example, ports: null, selector: null}}"),
    Case(
        "Service",
        "{spec: {loadBalancerClass: example.com/two}}",
        "spec.loadBalancerClass",
        "{spec: {type: LoadBalancer, loadBalancerClass: example.com/one}}",
    ),
    Case("PersistentVolumeClaim", "{spec: {resources: {requests: {storage: 2Gi}}}}", "spec.resources.requests.storage"),
    Case("PersistentVolumeClaim", "{spec: {storageClassName: other}}", "spec.storageClassName"),
    Case("PersistentVolumeClaim", "{spec: {accessModes: [ReadWriteMany]}}", "spec.accessModes[0]"),
    Case("PersistentVolumeClaim", "{spec: {volumeMode: Block}}", "spec.volumeMode"),
    Case("PersistentVolumeClaim", "{spec: {volumeMode: Filesystem}, metadata: {labels: {a: b}}}"),
    Case("ConfigMap", "{data: {key: two}}", "data.key"),
    Case("ConfigMap", "{immutable: false}", "immutable"),
    Case("ConfigMap", "{data: {key: two}}", first="{immutable: false}"),
    Case("Secret", "{data: {key: dHdv}}"),
    Case("Secret", "{type: example.com/two}", "type"),
    Case("Secret", "{type: Opaque}"),
    Case("Secret", "{data: {key: dHdv}}", "data.key", "{immutable: true}"),
    Case("RoleBinding", "{roleRef: {name: two}}", "roleRef.name"),
    Case("RoleBinding", "{subjects: [{kind: ServiceAccount, name: two}]}"),
    Case("StorageClass", "{provisioner: example.com/two}", "provisioner"),
    Case("StorageClass", "{parameters: {kind: slow}}", "parameters.kind"),
    Case("StorageClass", "{reclaimPolicy: Retain}", "reclaimPolicy"),
    Case("StorageClass", "{volumeBindingMode: WaitForFirstConsumer}", "volumeBindingMode"),
    Case("StorageClass", "{volumeBindingMode: Immediate, allowVolumeExpansion: true}"),
    Case("PriorityClass", "{value: 11}", "value"),
    Case("PriorityClass", "{preemptionPolicy: Never}", "preemptionPolicy"),
    Case("PriorityClass", "{description: other}"),
    Case("IngressClass", "{spec: {controller: example.com/two}}", "spec.controller"),
    Case("RuntimeClass", "{handler: two}", "handler"),
    Case("EndpointSlice", "{addressType: IPv6, endpoints: [{addresses: ['2001:db8::1']}]}", "addressType"),
    Case("PodDisruptionBudget", "{spec: {selector: {matchLabels: {app: two}}}}"),
    Case("NetworkPolicy", "{spec: {podSelector: {matchLabels: {app: two}}}}"),
)
