"""The policy that every build is held to: which check of which public tool each rule answers to, and what is waived.

The ids are those of kube-linter's and kube-score's default checks and of checkov's and Trivy's Kubernetes checks, with the
optional ones that a rule answers too. A rule's name is the code of what it finds, and what `waivers` in `environment.yaml` names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from compiler.overlay import Ref


@dataclass(frozen=True)
class Rule:
    """What a rule demands, in a sentence, and the ids of the tools that it answers to.

    Without `waivable`, what breaks the rule would not work or would give a credential away, so no reason could be good enough.
    """

    demand: str
    kube_linter: tuple[str, ...] = ()
    kube_score: tuple[str, ...] = ()
    checkov: tuple[str, ...] = ()
    trivy: tuple[str, ...] = ()
    waivable: bool = True


@dataclass(frozen=True)
class Standing:
    """A waiver that comes with the base: the objects of the base, as `Kind name`, that a rule does not bind, and why."""

    rule: str
    objects: tuple[str, ...]
    reason: str


POLICY: dict[str, Rule] = {
    "bad-label": Rule("Labels have values that the API server accepts.", kube_score=("label-values",), waivable=False),
    "cron-job": Rule(
        "A CronJob has a deadline, restarts OnFailure or Never, and leaves removing Jobs to its history limits.",
        kube_linter=("job-ttl-seconds-after-finished",),
        kube_score=("cronjob-has-deadline", "cronjob-restartpolicy"),
    ),
    "dangling-reference": Rule(
        "Whatever a pod names is in the build, or is to be provided.",
        kube_linter=("non-existent-service-account",),
        waivable=False,
    ),
    "deprecated-field": Rule(
        "A pod names its account in serviceAccountName.", kube_linter=("deprecated-service-account-field",)
    ),
    "disruption-budget": Rule(
        "More than one replica has a PodDisruptionBudget, and a budget lets a pod go and says so of pods that are not ready.",
        kube_linter=("pdb-max-unavailable", "pdb-min-available", "pdb-unhealthy-pod-eviction-policy"),
        kube_score=(
            "deployment-has-poddisruptionbudget",
            "poddisruptionbudget-has-policy",
            "statefulset-has-poddisruptionbudget",
        ),
    ),
    "exposed-secret": Rule("No Secret flows into an argument, a URI, a probe or a log."),
    "few-replicas": Rule(
        "What a Service or an autoscaler points to has at least two replicas.",
        kube_score=("deployment-replicas", "horizontalpodautoscaler-replicas"),
    ),
    "headless-service": Rule(
        "A StatefulSet has a headless Service that picks its pods.", kube_score=("statefulset-has-servicename",)
    ),
    "identical-probes": Rule(
        "Readiness and liveness are told by different probes.", kube_score=("pod-probes-identical",)
    ),
    "ingress-snippet": Rule(
        "No annotation of an Ingress carries configuration of NGINX.",
        checkov=("CKV_K8S_152", "CKV_K8S_153", "CKV_K8S_154"),
    ),
    "job-ttl": Rule(
        "A Job is removed some time after it is finished.", kube_linter=("job-ttl-seconds-after-finished",)
    ),
    "low-user": Rule(
        "Containers run as a user and group from 10000 on, which no account of a node has.",
        kube_score=("container-security-context-user-group-id",),
        checkov=("CKV_K8S_40",),
        trivy=(
            "KSV-0020",
            "KSV-0021",
            "KSV-0116",
        ),
    ),
    "missing-digest": Rule("Images are named by digest.", checkov=("CKV_K8S_43",)),
    "missing-probe": Rule(
        "Containers that keep running have a readiness and a liveness probe.",
        kube_linter=("no-liveness-probe", "no-readiness-probe"),
        kube_score=("pod-probes",),
        checkov=("CKV_K8S_8", "CKV_K8S_9"),
    ),
    "missing-resources": Rule(
        "Containers have requests and limits for CPU, memory and ephemeral storage.",
        kube_linter=("unset-cpu-requirements", "unset-memory-requirements"),
        kube_score=("container-ephemeral-storage-request-and-limit", "container-resources"),
        checkov=("CKV_K8S_10", "CKV_K8S_11", "CKV_K8S_12", "CKV_K8S_13"),
        trivy=(
            "KSV-0011",
            "KSV-0015",
            "KSV-0016",
            "KSV-0018",
        ),
    ),
    "mounted-token": Rule(
        "A pod has no token of the API server, and the account `default` is nobody's.",
        checkov=("CKV_K8S_38", "CKV_K8S_41", "CKV_K8S_42"),
    ),
    "no-anti-affinity": Rule(
        "More than one replica prefers different nodes.",
        kube_linter=("no-anti-affinity",),
        kube_score=("deployment-has-host-podantiaffinity", "statefulset-has-host-podantiaffinity"),
    ),
    "no-network-policy": Rule(
        "NetworkPolicies bind every pod, both ways.",
        kube_linter=("non-isolated-pod",),
        kube_score=("pod-networkpolicy",),
        checkov=("CKV2_K8S_6",),
    ),
    "node-port": Rule("A Service takes no port of the nodes.", kube_score=("service-type",)),
    "picks-nothing": Rule(
        "Selectors pick pods, ports exist, and what names an object finds it.",
        kube_linter=(
            "dangling-service",
            "invalid-target-ports",
            "liveness-port",
            "mismatching-selector",
            "readiness-port",
            "startup-port",
        ),
        kube_score=(
            "deployment-pod-selector-labels-match-template-metadata-labels",
            "horizontalpodautoscaler-has-target",
            "ingress-targets-service",
            "networkpolicy-targets-pod",
            "service-targets-pod",
            "statefulset-pod-selector-labels-match-template-metadata-labels",
        ),
        waivable=False,
    ),
    "pod-security": Rule(
        "Pods keep to Pod Security restricted.",
        kube_linter=(
            "docker-sock",
            "drop-net-raw-capability",
            "host-ipc",
            "host-network",
            "host-pid",
            "privilege-escalation-container",
            "privileged-container",
            "run-as-non-root",
            "sensitive-host-mounts",
            "unsafe-sysctls",
        ),
        kube_score=("container-seccomp-profile", "container-security-context-privileged"),
        checkov=(*(f"CKV_K8S_{number}" for number in (16, 17, 18, 19, 20, 23, 25, 26, 27, 28, 29, 30, 31, 37, 39)),),
        trivy=(
            "KSV-0001",
            "KSV-0002",
            "KSV-0003",
            "KSV-0004",
            "KSV-0005",
            "KSV-0006",
            "KSV-0008",
            "KSV-0009",
            "KSV-0010",
            "KSV-0012",
            "KSV-0017",
            "KSV-0022",
            "KSV-0023",
            "KSV-0024",
            "KSV-0025",
            "KSV-0026",
            "KSV-0027",
            "KSV-0028",
            "KSV-0030",
            "KSV-0103",
            "KSV-0104",
            "KSV-0105",
            "KSV-0106",
            "KSV-0118",
            "KSV-0119",
            "KSV-0120",
            "KSV-0121",
        ),
        waivable=False,
    ),
    "pull-policy": Rule(
        "Images are pulled at every start, so that credentials are checked and a moved tag is seen.",
        kube_score=("container-image-pull-policy",),
        checkov=("CKV_K8S_15",),
    ),
    "removed-api": Rule(
        "Every object is of a kind and version that the cluster still has.",
        kube_linter=("no-extensions-v1beta",),
        kube_score=("stable-version",),
        # Checks of PodSecurityPolicy, which Kubernetes no longer has.
        checkov=(*(f"CKV_K8S_{number}" for number in (1, 2, 3, 4, 5, 6, 7, 24, 32, 36)),),
        trivy=("KSV-0107",),
        waivable=False,
    ),
    "repeated-variable": Rule(
        "A container sets a variable once.",
        kube_linter=("duplicate-env-var",),
        kube_score=("environment-variable-key-duplication",),
    ),
    "rolling-update": Rule(
        "A Deployment behind a Service is updated pod by pod, and leaves the number of its pods to its autoscaler.",
        kube_score=("deployment-strategy", "deployment-targeted-by-hpa-does-not-have-replicas-configured"),
    ),
    "secret-in-environment": Rule("Secrets are files, not variables.", checkov=("CKV_K8S_35",)),
    "secret-in-plain-sight": Rule(
        "No value of a Secret stands in the build.", kube_linter=("env-var-secret",), waivable=False
    ),
    "shared-namespace": Rule(
        "The overlay has a namespace of its own.",
        checkov=("CKV_K8S_21",),
        kube_linter=("use-namespace",),
        trivy=("KSV-0110",),
        waivable=False,
    ),
    "spread-constraint": Rule(
        "A topology spread constraint says which pods it spreads.", kube_score=("pod-topology-spread-constraints",)
    ),
    "ssh-port": Rule("No container listens on port 22.", kube_linter=("ssh-port",)),
    "unpinned-image": Rule(
        "Images have a tag other than latest, or a digest.",
        kube_linter=("latest-tag",),
        kube_score=("container-image-tag",),
        checkov=("CKV_K8S_14",),
        trivy=("KSV-0013",),
        waivable=False,
    ),
    "wide-role": Rule(
        "A role grants nothing in general, and nothing that leads to more.",
        checkov=(
            *(f"CKV_K8S_{number}" for number in (49, 155, 156, 157, 158)),
            *(f"CKV2_K8S_{number}" for number in (1, 2, 3, 4, 5)),
        ),
        trivy=(
            "KSV-0041",
            "KSV-0044",
            "KSV-0053",
            "KSV-0112",
            "KSV-0114",
        ),
    ),
    "writable-root": Rule(
        "Containers cannot write to their own image.",
        kube_linter=("no-read-only-root-fs",),
        kube_score=("container-security-context-readonlyrootfilesystem",),
        checkov=("CKV_K8S_22",),
        trivy=("KSV-0014",),
    ),
}
"""Every rule of the policy by its name; one without ids has no check of a public tool beside it."""

_SERVER = ("Deployment mlflow", "Deployment mlflow-artifacts")
_STORES = ("StatefulSet minio", "StatefulSet mysql", "StatefulSet postgres", "StatefulSet versitygw")
_JOBS = ("Job minio-setup", "Job mlflow-migrate", "Job versitygw-setup")
_CRON_JOBS = ("CronJob mlflow-backup", "CronJob mlflow-gc", "CronJob mlflow-restore")
STANDING = (
    Standing("few-replicas", _SERVER, "one pod is what `replicas` says, and two are a key away"),
    Standing(
        "pull-policy",
        (*_SERVER, *_STORES, *_JOBS, *_CRON_JOBS),
        "images are of released versions, whose tags do not move, and a pod must start while the registry is away",
    ),
    Standing(
        "missing-digest",
        (*_SERVER, *_STORES, *_JOBS, *_CRON_JOBS),
        "a digest belongs to a registry and its mirrors, so the environment names it: mlflow.image.digest",
    ),
    Standing(
        "secret-in-environment",
        (*_SERVER, *_STORES, *_JOBS, *_CRON_JOBS),
        "the clients of the database and of the object store read credentials from variables",
    ),
    Standing(
        "identical-probes",
        (*_SERVER, "StatefulSet mysql", "StatefulSet postgres", "StatefulSet versitygw"),
        "the probe asks the process alone and nothing behind it, and liveness waits four times as long as readiness",
    ),
    Standing(
        "headless-service",
        _STORES,
        "one pod behind one address that survives it; nobody asks for the pod by its own name",
    ),
    Standing(
        "job-ttl",
        _JOBS,
        "a Job that removed itself would be missing from what was applied, and would run again at the next apply",
    ),
)
"""What is waived in every environment, with the reason. The objects of the base carry it as annotations of the tools."""

CHECKLIST: dict[str, str] = {
    "access-keys": "The object store is reached by a role, and not by keys that never end.",
    "audit-log": "The API server of the cluster logs who reads Secrets.",
    "backups": "The database is backed up on a schedule.",
    "bucket-access": "Nobody but MLflow may use the bucket, and MLflow may do no more than it has to.",
    "bucket-deletion": "The bucket's versions can be deleted with a second factor alone.",
    "bucket-encryption": "Artifacts are encrypted where they are kept.",
    "bucket-lifecycle": "Old versions and unfinished uploads are removed from the bucket.",
    "bucket-logging": "The bucket logs who reads and writes.",
    "bucket-versioning": "The bucket keeps versions of what is overwritten or deleted.",
    "database-encryption": "The way to the database is encrypted, and its certificate verified.",
    "database-password": "The database's password is in a Secret, and none of the defaults of guides.",
    "host-names": "The server answers to names that were chosen, and not to any.",
    "login": "Whoever comes from outside of the cluster logs in.",
    "maintained-store": "Fixes come out for the object store, and the one that runs has them.",
    "network-policies": "NetworkPolicies bind every pod, in both directions.",
    "pinned-images": "Every image is pinned.",
    "rights": "Pods have no rights in the cluster that they do not need.",
    "rotation": "Credentials are changed regularly.",
    "several-replicas": "The server stays up while a node or a pod goes.",
    "store-of-secrets": "Secrets come from a store that is made for them.",
    "traffic-encryption": "Whoever comes from outside of the cluster comes over TLS.",
}
"""What production asks for beyond the policy: each check of `audit`, which `waivers` can name as well."""

_FOREIGN = {
    "the control plane of a cluster: its programs are no part of an overlay": (
        *(
            68,
            69,
            70,
            71,
            72,
            73,
            74,
            75,
            77,
            78,
            79,
            80,
            81,
            82,
            83,
            84,
            85,
            86,
            88,
            89,
            90,
            91,
            92,
            93,
            94,
            95,
            96,
            97,
        ),
        *(99, 100, 102, 104, 105, 106, 107, 108, 110, 111, 112, 113, 114, 115, 116, 117, 118, 119, 121),
    ),
    "the kubelet: nodes are no part of an overlay": (138, 139, 140, 141, 143, 144, 145, 146, 147, 148, 149, 151),
    "one program that an overlay has no use for (the dashboard, Helm's Tiller, git-sync)": (33, 34, 44, 45, 159),
}
_TRIVY = {
    "grants that roles of operators need: `wide-role` finds those that lead to more": (
        42,
        43,
        45,
        46,
        47,
        48,
        49,
        50,
        51,
        52,
        54,
        55,
        56,
        111,
        113,
        115,
    ),
    "bindings to everybody or to administrators: no overlay binds a role": (122, 123, 1011),
    "words such as password in a ConfigMap: `secret-in-plain-sight` looks for the values, not for names of variables": (
        109,
        1010,
    ),
    "a list of registries that Trivy trusts: an environment may name a mirror of its own": (125,),
    "LimitRange and ResourceQuota: they are the namespace's, and docs/custom.md adds them": (39, 40),
    "what only bare Pods, the namespace kube-system, Helm's Tiller or Gatekeeper have": (36, 37, 102, 124),
    "a field that no pod and no Service of the base has: aliases of hosts, external addresses, ports below 1024": (
        7,
        108,
        117,
    ),
    "selectors of a NetworkPolicy: `no-network-policy` follows them to the pods": (38,),
}
ELSEWHERE: dict[str, str] = {
    **{f"CKV_K8S_{number}": reason for reason, numbers in _FOREIGN.items() for number in numbers},
    **{
        f"KSV-{'0' if number > 999 else ''}{number:04d}": reason
        for reason, numbers in _TRIVY.items()
        for number in numbers
    },
}
"""Checks that no rule answers to, with the reason."""

KUBE_LINTER = "ignore-check.kube-linter.io/"
KUBE_SCORE = "kube-score/ignore"
CHECKOV = "checkov.io/skip"


def standing(ref: Ref) -> dict[str, str]:
    """The rules that do not bind an object of the base, with reasons. In: its identity in the base."""
    return {each.rule: each.reason for each in STANDING if f"{ref.kind} {ref.name}" in each.objects}


def marks(reasons: Mapping[str, str], before: Mapping[str, str]) -> dict[str, str]:
    """The annotations by which the tools know that rules are waived, as far as an object does not have them yet.

    In: the waived rules with their reasons, and the annotations that the object has.
    """
    linter = {f"{KUBE_LINTER}{id_}": why for rule, why in reasons.items() for id_ in POLICY[rule].kube_linter}
    ignored = [each for each in before.get(KUBE_SCORE, "").split(",") if each]
    more = [id_ for rule in reasons for id_ in POLICY[rule].kube_score if id_ not in ignored]
    skipped = {value.partition("=")[0] for key, value in before.items() if key.startswith(CHECKOV)}
    skips = [f"{id_}={why}" for rule, why in reasons.items() for id_ in POLICY[rule].checkov if id_ not in skipped]
    return {
        **{key: why for key, why in linter.items() if key not in before},
        **({KUBE_SCORE: ",".join([*ignored, *more])} if more else {}),
        **{f"{CHECKOV}{number}": skip for number, skip in enumerate(skips, start=len(skipped) + 1)},
    }
