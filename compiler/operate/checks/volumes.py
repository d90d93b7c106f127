"""The volumes: whether they are there, and whether there is room on them."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.cluster import Object
from compiler.operate.patient import Patient
from compiler.operate.trouble import complaints
from compiler.operate.verdict import Result, failed, passed, skipped
from compiler.operate.watch import claims

FULL_PERCENT = 85


def bound(patient: Patient) -> Iterator[Result]:
    """Every claim of a pod has its volume."""
    wanted = sorted({claim for pod in patient.pods for claim in claims(pod)})
    if not wanted:
        yield skipped("volumes", "no pod has one")
        return
    live = {each["metadata"]["name"]: each for each in patient.target.find("persistentvolumeclaims")}
    fine = True
    for name in wanted:
        phase = ((live.get(name) or {}).get("status") or {}).get("phase", "not there") if name in live else "not there"
        if phase == "Bound":
            continue
        fine = False
        said = list(complaints(patient.events, [name]))
        mend = said[0].mend if said else _mend(patient, live.get(name))
        yield failed("volumes", f"{name} is {phase}", mend, patient.target.masked(str(each) for each in said))
    if fine:
        yield passed("volumes", f"{', '.join(wanted)} have their volumes")


def _mend(patient: Patient, claim: Object | None) -> str:
    """What to do about a claim that nobody says anything of."""
    classes = patient.target.cluster.find("storageclasses")
    wanted = ((claim or {}).get("spec") or {}).get("storageClassName")
    names = [each["metadata"]["name"] for each in classes]
    if not names:
        return "the cluster has no StorageClass: install one that makes volumes"
    if wanted and wanted not in names:
        return f"there is no StorageClass {wanted}; there are: {', '.join(names)}"
    marked = "storageclass.kubernetes.io/is-default-class"
    default = any((each["metadata"].get("annotations") or {}).get(marked) == "true" for each in classes)
    if not wanted and not default:
        return f"no StorageClass is the default: name one of {', '.join(names)} in the key storage, or mark one"
    return "wait until it is made; kubectl describe pvc shows what its provisioner says"


def room(patient: Patient) -> Iterator[Result]:
    """There is room on every volume, and on the disk that uploads pass through."""
    looked, fine = 0, True
    for pod in patient.pods:
        if (pod.get("status") or {}).get("phase") != "Running":
            continue
        for container in pod["spec"]["containers"]:
            paths = _paths(pod, container)
            if not paths:
                continue
            shell = patient.target.cluster.shell(pod["metadata"]["name"], container["name"], patient.target.namespace)
            answer = shell.execute(["df", "-P", *paths])
            for path, percent in used(answer.out):
                looked += 1
                if percent >= FULL_PERCENT:
                    fine = False
                    said = f"{path} of {pod['metadata']['name']} is full to {percent} %"
                    yield failed("room", said, "raise the storage of the volume, or take away what is not needed")
    if fine:
        yield passed("room", f"{looked} volumes have room") if looked else skipped("room", "no pod could be asked")


def _paths(pod: Object, container: Object) -> list[str]:
    """Where a container has volumes that can be full."""
    lasting = {each["name"] for each in pod["spec"].get("volumes") or [] if "persistentVolumeClaim" in each}
    return [each["mountPath"] for each in container.get("volumeMounts") or [] if each["name"] in lasting]


def used(table: str) -> Iterator[tuple[str, int]]:
    """Mount points and how full each is, from what `df -P` prints."""
    for line in table.splitlines()[1:]:
        words = line.split()
        if len(words) >= 6 and words[4].rstrip("%").isdigit():
            yield words[5], int(words[4].rstrip("%"))
