"""How to break a reference environment, one way for each code; and where that cannot be, why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CASES = Path(__file__).parent / "cases" / "invalid"


@dataclass(frozen=True)
class Break:
    """What is done to the copy of an environment, or of the base."""

    set: dict[str, Any] = field(default_factory=dict)
    """Keys of environment.yaml, with dots, and their values; None takes a key away."""
    append: str = ""
    """What is written at the end of environment.yaml."""
    whole: Callable[[str], bytes] | None = None
    """What is made of the text of environment.yaml."""
    custom: dict[str, str] = field(default_factory=dict)
    """Files of `custom/`."""
    base: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Files of the base, and what is written in place of what."""
    before: Break | None = None
    """What was done to the environment that the overlay on disk comes from."""
    stale: bool = False
    """Whether it is for `compile --check` to find."""


HEAD = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"


def patch(name: str, *lines: str, kind: str = "Deployment", group: str = "apps/v1") -> Break:
    """A patch of an object in `custom/`."""
    body = "".join(f"      {line}\n" for line in lines)
    head = f"{HEAD}patches:\n  - patch: |-\n      apiVersion: {group}\n      kind: {kind}\n      metadata: {{name: {name}}}\n"
    return Break(custom={"kustomization.yaml": head + body})


def resource(text: str) -> Break:
    """An object of its own in `custom/`."""
    return Break(custom={"kustomization.yaml": f"{HEAD}resources: [own.yaml]\n", "own.yaml": text})


def container(text: str) -> Break:
    """A patch of the server's containers."""
    return patch("mlflow", "spec:", "  template:", "    spec:", "      containers:", f"      - {text}")


def case(code: str, example: str = "custom", **keys: Any) -> Break:
    """What is in `custom/` of a failing example of a code."""
    directory = CASES / code / f"{example}.custom"
    return Break(keys, custom={path.name: path.read_text(encoding="utf-8") for path in sorted(directory.iterdir())})


def waiver(rule: str, day: str) -> Break:
    """A waiver of a rule, until a day."""
    return Break({"waivers": [{"rule": rule, "reason": "the image of the team knows one user", "expires": day}]})


SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: other}\nspec:\n"
POD = "{app.kubernetes.io/name: mlflow}"
_OVERLAYS = tuple(sorted(path.parent.name for path in (CASES.parents[2] / "overlays").glob("*/environment.yaml")))
PIPELINES = tuple(name for name in _OVERLAYS if name.startswith("kfp-"))
"""Those of Kubeflow Pipelines, which have a table of their own."""
ALL = tuple(name for name in _OVERLAYS if name not in PIPELINES)
SERVERS = tuple(name for name in ALL if name != "local")
"""Those that record runs in a database server."""
AMAZON = ("aws-keys", "eks-irsa", "eks-pod-identity", "prod")
IN_CLUSTER = ("minio-mysql", "minio-postgres", "versitygw-mysql", "versitygw-postgres")
"""Those whose object store runs in the cluster."""
AZURE = ("azure-keys", "azure-workload-identity")
GOOGLE = ("gcs-keys", "gke-workload-identity")
IDENTITIES = {
    **dict.fromkeys(("eks-irsa", "eks-pod-identity", "prod"), "AWS_PROFILE"),
    "gke-workload-identity": "GOOGLE_APPLICATION_CREDENTIALS",
    "azure-workload-identity": "AZURE_USERNAME",
}
"""Those whose pods have an identity of the cloud, and a variable that would be taken instead."""
SERVED = {"host": "mlflow.acme.example", "ingress": {"className": "nginx", "tlsSecret": "tls"}}
OUTSIDE = {"database.host": "db.acme.example", "database.existingSecret": "mlflow-database"}
KEY = "arn:{}:kms:{}:123456789012:key/11111111-2222-3333-4444-555555555555"
FILES = (
    *("mlflow/deployment.yaml", "mlflow/job-migrate.yaml"),
    *(f"components/driver-mysql/{name}.patch.yaml" for name in ("mlflow.deployment", "mlflow-migrate.job")),
)
"""Every file of the base that runs MLflow's image."""
SELECTOR = ["spec:", "  selector: {matchLabels: {own: label}}", "  template: {metadata: {labels: {own: label}}}"]
IDENTITY = f"""{HEAD}replacements:
  - source: {{kind: Job, name: mlflow-migrate}}
    targets:
      - select: {{kind: Job, name: mlflow-migrate}}
        fieldPaths: [spec.template.metadata.labels.own]
        options: {{create: true}}
"""
"""A Job that is made to hold its own name."""

POLICED = (
    "bad-label",
    "cron-job",
    "deprecated-field",
    "headless-service",
    "identical-probes",
    "job-ttl",
    "low-user",
    "missing-digest",
    "missing-probe",
    "missing-resources",
    "mounted-token",
    "node-port",
    "pull-policy",
    "repeated-variable",
    "secret-in-environment",
    "spread-constraint",
    "ssh-port",
    "wide-role",
    "writable-root",
)
"""Codes whose failing example breaks any environment."""
ECHO = "{name: mlflow, env: [{name: PW, valueFrom: {secretKeyRef: {name: own, key: password}}}], args: [$(PW)]}"

CLAIM = (
    "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: other}}\n"
    "spec: {{accessModes: [{}], resources: {{requests: {{storage: {}}}}}}}\n"
)
AUTOSCALER = (
    "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: other}\nspec:\n"
    "  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: mlflow}\n  minReplicas: 3\n  maxReplicas: 2\n"
)


def among(names: tuple[str, ...], way: Break, others: str) -> dict[str, Break | str]:
    """A way for some environments, and why the others cannot come to the code."""
    return {**dict.fromkeys(ALL, others), **dict.fromkeys(names, way)}


NO_ARN = "its store is not Amazon's, and knows no ARNs: such keys belong to other kinds"
ALONE = "one pod alone writes to its volume, so there are never several"
UNREAD = patch(
    "mlflow",
    *(
        "spec:",
        "  template:",
        "    spec:",
        "      volumes: [{name: own, emptyDir: {sizeLimit: 1Mi}}]",
        "      containers:",
    ),
    "      - {name: mlflow, volumeMounts: [{name: own, mountPath: /own, readOnly: true}]}",
)
ELSEWHERE = Break({"serviceAccount": {"create": False, "name": "tracking"}})
BREAKAGES: dict[str, Break | dict[str, Break | str]] = {
    "alias": Break(append="x: &a 1\n"),
    "autoscaler-stuck": resource(AUTOSCALER),
    "bad-bucket": {
        **dict.fromkeys((*AMAZON, *IN_CLUSTER, "s3-compatible"), Break({"artifacts.bucket": "xn--acme"})),
        **dict.fromkeys(GOOGLE, Break({"artifacts.bucket": "goog-acme"})),
        **dict.fromkeys(AZURE, "what a container may be called is a pattern of the schema"),
        "oss-keys": Break({"artifacts.bucket": "acme.mlflow"}),
        "local": "a volume has no bucket",
    },
    "bad-data": resource("apiVersion: v1\nkind: Secret\nmetadata: {name: other}\ndata: {note: hello!}\n"),
    "bad-enum": resource(CLAIM.format("Often", "1Gi")),
    "bad-label": resource("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other, labels: {team: a b}}\n"),
    "bad-name": resource("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: my_settings}\n"),
    "bad-number": patch("mlflow", "spec: {revisionHistoryLimit: -1}"),
    "bad-port": resource(SERVICE + "  ports: [{port: 99999}]\n"),
    "bad-prefix": among(SERVERS, Break({"artifacts.prefix": "a/../b"}), "a volume of its own has no prefix"),
    "bad-quantity": resource(CLAIM.format("ReadWriteOnce", "1GG")),
    "bad-value": Break({"namespace": "Not_A_Name"}),
    "budget-blocks": dict.fromkeys(ALL, "in a build it is disruption-budget, which can be waived"),
    "build-failed": patch("nowhere", "spec: {replicas: 2}"),
    "conflicting-keys": Break({"networkPolicy": {"enabled": False, "clients": ["a"]}}),
    "dangling-reference": container("{name: mlflow, envFrom: [{secretRef: {name: nowhere}}]}"),
    "deprecated-api": resource("apiVersion: v1\nkind: Endpoints\nmetadata: {name: other}\n"),
    "duplicate-key": Break(append="overlay: other\n"),
    "duplicate-object": dict.fromkeys(ALL, "kubectl builds no object twice"),
    "empty": Break(whole=lambda _: b"# nothing\n"),
    "foreign-file": dict.fromkeys(ALL, "it is about a file beside the environment, and no line of it"),
    "host-unserved": Break({"host": "mlflow.acme.example", "ingress": None}),
    "image-misses": Break(base={f"base/{file}": ("ghcr.io/mlflow/mlflow:", "ghcr.io/acme/mlflow:") for file in FILES}),
    "immutable-field": Break(custom=patch("mlflow", *SELECTOR).custom, before=Break()),
    "job-name": among(
        SERVERS, Break(custom={"kustomization.yaml": IDENTITY}), "SQLite is migrated by its server, not by a Job"
    ),
    "kustomize-plugin": case("kustomize-plugin"),
    "left-behind": Break({"ingress": None}, before=Break(SERVED)),
    "memory-too-small": Break({"resources": {"limits": {"memory": "64Mi"}, "requests": {"memory": "32Mi"}}}),
    "missing-key": Break({"overlay": None}),
    "missing-name": dict.fromkeys(ALL, "kubectl builds no object without a name"),
    "no-image": container("{name: mlfow, command: [x]}"),
    "not-a-file": dict.fromkeys(ALL, "it takes a link, which has no line"),
    "not-a-manifest": resource("kind: Service\nmetadata: {name: other}\nspec: {ports: [{port: 80}]}\n"),
    "not-utf8": Break(whole=lambda text: text.encode() + b"# \xff\n"),
    "nothing-to-generate": {
        **dict.fromkeys(ALL, Break({**OUTSIDE, "secrets": "generated"})),
        **dict.fromkeys(IN_CLUSTER, "the store runs in the cluster, so that there is always a password to make up"),
        "local": Break({"secrets": "generated"}),
    },
    "one-writer": among(("local",), Break({"replicas": 2}), "no pod of its server writes to a volume"),
    "outside-project": case("outside-project"),
    "partition-mismatch": among(AMAZON, Break({"artifacts.kmsKeyArn": KEY.format("aws-cn", "cn-north-1")}), NO_ARN),
    "patch-misses": patch("mlflow", "spec: {replicas: 7}"),
    "picks-nothing": resource(SERVICE + "  selector: {a: b}\n  ports: [{port: 80}]\n"),
    "placeholder": Break(base={"base/mlflow/mlflow.env": ("MLFLOW_PORT=5000", "MLFLOW_PORT=PLACEHOLDER")}),
    "plain-http": Break({"host": "mlflow.acme.example", "ingress": {"className": "nginx"}}),
    "pod-security": container("{name: mlflow, securityContext: {privileged: true}}"),
    "read-before-written": UNREAD,
    "region-mismatch": among(AMAZON, Break({"artifacts.kmsKeyArn": KEY.format("aws", "us-west-2")}), NO_ARN),
    "rejected-kind": dict.fromkeys(ALL, "only an option of validate rejects kinds"),
    "remote-resource": case("remote-resource"),
    "removed-api": resource("apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: other}\n"),
    "replicas-reset": among(
        SERVERS,
        Break({"replicas": None, "autoscaling": {"max": 6}}, before=Break({"replicas": 3})),
        ALONE,
    ),
    "request-above-limit": Break({"resources": {"requests": {"cpu": "9"}, "limits": {"cpu": "1"}}}),
    "reserved-name": {
        **dict.fromkeys(SERVERS, Break({"database": {"name": "postgres"}})),
        **dict.fromkeys(("minio-mysql", "versitygw-mysql"), Break({"database.name": "mysql"})),
        "local": Break({"database": {"engine": "postgres", "name": "postgres"}}),
    },
    "reserved-setting": Break({"mlflow.env": {"MLFLOW_PORT": "80"}}),
    "schema-bad-value": resource(SERVICE + f"  selector: {POD}\n  ports: [{{port: 80, targetPort: true}}]\n"),
    "schema-missing-field": resource(SERVICE + f"  selector: {POD}\n  ports: [{{targetPort: 5000}}]\n"),
    "schema-unknown-field": resource(SERVICE + f"  selectr: {POD}\n  ports: [{{port: 5000}}]\n"),
    "schema-wrong-type": resource(SERVICE + f"  selector: {POD}\n  ports: [{{port: eighty}}]\n"),
    "secret-in-plain-sight": Break({"mlflow.env": {"A": "AKIA" + "ABCDEFGH" * 2}}),
    "several-documents": Break(append="---\na: 1\n"),
    "shadowed-identity": {
        **dict.fromkeys(ALL, "its server logs in with keys, or to nobody: there is no identity to stand before"),
        **{name: Break({"mlflow.env": {variable: "x"}}) for name, variable in IDENTITIES.items()},
    },
    "shared-namespace": Break({"namespace": "kube-system"}),
    "stale": Break({"mlflow.workers": 3}, before=Break(), stale=True),
    "tag": Break(append="x: !!str 1\n"),
    **{
        code: among((), Break(), "only Kubeflow Pipelines come to it")
        for code in (
            "embedded-store",
            "overlapping-prefixes",
            "remote-base",
            "rewritten-trust",
            "shared-key",
            "unreachable-server",
        )
    },
    "too-deep": Break(append="x: " + "[" * 50 + "]" * 50 + "\n"),
    "too-few-connections": {
        **dict.fromkeys(SERVERS, Break({"mlflow.workers": 32, "database.maxConnections": 50})),
        "local": "SQLite is a file, which has no connections to run out of",
    },
    "too-large": Break(append="# " + "x" * 300_000 + "\n"),
    "unannotated-account": {
        **among(("eks-irsa", "prod"), ELSEWHERE, "its server's account has no annotation that an identity asks for"),
        "azure-workload-identity": ELSEWHERE,
        "gke-workload-identity": Break(
            {**ELSEWHERE.set, "artifacts.googleServiceAccount": "mlflow@acme.iam.gserviceaccount.com"}
        ),
    },
    "unknown-key": Break(append="replica: 2\n"),
    "unknown-kind": resource("apiVersion: apps/v1\nkind: Deploymnt\nmetadata: {name: other}\n"),
    "unknown-value": Break({"mlflow.logLevel": "loud"}),
    "unpinned-image": Break({"mlflow.image.tag": "latest"}),
    "unreachable-store": among(
        (*IN_CLUSTER, "local"),
        Break({"mlflow.mode": "direct"}),
        "its store is outside of the cluster, where clients reach it",
    ),
    "unsupported-version": Break({"mlflow.version": "2.14.1"}),
    "wrong-kind": {
        **dict.fromkeys(ALL, Break({"artifacts.storage": {"size": "1Gi"}})),
        **dict.fromkeys((*IN_CLUSTER, "local"), Break({"artifacts.roleArn": "arn:aws:iam::123456789012:role/x"})),
    },
    "wrong-type": Break({"replicas": "many"}),
    "yaml-syntax": Break(append="x: [\n"),
    # In a namespace of its own the overlay denies what no policy allows.
    "no-network-policy": case("no-network-policy", createNamespace=False),
    **{code: case(code) for code in POLICED},
    "disruption-budget": among(SERVERS, case("disruption-budget", replicas=3), ALONE),
    "expired-waiver": waiver("low-user", "2026-01-31"),
    "exposed-secret": container(ECHO),
    "few-replicas": case("few-replicas"),
    "idle-waiver": waiver("low-user", "2027-01-31"),
    "ingress-snippet": Break({**SERVED, "ingress.annotations": {"nginx.ingress.kubernetes.io/server-snippet": "x"}}),
    "no-anti-affinity": among(SERVERS, case("no-anti-affinity", replicas=3), ALONE),
    "rolling-update": among(
        SERVERS, case("rolling-update", replicas=3), "one pod writes to its volume, so all stop for an update"
    ),
}
"""For each code what breaks any reference environment, or what breaks each of them; a text says why nothing can."""


_READING = (
    *("alias", "duplicate-key", "empty", "not-utf8", "several-documents", "tag"),
    *("too-deep", "too-large", "unknown-key", "yaml-syntax"),
)
"""Codes of the text itself, whatever it is an environment of."""
_ROLE = "arn:{}:iam::123456789012:role/x"
_PLAIN = {"artifacts.provider": "minio", "artifacts.endpoint": "http://minio.acme.example"}
_OWN = {"name": "team-1", "owner": "ana@acme.example", "existingSecret": "own"}
OF_PIPELINES: dict[str, Break | dict[str, Break]] = {
    **{code: way for code, way in BREAKAGES.items() if code in _READING and isinstance(way, Break)},
    "bad-bucket": Break({"artifacts.bucket": "acme_pipelines"}),
    "bad-prefix": Break({"artifacts.prefix": "a/../b"}),
    "bad-value": Break({"pipelines.base": "a/../b"}),
    "build-failed": BREAKAGES["build-failed"] if isinstance(BREAKAGES["build-failed"], Break) else {},
    "conflicting-keys": Break({"artifacts.provider": "amazon", "artifacts.endpoint": "https://minio.acme.example"}),
    "embedded-store": case("embedded-store"),
    "missing-key": Break({"artifacts.bucket": None}),
    "partition-mismatch": {"kfp-irsa": Break({"artifacts.roleArn": _ROLE.format("aws-cn")})},
    "patch-misses": case("patch-misses", "kfp"),
    "plain-http": {"kfp-keys": Break(_PLAIN)},
    "remote-base": Break({"pipelines.base": "https://git.acme.example/pipelines?ref=v1"}),
    "rewritten-trust": case("rewritten-trust"),
    "secret-in-plain-sight": Break({"artifacts.existingSecret": "AKIA" + "ABCDEFGH" * 2}),
    "shadowed-identity": dict.fromkeys(("kfp-irsa", "kfp-pod-identity"), Break({"profiles": [_OWN]})),
    "shared-key": {"kfp-keys": Break({"artifacts.profileSecret": "of-all"})},
    "shared-namespace": Break({"profiles": [{"name": "kube-team", "owner": "ana@acme.example"}]}),
    "unknown-value": Break({"pipelines.version": "1.0.0"}),
    "unsupported-version": Break({"pipelines.version": "2.14.4"}),
    "wrong-kind": Break({"namespace": "elsewhere"}),
    "wrong-type": Break({"profiles": "many"}),
}
"""What breaks the reference environments of Kubeflow Pipelines, or some of them, for each code of their language."""
