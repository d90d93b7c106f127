"""What the API server demands of a value beyond its type, put into the Kubernetes schemas, which leave it out.

The words that a field knows stand in `enums.json`, which `scripts/enums.py` writes from the Go types of Kubernetes. Names,
labels, ports and amounts follow k8s.io/apimachinery's validation. A schema that is added here carries the code of its diagnostic.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

Schema = dict[str, Any]

CODE = "x-code"
"""The keyword that names the code of a diagnostic."""
WORDS = "x-words"
"""The keyword that says in words what a pattern means."""
BOUNDING = ("enum", "maximum", "maxLength", "minimum", "pattern")
"""The keywords that demands are made of."""

_END = r"(?![\s\S])"
"""The very end of a text; `$` may stand before a line break."""
_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = "[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"


def _text(pattern: str, code: str, words: str, longest: int) -> Schema:
    return {"pattern": f"^(?:{pattern}){_END}", "maxLength": longest, CODE: code, WORDS: words}


def _from(least: int, most: int | None, code: str) -> Schema:
    return {"minimum": least, CODE: code} | ({} if most is None else {"maximum": most})


def _one_of(values: list[str], code: str) -> Schema:
    # Nothing and the empty text are what the API server fills in itself.
    return {"enum": [*values, "", None], CODE: code}


LABEL = _text(_LABEL, "bad-name", "lower-case letters, digits and dashes, at most 63", 63)
SUBDOMAIN = _text(
    rf"{_LABEL}(\.{_LABEL})*", "bad-name", "lower-case letters, digits, dashes and dots, at most 253", 253
)
CRON_JOB = SUBDOMAIN | {"maxLength": 52, WORDS: "lower-case letters, digits, dashes and dots, at most 52"}
SERVICE = _text(
    "[a-z]([-a-z0-9]*[a-z0-9])?", "bad-name", "a letter, then lower-case letters, digits and dashes, at most 63", 63
)
SEGMENT = _text(r"(?!\.{1,2}(?![\s\S]))[^/%]+", "bad-name", "anything but / and %", 253)
KEY = _text(r"(?!\.\.?(?![\s\S]))[-._a-zA-Z0-9]+", "bad-name", "letters, digits, dashes, dots and underscores", 253)
PORT_NAME = _text(
    "(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*",
    "bad-port",
    "at most 15 lower-case letters, digits and dashes, with a letter",
    15,
)
QUALIFIED = _text(
    rf"({_LABEL}(\.{_LABEL})*/)?{_QUALIFIED}", "bad-label", "a name of at most 63, with a domain and / before it", 317
)
ANNOTATION = QUALIFIED | {"pattern": str(QUALIFIED["pattern"]).replace("a-z0-9", "A-Za-z0-9")}
"""The keys of annotations are compared in lower case."""
LABEL_VALUE = _text(f"({_QUALIFIED})?", "bad-label", "letters, digits, dashes, dots and underscores, at most 63", 63)
QUANTITY = _text(
    r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?",
    "bad-quantity",
    "a number with one of n u m k M G T P E Ki Mi Gi Ti Pi Ei",
    1000,
)
AMOUNT = _from(0, None, "bad-quantity") | {"pattern": "^(?!-)", WORDS: "not below zero"}
BASE64 = _text(
    r"[\r\n]*((?:[A-Za-z0-9+/][\r\n]*){4})*((?:[A-Za-z0-9+/][\r\n]*){2}==|(?:[A-Za-z0-9+/][\r\n]*){3}=)?[\r\n]*",
    "bad-data",
    "Base64; plain text belongs into stringData",
    2**21,
)
PORT = _from(1, 65535, "bad-port")
OPEN_PORT = _from(0, 65535, "bad-port")
COUNT = _from(0, None, "bad-number")

_CORE = "io.k8s.api.core.v1."
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_TARGET = PORT | PORT_NAME
FIELDS: dict[str, dict[str, Schema]] = {
    _CORE + "Container": {"name": LABEL},
    _CORE + "ContainerPort": {"containerPort": PORT, "hostPort": OPEN_PORT, "name": PORT_NAME},
    _CORE + "EndpointPort": {"port": PORT},
    _CORE + "EphemeralContainer": {"name": LABEL},
    _CORE + "HTTPGetAction": {"port": _TARGET},
    _CORE + "GRPCAction": {"port": PORT},
    _CORE + "TCPSocketAction": {"port": _TARGET},
    _CORE + "PodSpec": {"terminationGracePeriodSeconds": COUNT},
    _CORE + "Probe": dict.fromkeys(
        ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"), COUNT
    ),
    _CORE + "ReplicationControllerSpec": {"replicas": COUNT, "minReadySeconds": COUNT},
    _CORE + "ServicePort": {"port": PORT, "nodePort": OPEN_PORT, "targetPort": _TARGET, "name": LABEL},
    _CORE + "Volume": {"name": LABEL},
    "io.k8s.api.apps.v1.DaemonSetSpec": {"minReadySeconds": COUNT, "revisionHistoryLimit": COUNT},
    "io.k8s.api.apps.v1.DeploymentSpec": dict.fromkeys(
        ("replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"), COUNT
    ),
    "io.k8s.api.apps.v1.ReplicaSetSpec": {"replicas": COUNT, "minReadySeconds": COUNT},
    "io.k8s.api.apps.v1.StatefulSetSpec": dict.fromkeys(("replicas", "minReadySeconds", "revisionHistoryLimit"), COUNT),
    "io.k8s.api.batch.v1.CronJobSpec": dict.fromkeys(
        ("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"), COUNT
    ),
    "io.k8s.api.batch.v1.JobSpec": dict.fromkeys(
        ("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"), COUNT
    ),
    "io.k8s.api.networking.v1.NetworkPolicyPort": {"port": _TARGET, "endPort": PORT},
    "io.k8s.api.networking.v1.ServiceBackendPort": {"number": PORT},
    _META + "LabelSelectorRequirement": {
        "operator": _one_of(["In", "NotIn", "Exists", "DoesNotExist"], "bad-enum"),
        "key": QUALIFIED,
    },
    _META + "ObjectMeta": {"namespace": LABEL},
}
"""What single fields of definitions have to be."""
MAPS: dict[str, dict[str, tuple[Schema, Schema]]] = {
    _CORE + "ResourceRequirements": {"limits": ({}, AMOUNT), "requests": ({}, AMOUNT)},
    _META + "LabelSelector": {"matchLabels": (QUALIFIED, LABEL_VALUE)},
    _META + "ObjectMeta": {"labels": (QUALIFIED, LABEL_VALUE), "annotations": (ANNOTATION, {})},
}
"""What the keys and the values of maps have to be."""
ROOT_MAPS: dict[tuple[str, str], dict[str, tuple[Schema, Schema]]] = {
    ("v1", "ConfigMap"): {"data": (KEY, {}), "binaryData": (KEY, BASE64)},
    ("v1", "Secret"): {"data": (KEY, BASE64), "stringData": (KEY, {})},
}
NAMES: dict[tuple[str, str], Schema] = {
    ("v1", "Namespace"): LABEL,
    ("v1", "Service"): SERVICE,
    ("batch/v1", "CronJob"): CRON_JOB,
    **{
        ("rbac.authorization.k8s.io/v1", kind): SEGMENT
        for kind in ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
    },
    ("networking.k8s.io/v1", "IPAddress"): {},
    ("networking.k8s.io/v1beta1", "IPAddress"): {},
}
"""What an object of a kind may be called, where that is not the name of a subdomain."""


def bounded(name: str, definition: Schema) -> Schema:
    """A definition of the Kubernetes schemas with what the API server demands of its values."""
    if name.endswith(".api.resource.Quantity"):
        return {**definition, **QUANTITY}
    if name not in FIELDS and name not in MAPS and name not in _enums():
        return definition
    return _with(definition, dict(_fields(name)), MAPS.get(name, {}))


def bounded_root(api_version: str, kind: str, schema: Schema) -> Schema:
    """The schema of a kind with what an object of it may be called, and what its data may be."""
    schema = _with(schema, {}, ROOT_MAPS.get((api_version, kind), {}))
    metadata = schema.get("properties", {}).get("metadata", {})
    if "ObjectMeta" not in str(metadata.get("$ref")):
        return schema
    name = NAMES.get((api_version, kind), SUBDOMAIN)
    return _with(schema, {"metadata": {"properties": {"name": name}}}, {})


def _fields(name: str) -> Iterator[tuple[str, Schema]]:
    yield from FIELDS.get(name, {}).items()
    for field, values in _enums().get(name, {}).items():
        known = _one_of(values, "bad-enum")
        yield field.removesuffix("[]"), {"items": known} if field.endswith("[]") else known


@cache
def _enums() -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = json.loads(
        files("compiler").joinpath("enums.json").read_text(encoding="utf-8")
    )
    return found


def _with(schema: Schema, fields: dict[str, Schema], maps: dict[str, tuple[Schema, Schema]]) -> Schema:
    properties = dict(schema.get("properties", {}))
    for field, more in fields.items():
        if field in properties:
            properties[field] = {**properties[field], "allOf": [more]}
    for field, (keys, values) in maps.items():
        if field in properties:
            properties[field] = {
                **properties[field],
                "allOf": [{"propertyNames": keys}, {"additionalProperties": values}],
            }
    return {**schema, "properties": properties} if properties else schema
