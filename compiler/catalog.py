"""Where the schema of a kind is: among those that kubernetes-validate bundles, or in files that a template names.

A template is a path with the variables that kubeconform has: `crds/{{ .Group }}/{{ .ResourceKind }}.json`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from compiler.bounds import bounded, bounded_root
from compiler.errors import Missing, Usage

DEFAULT = "default"
"""The location of the bundled schemas."""
_CUSTOM = Path(__file__).resolve().parent / "crds"
"""The definitions of custom resources that overlays use; `scripts/crds.py` writes them."""
_LAYOUT = "/{{ .NormalizedKubernetesVersion }}-standalone{{ .StrictSuffix }}/{{ .ResourceKind }}{{ .KindSuffix }}.json"
_VARIABLE = re.compile(r"\{\{-?\s*\.?(.*?)\s*-?\}\}")
_VARIABLES = (
    "NormalizedKubernetesVersion",
    "StrictSuffix",
    "ResourceKind",
    "ResourceAPIVersion",
    "Group",
    "KindSuffix",
)
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")


@dataclass(frozen=True)
class Schema:
    """The schema of a kind; `path` is its file where it is not a bundled one, and relative references start there."""

    document: dict[str, Any]
    path: Path | None = None


@cache
def schema_versions() -> tuple[str, ...]:
    """The Kubernetes minors that there are schemas for, oldest first."""
    found = re.findall(r"v(1\.\d+)\.\d+-local-strict", " ".join(path.name for path in _bundle().iterdir()))
    return tuple(sorted(found, key=lambda version: int(version.split(".")[1])))


@cache
def find(version: str, locations: tuple[str, ...], api_version: str, kind: str) -> Schema | None:
    """The schema of a kind at the first of the locations that has it, or None."""
    for location in locations:
        schema = (
            (bundled(version, api_version, kind) or _custom(api_version, kind))
            if location == DEFAULT
            else _local(location, version, api_version, kind)
        )
        if schema is not None:
            return schema
    return None


@cache
def bundled(version: str, api_version: str, kind: str) -> Schema | None:
    """The bundled schema of a kind, with all that it refers to and what the API server demands beside it."""
    schema = _own(version, api_version, kind)
    return None if schema is None else Schema(_closed(version, bounded_root(api_version, kind, schema)))


def has(version: str, api_version: str, kind: str) -> bool:
    """Whether a minor has a kind: told without all that its schema refers to."""
    return _own(version, api_version, kind) is not None


@cache
def _own(version: str, api_version: str, kind: str) -> dict[str, Any] | None:
    """The file of a kind, as it is bundled."""
    path = directory(version) / file_name(api_version, kind)
    if not re.fullmatch(r"[a-z0-9.-]+", path.name) or not path.is_file():
        return None
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    # Files are named in lower case, some for parts of objects only, and all without the domain of a group.
    return schema if (api_version, kind) in _named(schema) else None


@cache
def _custom(api_version: str, kind: str) -> Schema | None:
    """The schema of a custom resource that overlays use, which lets no unknown field pass, as the API server does."""
    group, _, version = api_version.rpartition("/")
    for path in sorted(_CUSTOM.glob(f"*.{group}.json")) if _WORD.fullmatch(group) else ():
        spec = json.loads(path.read_text(encoding="utf-8"))["spec"]
        for each in spec["versions"]:
            if (spec["names"]["kind"], each["name"]) == (kind, version):
                return Schema(_strict(each["schema"]["openAPIV3Schema"]))
    return None


def _strict(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _strict(value) for key, value in schema.items()}
    fixed = isinstance(schema.get("properties"), dict) and schema.get("type") == "object"
    if fixed and not schema.get("x-kubernetes-preserve-unknown-fields"):
        closed.setdefault("additionalProperties", False)
    return closed


def file_name(api_version: str, kind: str) -> str:
    """The file of a bundled schema: `deployment-apps-v1.json`."""
    group = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)
    return f"{kind.lower()}-{group}.json"


def described(version: str, api_version: str, kind: str) -> str:
    """What the bundled schema says of a kind."""
    return str((_own(version, api_version, kind) or {}).get("description", ""))


@cache
def kinds(version: str, pattern: str = "*.json") -> tuple[tuple[str, str], ...]:
    """Every apiVersion and kind of a minor whose file matches a pattern."""
    found: set[tuple[str, str]] = set()
    for path in directory(version).glob(pattern):
        if not path.name.startswith(("_", "all.")):
            found |= _named(json.loads(path.read_text(encoding="utf-8")))
    return tuple(sorted(found))


@cache
def directory(version: str) -> Path:
    """The bundled schemas of a minor. Raises `Missing` where there are none."""
    found = sorted(_bundle().glob(f"v{version}.*-local-strict"))
    if not found:
        raise Missing(f"there are no schemas of Kubernetes {version}; there are {', '.join(schema_versions())}")
    return found[-1]


@cache
def _bundle() -> Path:
    spec = find_spec("kubernetes_validate")
    if spec is None or not spec.submodule_search_locations:
        raise Missing("the package kubernetes-validate is missing, and with it the schemas of Kubernetes")
    return Path(spec.submodule_search_locations[0]) / "kubernetes-json-schema"


@cache
def _definitions(version: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((directory(version) / "_definitions.json").read_text(encoding="utf-8"))["$defs"]
    return found


def _named(schema: dict[str, Any]) -> set[tuple[str, str]]:
    return {
        (f"{each['group']}/{each['version']}" if each.get("group") else each["version"], each["kind"])
        for each in schema.get("x-kubernetes-group-version-kind", ())
    }


def _closed(version: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A schema that stands alone: with the definitions that it needs and without prose."""
    wanted: list[str] = []
    root = _slim(schema, wanted.append)
    found: dict[str, Any] = {}
    while wanted:
        name = wanted.pop()
        if name not in found:
            found[name] = {}
            found[name] = _slim(bounded(name, _definitions(version)[name]), wanted.append)
    return {**root, "$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": found}


def _slim(schema: Any, want: Callable[[str], None]) -> Any:
    if not isinstance(schema, dict):
        return schema
    slim: dict[str, Any] = {}
    for keyword, value in schema.items():
        if keyword == "$ref":
            name = str(value).rpartition("/")[2]
            want(name)
            slim[keyword] = f"#/$defs/{name}"
        elif keyword == "properties":
            slim[keyword] = {name: _slim(each, want) for name, each in value.items()}
        elif keyword in ("oneOf", "anyOf", "allOf"):
            slim[keyword] = [_slim(each, want) for each in value]
        elif keyword in ("items", "additionalProperties", "propertyNames"):
            slim[keyword] = _slim(value, want)
        elif keyword not in ("description", "$id", "$schema") and not keyword.startswith("x-kubernetes-"):
            slim[keyword] = value
    return slim


def check_location(location: str) -> str:
    """A location that was asked for, as a template. Raises `Usage` for what is none."""
    if location == DEFAULT:
        return location
    if re.match(r"[a-z][a-z0-9+.-]*://", location):
        raise Usage(
            f"{location} is on the network, which validation never uses: bring the files with curl or git, "
            "and name their path, as in --schema-location 'crds/{{ .Group }}/{{ .ResourceKind }}_{{ .ResourceAPIVersion }}.json'"
        )
    template = location if location.endswith(".json") else location.rstrip("/") + _LAYOUT
    for variable in _VARIABLE.findall(template):
        if variable not in _VARIABLES:
            raise Usage(f"a schema location has no variable '{variable}'; there are {', '.join(_VARIABLES)}")
    if not _VARIABLE.search(template) and not Path(template).is_file():
        raise Usage(f"there is no file {template}")
    return template


def _local(template: str, version: str, api_version: str, kind: str) -> Schema | None:
    group, _, last = api_version.rpartition("/")
    if not (_WORD.fullmatch(kind) and _WORD.fullmatch(last) and _WORD.fullmatch(group or "core")):
        return None
    values = {
        "NormalizedKubernetesVersion": directory(version).name.partition("-")[0],
        "StrictSuffix": "-strict",
        "ResourceKind": kind.lower(),
        "ResourceAPIVersion": last,
        "Group": group or last,
        "KindSuffix": "-" + "-".join(part for part in (group.split(".")[0].lower(), last.lower()) if part),
    }
    path = Path(_VARIABLE.sub(lambda match: values[match[1]], template))
    if not path.is_file():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Missing(f"{path} is not a JSON Schema: {error}") from None
    if not isinstance(document, dict):
        raise Missing(f"{path} is not a JSON Schema: it holds no object")
    return Schema(document, path.resolve())


def retrieve(uri: str) -> Any:
    """What a reference of a local schema names. Raises `Missing` for what is no file here."""
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(uri)
    if parts.scheme != "file":
        raise Missing(f"a schema refers to {uri}, which is not a file here")
    path = Path(unquote(parts.path))
    if not path.is_file():
        raise Missing(f"a schema refers to {path}, which is not there")
    return json.loads(path.read_text(encoding="utf-8"))
