"""Environments whose documents are tried: each key of `cloud`, each kind, places of backups, partitions."""

from __future__ import annotations

import json
from pathlib import Path

from compiler.report import text
from compiler.tree import DOCUMENTS
from compiler.understand import understand
from tests.parts import KEYS, ROLE, Values, merged

ISSUER = "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
BACKUP: Values = {"maintenance": {"backup": {}}}
TEAM: Values = merged(KEYS, {"artifacts": {"bucket": "acme-mlflow", "prefix": "team-1"}})
KMS = "arn:aws:kms:eu-central-1:123456789012"
POD: Values = {
    "overlay": "eks-pod-identity",
    "artifacts": {"bucket": "acme-mlflow", "region": "eu-central-1", "prefix": "team-1"},
}
GOOGLE: Values = {"overlay": "gke-workload-identity", "artifacts": {"bucket": "acme-mlflow"}}
AZURE: Values = {
    "overlay": "azure-workload-identity",
    "artifacts": {
        "storageAccount": "acmemlflow",
        "container": "mlflow",
        "clientId": "11111111-2222-3333-4444-555555555555",
    },
}
OSS: Values = {"overlay": "oss-keys", "artifacts": {"bucket": "acme-mlflow", "region": "cn-hangzhou"}}
STORE: Values = {
    "overlay": "s3-compatible",
    "artifacts": {"bucket": "acme-mlflow", "prefix": "team-1", "endpoint": "https://s3.acme.example:9000"},
}
ELSEWHERE: Values = {"maintenance": {"backup": {"bucket": "acme-backups", "prefix": "dumps/mlflow"}}}
KEPT: Values = {"artifacts": {"lifecycle": {"noncurrentVersionDays": 400, "incompleteUploadDays": 3}}}


def _teams(**more: Values) -> Values:
    """Two profiles, the name of one the beginning of the other's. In: what either has of its own, by its name with a `_`."""
    return {
        "profiles": [
            {"name": name, "owner": "ana@acme.example", **more.get(name.replace("-", "_"), {})}
            for name in ("team-1", "team-10")
        ]
    }


_ROLE = "arn:aws:iam::123456789012:role"
ONE: Values = {"overlay": "kfp-keys", "artifacts": {"bucket": "acme-pipelines", "region": "eu-central-1"}}
TEAMS: Values = merged(ONE, _teams())
ONE_ROLE: Values = merged(ONE, {"overlay": "kfp-irsa", "artifacts": {"roleArn": f"{_ROLE}/kfp-backend"}})
ROLES: Values = merged(
    ONE_ROLE, _teams(team_1={"roleArn": f"{_ROLE}/teams/kfp-team-1"}, team_10={"roleArn": f"{_ROLE}/kfp-team-10"})
)
PODS: Values = merged(TEAMS, {"overlay": "kfp-pod-identity"})
PIPELINES_STORE: Values = merged(
    TEAMS, {"artifacts": {"provider": "minio", "endpoint": "http://minio.acme.example:9000", "region": "us-east-1"}}
)

PIPELINES: dict[str, Values] = {
    "kfp-one": ONE,
    "kfp-teams": TEAMS,
    "kfp-documented": merged(TEAMS, {"cloud": {"iam": "documented"}}),
    "kfp-shared-key": merged(TEAMS, {"artifacts": {"profileSecret": "pipelines"}}),
    "kfp-prefix": merged(TEAMS, {"artifacts": {"prefix": "it's/a*star"}, "cloud": {"name": "pipelines"}}),
    "kfp-one-role": merged(ONE_ROLE, {"cloud": {"oidcProvider": ISSUER}}),
    "kfp-roles": ROLES,
    "kfp-one-role-of-all": merged(
        ONE_ROLE, _teams(team_1={"roleArn": f"{_ROLE}/kfp-teams"}, team_10={"roleArn": f"{_ROLE}/kfp-teams"})
    ),
    "kfp-role-of-the-backend": merged(
        ONE_ROLE, _teams(team_1={"roleArn": f"{_ROLE}/kfp-backend"}, team_10={"existingSecret": "keys"})
    ),
    "kfp-deploykf": merged(ROLES, {"pipelines": {"deployKF": {"version": "0.1.5"}}}),
    "kfp-key": merged(ROLES, {"artifacts": {"kmsKeyArn": f"{KMS}:alias/pipelines"}}),
    "kfp-china": {
        "overlay": "kfp-irsa",
        "artifacts": {
            "bucket": "acme-pipelines",
            "region": "cn-north-1",
            "roleArn": "arn:aws-cn:iam::123456789012:role/kfp-backend",
        },
    },
    "kfp-one-pod": merged(ONE, {"overlay": "kfp-pod-identity"}),
    "kfp-pods": merged(PODS, {"cloud": {"cluster": "production", "accountId": "123456789012"}}),
    "kfp-store": PIPELINES_STORE,
    "kfp-store-shared": merged(PIPELINES_STORE, {"artifacts": {"profileSecret": "pipelines", "prefix": "kfp"}}),
    "kfp-wasabi": merged(ONE, {"artifacts": {"provider": "wasabi"}}),
}
"""Those of Kubeflow Pipelines: one user or several, each kind, and what is shared between profiles."""

ENVIRONMENTS: dict[str, Values] = {
    "keys": KEYS,
    "team": merged(TEAM, BACKUP),
    "documented": merged(TEAM, {"cloud": {"iam": "documented"}}),
    "told": merged(KEYS, {"artifacts": {"uploadArgs": {"Tagging": "team=1", "ACL": "private"}, "versioning": False}}),
    "account": merged(KEYS, {"cloud": {"accountId": "123456789012", "name": "tracking"}}),
    "star": merged(KEYS, {"artifacts": {"prefix": "it's/a*star"}}),
    "first-region": merged(KEYS, {"artifacts": {"region": "us-east-1"}}),
    "role": merged(ROLE, {**ELSEWHERE, **KEPT}),
    "role-path": merged(ROLE, {"artifacts": {"roleArn": "arn:aws:iam::123456789012:role/teams/one/mlflow"}}),
    "role-known": merged(ROLE, {"cloud": {"oidcProvider": ISSUER, "iam": "documented"}}),
    "key": merged(ROLE, {"artifacts": {"kmsKeyArn": f"{KMS}:key/11111111-2222-3333-4444-555555555555"}}),
    "alias": merged(ROLE, {"artifacts": {"kmsKeyArn": f"{KMS}:alias/mlflow"}, "serviceAccount": {"name": "tracker"}}),
    "china": merged(
        ROLE,
        {
            "artifacts": {
                "region": "cn-north-1",
                "roleArn": "arn:aws-cn:iam::123456789012:role/mlflow",
                "kmsKeyArn": "arn:aws-cn:kms:cn-north-1:123456789012:key/11111111-2222-3333-4444-555555555555",
            }
        },
    ),
    "government": merged(
        ROLE,
        {"artifacts": {"region": "us-gov-west-1", "roleArn": "arn:aws-us-gov:iam::123456789012:role/mlflow"}},
    ),
    "pod": POD,
    "pod-cluster": merged(POD, {"cloud": {"cluster": "production", "accountId": "123456789012"}}),
    "store": merged(STORE, {**BACKUP, "artifacts": {"caSecret": "store-ca"}}),
    "store-virtual": merged(STORE, {**ELSEWHERE, "artifacts": {"addressingStyle": "virtual"}}),
    "google": GOOGLE,
    "google-team": merged(GOOGLE, {**ELSEWHERE, "artifacts": {"prefix": "team-1"}}),
    "google-both": merged(GOOGLE, {**BACKUP, "artifacts": {"prefix": "team-1", "versioning": False}}),
    "google-account": merged(
        GOOGLE,
        {
            "artifacts": {"googleServiceAccount": "mlflow@acme-identities.iam.gserviceaccount.com"},
            "cloud": {"project": "acme-clusters", "location": "europe-west3"},
        },
    ),
    "google-keys": {"overlay": "gcs-keys", "artifacts": {"bucket": "acme-mlflow"}},
    "azure": AZURE,
    "azure-known": merged(
        AZURE,
        {
            **KEPT,
            "cloud": {
                "resourceGroup": "mlflow",
                "location": "westeurope",
                "name": "mlflow",
                "oidcProvider": "westeurope.oic.prod-aks.azure.com/1/2/",
            },
        },
    ),
    "azure-keys": {
        "overlay": "azure-keys",
        "artifacts": {"storageAccount": "acmemlflow", "container": "mlflow", "credential": "connection-string"},
    },
    "azure-elsewhere": merged(AZURE, {**ELSEWHERE, "artifacts": {"prefix": "team-1", "versioning": False}}),
    "oss": OSS,
    "oss-team": merged(OSS, {**ELSEWHERE, "artifacts": {"prefix": "team-1"}, "cloud": {"name": "tracking"}}),
    **PIPELINES,
}


def documents(values: Values, tool: str = "cli") -> dict[str, str]:
    """The documents of an environment, by their paths."""
    whole = merged(values, {"cloud": {"tool": tool}})
    compilation = understand("example", "e.yaml", json.dumps(whole).encode())
    assert compilation.overlay is not None, text(compilation.diagnostics)
    return compilation.overlay.documents


def put(values: Values, folder: Path, tool: str = "cli") -> Path:
    """Writes the documents of an environment for its cloud, and returns the directory that they are in."""
    # Values for another installer stand beside.
    found = {path: text for path, text in documents(values, tool).items() if not path.startswith("deploykf/")}
    [provider] = {path.partition("/")[0] for path in found}
    assert provider in DOCUMENTS
    for path, content in found.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    return folder / provider
