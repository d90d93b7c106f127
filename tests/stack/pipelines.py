"""An installation of Kubeflow Pipelines beside a MinIO: what a build tells its programs of the store, and how they use it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compiler.build import build
from compiler.emit import emit
from compiler.overlay import Overlay
from tests.conftest import put_base
from tests.kubeflow import planned
from tests.parts import Values

from .programs import server
from .spec import Objects, Spec, variables

SYSTEM = "kubeflow"
ARGO = {"2.16.1": "argo-3.7", "2.17.0": "argo-4.0"}
"""The code of the Argo Workflows that a release's manifests install."""
RELEASES = tuple(ARGO)
WORKFLOW = {"workflow": "training-1", "pod": "training-1-step-1", "created": "2026-11-22T01:02:03Z"}
LOG = "training-1/2026/11/22/training-1-step-1/main.log"
"""Where the log of its step is archived, below what is the namespace's."""


@dataclass(frozen=True)
class Installed:
    """An installation: the objects of its own namespace and of each profile's, with a Secret wherever one is asked for."""

    version: str
    overlay: Overlay
    namespaces: dict[str, Objects]
    secrets: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    """Their contents, by namespace and name."""

    def config(self, namespace: str, name: str) -> Spec:
        """A ConfigMap."""
        return self.namespaces[namespace].documents["ConfigMap", name]

    def environment(self, deployment: str) -> dict[str, str]:
        """The variables of a Deployment's one container, as kubelet works them out."""
        objects = self.namespaces[SYSTEM]
        [container] = objects.documents["Deployment", deployment]["spec"]["template"]["spec"]["containers"]
        return variables(container, objects, {})


def installed(
    values: Values, folder: Path, keys: Mapping[str, tuple[str, str]], others: Mapping[str, Values] | None = None
) -> Installed:
    """Compiles and builds an installation.

    In: by namespace, the access key and the secret key that its Secrets hold; the other environments of its project.
    """
    overlay = planned(values, others)
    put_base(folder)
    tree = emit("example", overlay)
    built = build(folder, "example", tree, ())
    assert not built.error, built.error
    namespaces = {name: Objects(name) for name in (SYSTEM, *overlay.profiles)}
    for manifest in built.manifests:
        # What has no namespace belongs to the cluster.
        namespaces[manifest.data["metadata"].get("namespace", SYSTEM)].add(manifest.data)
    found = Installed(values["pipelines"]["version"], overlay, namespaces)
    for secret in overlay.secrets:
        namespace = secret.namespace or SYSTEM
        content = dict(zip((key.key for key in secret.keys), keys[namespace], strict=True))
        namespaces[namespace].add({"kind": "Secret", "metadata": {"name": secret.name}, "stringData": content})
        found.secrets.setdefault(namespace, {})[secret.name] = content
    return found


@dataclass(frozen=True)
class Archived:
    """What came of a task of Argo Workflows; without an error, the error is empty."""

    bucket: str
    key: str
    found: tuple[str, ...]
    error: str


def argo(installation: Installed, namespace: str, action: str, path: Path = Path(), key: str = "") -> Archived:
    """Lets the code of Argo Workflows save, load or list what a pod of a namespace archives, or the object of another key."""
    maps = [installation.config(SYSTEM, "workflow-controller-configmap")]
    if namespace != SYSTEM:
        maps.append(installation.config(namespace, "artifact-repositories"))
    task: dict[str, Any] = {
        **WORKFLOW,
        "namespace": namespace,
        "configMaps": maps,
        "secrets": installation.secrets.get(namespace, {}),
        "action": action,
        "key": key,
        "path": str(path),
    }
    words = [server(ARGO[installation.version])["path"]]
    done = subprocess.run(words, input=json.dumps(task), capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    return Archived(answer["bucket"], answer["key"], tuple(answer["found"] or ()), answer["error"])
