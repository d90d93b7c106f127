"""The environment's own files, and whether the cluster has what they say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from compiler.cluster import Object
from compiler.operate.patient import Absent, Patient
from compiler.operate.verdict import Result, failed, passed

_SHOWN = 5


def proof(patient: Patient) -> Iterator[Result]:
    """The environment compiles, its build is proved, and the overlay on disk is that."""
    from compiler.diagnostic import has_errors
    from compiler.pipeline import compile_environment, stale

    target = patient.target
    compilation = compile_environment(target.workspace, target.name)
    errors = [each for each in compilation.diagnostics if has_errors([each])]
    if errors:
        words = [f"{each.place}: {each.message} [{each.code}]" for each in errors]
        yield failed("overlay", "the environment does not compile", f"mlflow-overlays check {target.name}", words)
    elif stale(target.workspace, compilation):
        yield failed("overlay", "the files are not what environment.yaml asks for", f"make overlay ENV={target.name}")
    else:
        yield passed("overlay", f"{len(compilation.manifests)} objects are proved, and written as they should be")


def server(patient: Patient) -> Iterator[Result]:
    """The cluster answers, and its version of Kubernetes is at least `kubernetesVersion`."""
    said = json.loads(patient.target.cluster.must("version", "--output=json"))["serverVersion"]
    version = f"{said['major']}.{said['minor'].rstrip('+')}"
    wanted = patient.target.environment.kubernetes_version
    if _numbers(version) >= _numbers(wanted):
        newer = f"; kubernetesVersion names {wanted}, the oldest that it has to run on" if version != wanted else ""
        yield passed("cluster", f"Kubernetes {version}{newer}")
        return
    mend = f'set kubernetesVersion: "{version}" in environment.yaml, so that the build is proved for this cluster'
    yield failed("cluster", f"it is Kubernetes {version}, and the environment is proved for {wanted}", mend)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def namespace(patient: Patient) -> Iterator[Result]:
    """The namespace is there, and is not going."""
    name = patient.target.namespace
    found = patient.namespace
    if found is None:
        yield failed("namespace", f"there is no {name}", f"mlflow-overlays deploy {patient.target.name}")
    elif (found.get("status") or {}).get("phase") == "Terminating":
        yield failed("namespace", f"{name} is being deleted", "wait until it is gone, then deploy again")
    else:
        yield passed("namespace", name)


def objects(patient: Patient) -> Iterator[Result]:
    """Every object of the build is in the cluster, and the server runs from this very build."""
    target = patient.target
    if not target.manifests:
        raise Absent("the overlay does not build")
    wanted = [each for each in target.manifests if each.ref.kind != "Namespace"]
    absent = [
        str(each.ref)
        for each in wanted
        if target.get(_resource(each.ref.api_version, each.ref.kind), each.ref.name) is None
    ]
    mend = f"mlflow-overlays deploy {target.name}"
    if absent:
        more = f" and {len(absent) - _SHOWN} more" if len(absent) > _SHOWN else ""
        yield failed("objects", f"not in the cluster: {', '.join(absent[:_SHOWN])}{more}", mend)
        return
    built = next(each.data for each in target.built("Deployment") if each.ref.name == "mlflow")
    if patient.deployment and _rests_on(built) != _rests_on(patient.deployment):
        yield failed("objects", "the server runs with other settings or another image than the overlay has", mend)
    else:
        yield passed("objects", f"all {len(wanted)} are in the cluster, and the server runs from this overlay")


def _resource(version: str, kind: str) -> str:
    group, _, number = version.rpartition("/")
    return f"{kind}.{number}.{group}" if group else kind


def _rests_on(deployment: Object) -> dict[str, Any]:
    """The images of a Deployment, and the ConfigMaps of settings, whose names change with what they hold."""
    pod = deployment["spec"]["template"]["spec"]
    containers = [*(pod.get("initContainers") or []), *pod["containers"]]
    return {
        each["name"]: (each["image"], [source.get("configMapRef") for source in each.get("envFrom") or []])
        for each in containers
    }
