"""The server of artifacts: what it shares with the first, what it does not, and how clients find it."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.overlay import ARTIFACT_SERVER, SERVER, Ref
from compiler.parts.ingress import INGRESS
from compiler.parts.network_policy import ARTIFACT_POLICY as POLICY
from tests.parts import KEYS, MINIO, ROLE, changes, findings, merged, planned, settings, understood

SPLIT = {"mlflow": {"mode": "split"}}
HOST = {"host": "mlflow.acme.example", "ingress": {"tlsSecret": "mlflow-tls"}}
CONTAINER = "spec.template.spec.containers[name=mlflow]"


def _server(values: Any = MINIO, **more: Any) -> dict[str, Any]:
    return changes(planned(merged(values, SPLIT), **more), ARTIFACT_SERVER)


def test_plan__its_own_scale() -> None:
    found = _server(artifactServer={"replicas": 3, "workers": 4}, replicas=2)
    assert found["spec.replicas"] == 3
    assert found[f"{CONTAINER}.env[name=MLFLOW_WORKERS].value"] == "4"
    assert found[f"{CONTAINER}.resources.limits.cpu"] == "4"


def test_plan__memory_follows_from_its_own_workers() -> None:
    limit = f"{CONTAINER}.resources.limits.memory"
    two, four = _server(mlflow={"workers": 8}), _server(artifactServer={"workers": 4})
    assert int(two[limit][:-2]) < int(four[limit][:-2])


@pytest.mark.parametrize(("replicas", "several"), [(1, False), (2, True)])
def test_plan__several_have_a_disruption_budget(replicas: int, several: bool) -> None:
    overlay = planned(MINIO, **SPLIT, artifactServer={"replicas": replicas})
    assert ("mode-split-several" in overlay.components) is several


def test_plan__an_autoscaler_of_its_own() -> None:
    overlay = planned(MINIO, **SPLIT, replicas=3, artifactServer={"autoscaling": {"max": 6, "cpu": 60}})
    told = changes(overlay, Ref("autoscaling/v2", "HorizontalPodAutoscaler", "mlflow-artifacts"))
    assert (told["spec.minReplicas"], told["spec.maxReplicas"]) == (2, 6)
    assert told["spec.metrics[0].resource.target.averageUtilization"] == 60
    assert {"mode-split-autoscaling", "mode-split-several"} <= set(overlay.components)
    assert "autoscaling-hpa" not in overlay.components
    assert "spec.replicas" not in changes(overlay, ARTIFACT_SERVER)
    assert changes(overlay, SERVER)["spec.replicas"] == 3


def test_plan__one_pod_at_least_is_waived() -> None:
    overlay = planned(MINIO, **SPLIT, artifactServer={"autoscaling": {"min": 1, "max": 2}})
    assert [waiver.because for waiver in overlay.waivers] == [("artifactServer", "autoscaling", "min")]


def test_plan__nothing_without_the_mode() -> None:
    overlay = planned(MINIO)
    assert not [each for each in overlay.components if "split" in each]
    assert changes(overlay, ARTIFACT_SERVER) == {}


def test_plan__comes_before_those_who_change_both_servers() -> None:
    components = planned(merged(ROLE, SPLIT)).components
    assert components.index("mode-split") < min(map(components.index, ("mode-proxied", "identity-irsa")))
    assert components[-1] == "mode-split-policies"


SHARED = {
    "mlflow": {
        "staticPrefix": "/ml",
        "envFrom": [{"secretRef": {"name": "more"}}],
        "args": ["--x-frame-options", "DENY"],
    },
    "podLabels": {"team": "a"},
    "podAnnotations": {"note": "b"},
    "terminationGracePeriodSeconds": 600,
    "scheduling": {"topologySpread": {"nodes": "required"}},
    "artifacts": {"existingSecret": "keys"},
    "ingress": {"tlsSecret": "cert", "maxUploadSize": "50Gi"},
    "host": "mlflow.acme.example",
}


def test_shared__what_is_said_of_the_pods() -> None:
    overlay = planned(merged(KEYS, merged(SPLIT, SHARED)))
    first, second = changes(overlay, SERVER), changes(overlay, ARTIFACT_SERVER)
    for place in (
        f"{CONTAINER}.readinessProbe.httpGet.path",
        f"{CONTAINER}.envFrom",
        f"{CONTAINER}.args",
        f"{CONTAINER}.resources.limits.ephemeral-storage",
        f"{CONTAINER}.env[name=AWS_ACCESS_KEY_ID].valueFrom.secretKeyRef.name",
        "spec.template.metadata.labels.team",
        "spec.template.metadata.annotations.note",
        "spec.template.spec.terminationGracePeriodSeconds",
        "spec.template.spec.topologySpreadConstraints[0].whenUnsatisfiable",
        "spec.template.spec.volumes[name=tmp].emptyDir.sizeLimit",
    ):
        assert second[place] == first[place], place


def test_shared__not_the_database_nor_what_is_beside_the_server() -> None:
    asked = {"database": {"existingSecret": "db", "passwordKey": "pw"}, "metrics": {}}
    found = _server(KEYS, **asked, mlflow={"image": {"pullPolicy": "Always"}})
    assert found[f"{CONTAINER}.imagePullPolicy"] == "Always"
    assert not [place for place in found if "initContainers" in place or "exporter" in place or "PGPASSWORD" in place]


def test_shared__of_affinities_those_to_nodes() -> None:
    nodes: dict[str, Any] = {"preferredDuringSchedulingIgnoredDuringExecution": []}
    found = _server(scheduling={"affinity": {"nodeAffinity": nodes, "podAffinity": {}}})
    assert found["spec.template.spec.affinity.nodeAffinity"] == nodes
    assert "spec.template.spec.affinity" not in found


def test_policy__the_same_clients() -> None:
    overlay = planned(MINIO, **SPLIT, networkPolicy={"clients": ["team"]})
    names = [
        each["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        for each in changes(overlay, POLICY)["spec.ingress[0].from"]
    ]
    assert names == ["mlflow", "team"]
    off = planned(MINIO, **SPLIT, networkPolicy={"enabled": False})
    assert "mode-split-policies" not in off.components
    assert changes(off, POLICY) == {}


def test_ingress__leads_the_paths_of_artifacts_to_it() -> None:
    found = changes(planned(merged(KEYS, SPLIT), **HOST, mlflow={"staticPrefix": "/ml"}), INGRESS)
    paths = {
        each["path"]: each["backend"]["service"]["name"]
        for place, each in found.items()
        if place.endswith(("[1]", "[2]"))
    }
    assert paths == {
        "/ml/api/2.0/mlflow-artifacts": "mlflow-artifacts",
        "/ml/ajax-api/2.0/mlflow-artifacts": "mlflow-artifacts",
    }


def test_location__names_the_service_only_where_there_is_no_host() -> None:
    root = "MLFLOW_DEFAULT_ARTIFACT_ROOT"
    inside = settings(merged(KEYS, SPLIT), namespace="ml")
    assert inside[root] == "mlflow-artifacts://mlflow-artifacts.ml.svc:5000/"
    assert "mlflow-artifacts.ml.svc:*" in inside["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")
    assert root not in settings(merged(KEYS, SPLIT), **HOST)
    assert "mlflow-artifacts" not in settings(KEYS)["MLFLOW_SERVER_ALLOWED_HOSTS"]


@pytest.mark.parametrize("engine", ["postgres", "mysql"])
def test_login__both_servers_ask_for_it(engine: str) -> None:
    database = {"engine": engine, "host": "db", "existingSecret": "own", "tls": {"mode": "verify-ca", "caSecret": "ca"}}
    overlay = planned(merged(KEYS, SPLIT), database=database, auth={"existingSecret": "login"})
    beside = ["mode-split-login", f"mode-split-login-{engine}", "mode-split-login-ca", "mode-split-login-policies"]
    assert [each for each in overlay.components if "split-login" in each] == beside
    found, pod = changes(overlay, ARTIFACT_SERVER), "spec.template.spec"
    for reader, variable in (
        (f"{pod}.initContainers[name=wait-for-schema]", "LOGIN_ADMIN_PASSWORD"),
        (CONTAINER, "MLFLOW_FLASK_SERVER_SECRET_KEY"),
    ):
        assert found[f"{reader}.env[name={variable}].valueFrom.secretKeyRef.name"] == "login"
    reader = (
        "containers[name=mlflow].env[name=PGPASSWORD]"
        if engine == "postgres"
        else ("initContainers[name=option-file].env[name=MYSQL_PWD]")
    )
    assert found[f"{pod}.{reader}.valueFrom.secretKeyRef.name"] == "own"
    assert found[f"{pod}.volumes[name=database-ca].secret.secretName"] == "ca"


def test_login__nothing_of_it_without_the_key() -> None:
    overlay = planned(merged(KEYS, SPLIT))
    assert not [each for each in overlay.components if "login" in each]
    assert not [place for place in changes(overlay, ARTIFACT_SERVER) if "initContainers" in place]


@pytest.mark.parametrize(
    ("more", "codes"),
    [
        ({"artifactServer": {}}, ["conflicting-keys"]),
        ({"mlflow": {"mode": "presigned"}, "artifactServer": {"replicas": 2}}, ["conflicting-keys"]),
        ({**SPLIT, "auth": {}}, []),
        ({"mlflow": {"mode": "split", "version": "3.16.0"}, "auth": {}}, ["unsupported-version"]),
        ({"mlflow": {"mode": "split", "version": "3.16.0"}}, []),
        ({**SPLIT, "host": "a.example", "service": {"type": "LoadBalancer"}}, ["conflicting-keys", "plain-http"]),
        ({**SPLIT, **HOST}, []),
        ({**SPLIT, "artifactServer": {"replicas": 2}}, []),
        ({**SPLIT, "artifactServer": {"replicas": 2, "autoscaling": {"max": 4}}}, ["conflicting-keys"]),
        ({**SPLIT, "artifactServer": {"autoscaling": {"min": 5, "max": 4}}}, ["conflicting-keys"]),
        ({**SPLIT, "artifactServer": {"autoscaling": {}}}, ["missing-key"]),
        ({**SPLIT, "artifactServer": {"autoscaling": {"max": 4}}}, []),
    ],
)
def test_check__what_it_cannot_be(more: dict[str, Any], codes: list[str]) -> None:
    assert findings(KEYS, **more) == codes


def test_check__a_volume_is_of_one_server() -> None:
    assert findings({"overlay": "local"}, **SPLIT) == ["unreachable-store"]


def test_check__a_proxy_stands_before_the_first_server_alone() -> None:
    auth = {
        "mode": "oidc",
        "issuer": "https://login.acme.example",
        "clientId": "mlflow",
        "emailDomains": ["acme.example"],
    }
    [found] = understood(merged(KEYS, SPLIT), **HOST, auth=auth).diagnostics
    assert (found.code, "not behind the proxy" in found.message) == ("conflicting-keys", True)
