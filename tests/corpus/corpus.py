"""Manifests of every kind that Kubernetes has, made from its schemas: valid ones, and ones with one mistake each.

The same each time: nothing is drawn by lot. A case is named for its kind and for what is right or wrong with it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache
from typing import Any

import yaml

from compiler.bounds import CODE
from compiler.catalog import bundled, kinds

Data = dict[str, Any]
DEPTH = 6
SAMPLES = {"bad-name": "a", "bad-label": "a", "bad-port": 80, "bad-data": "YQ==", "bad-quantity": "1", "bad-number": 1}
FORMATS = {"date-time": "2026-01-02T03:04:05Z", "byte": "YQ=="}


@cache
def cases(version: str) -> dict[str, str]:
    """Every case by its name, as text."""
    found: dict[str, str] = {}
    for api_version, kind in kinds(version):
        schema = bundled(version, api_version, kind)
        if schema is None or "ObjectMeta" not in str(schema.document["properties"].get("metadata")):
            continue
        name = f"{kind}.{api_version.replace('/', '_')}"
        for variant, text in _variants(api_version, kind, schema.document):
            found[f"{name}.{variant}"] = text
    return found | {f"yaml.{name}": text for name, text in WRITTEN.items()}


def _variants(api_version: str, kind: str, schema: Data) -> Iterator[tuple[str, str]]:
    start = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}}
    small = {**_filled(schema, schema, 0, everything=False), **start}
    full = {**_filled(schema, schema, 0, everything=True), **start}
    full["metadata"] = {**_filled(_property(schema, "metadata"), schema, 1, everything=True), "name": "a"}
    if kind == "PodDisruptionBudget":
        # The API server takes one of the two, which no schema says.
        del full["spec"]["maxUnavailable"]
    yield "minimal", _text(small)
    yield "filled", _text(full)
    yield "json", json.dumps(full, indent=2)
    for variant, change in MISTAKES.items():
        yield variant, _text(_changed(small, change))
    yield "duplicate-key", _text(small) + f"kind: {kind}\n"
    yield "duplicate-name", _text(small).replace("  name: a\n", "  name: a\n  name: b\n", 1)
    fields = [name for name in full if name not in start and name != "status"]
    for field in fields[:1]:
        yield "wrong-type", _text({**small, field: _other(full[field])})
        if isinstance(full[field], dict):
            yield "unknown-nested", _text({**full, field: {**full[field], "unheardOf": 1}})
    for field in schema.get("required", []):
        if field not in start:
            yield f"without-{field}", _text({key: value for key, value in small.items() if key != field})


def _set(**values: Any) -> Callable[[Data], object]:
    return lambda data: data.update(values)


MISTAKES: dict[str, Callable[[Data], object]] = {
    "unknown-field": _set(unheardOf="a"),
    "unknown-metadata": lambda data: data["metadata"].update(nmae="a"),
    "metadata-is-text": _set(metadata="a"),
    "labels-are-a-list": lambda data: data["metadata"].update(labels=["a"]),
    "label-is-a-number": lambda data: data["metadata"].update(labels={"a": 1}),
    "unknown-kind": lambda data: data.update(kind=data["kind"] + "x"),
    "kind-in-lower-case": lambda data: data.update(kind=data["kind"].lower()),
    "without-kind": lambda data: data.pop("kind"),
    "without-api-version": lambda data: data.pop("apiVersion"),
    "without-name": lambda data: data["metadata"].pop("name"),
    "bad-name": lambda data: data["metadata"].update(name="a/b c%"),
    "bad-label": lambda data: data["metadata"].update(labels={"a": "b c"}),
}
_CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n"
_POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n  containers:\n  - name: a\n"
WRITTEN: dict[str, str] = {
    "plain-no": _CONFIG + "data:\n  a: no\n",
    "plain-y": _CONFIG + "data:\n  a: y\n",
    "plain-on-as-key": _CONFIG + "data:\n  on: a\n",
    "plain-octal": _CONFIG + "data:\n  a: 0755\n",
    "plain-date": _CONFIG + "data:\n  a: 2026-01-01\n",
    "plain-time": _CONFIG + "data:\n  a: 12:30:45\n",
    "plain-exponent": _CONFIG + "data:\n  a: 1e3\n",
    "plain-underscore": _CONFIG + "data:\n  a: 1_000\n",
    "plain-version": _CONFIG + "data:\n  a: 1.2.3\n",
    "plain-infinite": _CONFIG + "data:\n  a: .inf\n",
    "quoted-no": _CONFIG + 'data:\n  a: "no"\n',
    "number-as-key": _CONFIG + "data:\n  1: a\n",
    "empty-value": _CONFIG + "data:\n  a:\n",
    "empty-data": _CONFIG + "data:\n",
    "empty-item": _POD + "    args: [a, null]\n",
    "octal-mode": _POD + "    image: a:1\n  volumes:\n  - name: a\n    configMap: {name: a, defaultMode: 0444}\n",
    "float-for-count": _POD + "    image: a:1\n  terminationGracePeriodSeconds: 1.0\n",
    "fraction-for-count": _POD + "    image: a:1\n  terminationGracePeriodSeconds: 1.5\n",
    "anchor": _CONFIG + "data: &a\n  a: b\nbinaryData: {}\n",
    "alias": _POD.replace("name: a\nspec", "name: a\n  labels: &l {a: b}\n  annotations: *l\nspec")
    + "    image: a:1\n",
    "alias-unknown": _CONFIG + "data: *a\n",
    "merge": _CONFIG.replace("name: a", "name: a\n  labels: &l {a: b}") + "data:\n  <<: *l\n  b: c\n",
    "merge-then-override": _CONFIG.replace("name: a", "name: a\n  labels: &l {a: b}") + "data:\n  <<: *l\n  a: c\n",
    "override-then-merge": _CONFIG.replace("name: a", "name: a\n  labels: &l {a: b}") + "data:\n  a: c\n  <<: *l\n",
    "tag-str": _CONFIG + "data:\n  a: !!str 1\n",
    "tag-int": _CONFIG + "data:\n  a: !!int 1\n",
    "tag-own": _CONFIG + "data:\n  a: !own b\n",
    "several": _CONFIG + "---\n" + _CONFIG.replace("name: a", "name: b"),
    "several-one-wrong": _CONFIG + "---\n" + _CONFIG + "dta: {}\n",
    "several-one-broken": _CONFIG + "---\na: b: c\n---\n" + _CONFIG.replace("name: a", "name: b"),
    "leading-separator": "---\n" + _CONFIG,
    "trailing-separator": _CONFIG + "---\n",
    "separator-with-comment": _CONFIG + "--- # more\n" + _CONFIG.replace("name: a", "name: b"),
    "comments-only": "# nothing\n",
    "empty-file": "",
    "byte-order-mark": "\ufeff" + _CONFIG,
    "windows-lines": _CONFIG.replace("\n", "\r\n"),
    "tab": _CONFIG + "data:\n\ta: b\n",
    "unclosed": _CONFIG + "data: {a: b\n",
    "a-list": "- a\n- b\n",
    "a-text": "hello\n",
    "list": "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n",
    "list-one-wrong": "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}, dta: {}}\n",
    "list-empty": "apiVersion: v1\nkind: List\nitems: []\n",
    "bad-quantity": _POD + "    image: a:1\n    resources: {limits: {memory: 1GG}}\n",
    "bad-port": _POD + "    image: a:1\n    ports: [{containerPort: 99999}]\n",
    "bad-enum": _POD + "    image: a:1\n    imagePullPolicy: whenever\n",
    "bad-number": _POD + "    image: a:1\n  terminationGracePeriodSeconds: -1\n",
    "bad-data": "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\ndata:\n  a: hello!\n",
    "null-for-required": "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n  containers: null\n",
    "null-for-unknown": _CONFIG + "dta: null\n",
    "emoji": _CONFIG + "data:\n  a: \U0001f600\n",
    "block-texts": _CONFIG + "data:\n  a: |\n    x\n    ---\n    y: [\n  b: >-\n    x\n    y\n",
}
"""Texts about YAML rather than about a kind, and values that no schema knows."""


def _text(data: Data) -> str:
    return str(yaml.dump(data, Dumper=yaml.CSafeDumper, sort_keys=False, default_flow_style=False))


def _changed(data: Data, change: Callable[[Data], object]) -> Data:
    copy = deepcopy(data)
    change(copy)
    return copy


def _other(value: Any) -> Any:
    """A value of another type."""
    return "text" if isinstance(value, (dict, list, bool)) else ["list"]


def _property(schema: Data, name: str) -> Data:
    found: Data = schema["properties"][name]
    return found


def _filled(schema: Data, root: Data, depth: int, *, everything: bool) -> Any:
    """A value that a schema allows: with all that it knows, or with what it demands."""
    demands = schema.get("allOf", [])
    if "$ref" in schema:
        target = root["$defs"][schema["$ref"].rpartition("/")[2]]
        return _filled({**target, "allOf": [*target.get("allOf", []), *demands]}, root, depth, everything=everything)
    for demand in (schema, *demands):
        if "enum" in demand:
            return next(value for value in demand["enum"] if value)
        if CODE in demand:
            return SAMPLES[demand[CODE]] if "minimum" in demand or demand[CODE] != "bad-port" else "a"
    choices = schema.get("oneOf") or schema.get("anyOf")
    if choices:
        return _filled(choices[0], root, depth, everything=everything)
    types = schema.get("type", "object")
    match next(iter(each for each in types if each != "null")) if isinstance(types, list) else types:
        case "array":
            items = schema["items"]
            inner = [each["items"] for each in demands if "items" in each]
            return [
                _filled({**items, "allOf": [*items.get("allOf", []), *inner]}, root, depth + 1, everything=everything)
            ]
        case "object":
            return _object(schema, root, depth, everything=everything)
        case "string":
            return FORMATS.get(str(schema.get("format")), "a")
        case "boolean":
            return True
        case _:
            return 1


def _object(schema: Data, root: Data, depth: int, *, everything: bool) -> Data:
    demands = schema.get("allOf", [])
    values = schema.get("additionalProperties")
    if isinstance(values, dict) and "properties" not in schema:
        more = [each["additionalProperties"] for each in demands if "additionalProperties" in each]
        return {
            "a": _filled({**values, "allOf": [*values.get("allOf", []), *more]}, root, depth + 1, everything=everything)
        }
    inner: Data = {}
    for each in demands:
        inner |= each.get("properties", {})
    required = schema.get("required", [])
    wanted = [name for name in schema.get("properties", {}) if name in required or (everything and depth < DEPTH)]
    return {
        name: _filled(
            {
                **schema["properties"][name],
                "allOf": [*schema["properties"][name].get("allOf", []), inner.get(name, {})],
            },
            root,
            depth + 1,
            everything=everything,
        )
        for name in wanted
    }
