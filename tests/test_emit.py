"""What is written is what Kustomize reads, to the last character, and the same bytes every time."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compiler.block import dump
from compiler.build import kustomize
from compiler.emit import emit
from compiler.manifest import Manifest, parse
from compiler.overlay import SETTINGS, Change, Overlay, Ref, Secret, SecretKey, setting
from compiler.route import Named, follow
from compiler.rules.changes import hit
from compiler.source import read
from compiler.tree import KUSTOMIZATION, SECRETS, Tree
from compiler.understand import understand
from tests.conftest import ROOT

PROPERTY = settings(
    max_examples=100, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
EVERYTHING = ROOT / "tests" / "cases" / "valid" / "everything-minio.yaml"

AWKWARD = [
    # What one YAML or another takes for something other than text
    *(
        "1e3",
        "1E3",
        "08",
        "0o7",
        "0755",
        "0x1F",
        "0b1",
        "1_000",
        "12:30:45",
        "1.",
        ".5",
        "+1",
        "-0",
        "1e400",
        "1234e567",
    ),
    *(
        "yes",
        "Yes",
        "no",
        "on",
        "off",
        "y",
        "N",
        "true",
        "True",
        "false",
        "null",
        "Null",
        "~",
        ".inf",
        ".NaN",
        "2026-01-01",
    ),
    *(
        "<<",
        "=",
        "!",
        "!!str",
        "&a",
        "*a",
        "|",
        ">",
        "@",
        "`",
        "%",
        "-",
        "- a",
        "?",
        "? a",
        ":",
        ": a",
        "a: b",
        "a:",
        "---",
    ),
    *(
        "...",
        "[",
        "]",
        "{",
        "}",
        "[a]",
        "{a: b}",
        ",",
        "#",
        " #",
        "a #b",
        "'",
        "''",
        '"',
        '""',
        "\\",
        "\\n",
        "\\\\",
        "\\u0041",
    ),
    *("\\x41", "a\\", "2001-12-14t21:59:43.10-05:00", "9" * 30, "0." + "1" * 30),
    # What Kubernetes, a shell or Kustomize may replace
    *("$(X)", "$X", "${X}", "$$", "$patch", "delete", "%s", "{{ .x }}"),
    # Space and lines
    *(
        "",
        " ",
        "  ",
        " a",
        "a ",
        "\t",
        "\ta",
        "a\t",
        "\n",
        "a\n",
        "\na",
        "a\nb",
        "a\n\nb\n\n",
        "\r",
        "a\r\nb",
        " \n ",
        "\n  a",
    ),
    # Characters
    *(
        "é",
        "ß",
        "日本語",
        "😀",
        "👩‍👩‍👧",
        "e\u0301",
        "\u2028",
        "\u2029",
        "a\u2028b",
        "\u00a0",
        "\u200b",
        "\ufeff",
        "\ufeffa",
    ),
    *("\u202e", "\x00", "\x0b", "\x1b[0m", "\U0010ffff", "\ue000", "\ufffd"),
    # Length
    *("x" * 5000, "word " * 400, "é" * 2000, "\\" * 200, " " * 300, "a" * 79 + " " + "b" * 79),
]
"""Texts that some writer or reader of YAML is known to stumble over."""
NOT_CARRIED = ["\x7f", "a\x80", "\x9f", "a\x85b", "\x85"]
"""Texts that kubectl itself refuses, or changes."""

_CONTROL = [chr(code) for code in range(0x7F, 0xA0)]
_SIGNS = " \n\t\"'\\#:-{}[]$%&*!|>@`~,?\u2028"
TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=["\ufffe", "\uffff", *_CONTROL])
    | st.sampled_from(_SIGNS),
    max_size=40,
)
KEYS = st.text(string.ascii_letters + string.digits + "-._", min_size=1, max_size=20)
AWKWARD_KEYS = [
    *("1", "08", "0o7", "1e3", "1.5", "0x1", "-1", "1_0", "_1", "_", ".", "..", "-", "--", "-.inf", ".inf", ".nan", "1.e5"),
    *("y", "Y", "n", "N", "yes", "NO", "on", "Off", "true", "FALSE", "null", "Null", "NULL", "nan", "inf", "e3", "E3"),
    *("2026-01-01", "a.b", "a-b", "a_b", "A", "patch", "op", "x" * 253),
]  # fmt: skip


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base with one ConfigMap, for overlays beside it."""
    root = tmp_path_factory.mktemp("emit")
    (root / "base" / "mlflow").mkdir(parents=True)
    generator = f"configMapGenerator: [{{name: {SETTINGS.name}, literals: [first=base]}}]\n"
    (root / "base" / "mlflow" / KUSTOMIZATION).write_text(generator)
    return root


def _built(lab: Path, overlay: Overlay) -> list[dict[str, Any]]:
    """What the real kubectl makes of an overlay, as the compiler reads it."""
    directory = lab / "overlays" / "example"
    for path, text in emit("example", overlay).items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(text.encode("utf-8"))
    printed, error = kustomize(directory)
    assert error == ""
    return list(parse(printed))


def _data(lab: Path, changes: Iterable[Change]) -> dict[str, str]:
    [built] = _built(lab, Overlay(namespace="mlflow", changes=tuple(changes)))
    data: dict[str, str] = built["data"]
    assert data.pop("first") == "base"
    return data


def _settings(texts: Iterable[str]) -> dict[str, str]:
    return {f"K{number}": text for number, text in enumerate(texts)}


# Through the real kubectl


def test_value__every_awkward_text_arrives_as_it_is(lab: Path) -> None:
    wanted = _settings(AWKWARD)
    assert _data(lab, [setting(name, text, (), "") for name, text in wanted.items()]) == wanted


@settings(PROPERTY, max_examples=8)
@given(st.lists(TEXT, min_size=60, max_size=120))
def test_value__any_text_arrives_as_it_is(lab: Path, texts: list[str]) -> None:
    """Hundreds of texts a build: a build takes longer than a text."""
    wanted = _settings(texts)
    assert _data(lab, [setting(name, text, (), "") for name, text in wanted.items()]) == wanted


@pytest.mark.parametrize("text", NOT_CARRIED, ids=ascii)
def test_value__what_kubectl_cannot_carry_is_noticed(lab: Path, text: str) -> None:
    """Such a value stops the compiler; it never becomes another one."""
    overlay = Overlay(namespace="mlflow", changes=(setting("K", text, (), ""),))
    for path, content in emit("example", overlay).items():
        (lab / "overlays" / "example" / path).parent.mkdir(parents=True, exist_ok=True)
        (lab / "overlays" / "example" / path).write_bytes(content.encode())
    printed, error = kustomize(lab / "overlays" / "example")
    assert error or [fault.code for fault in hit(overlay, [Manifest(each) for each in parse(printed)], ())] == [
        "patch-misses"
    ]


def test_key__every_awkward_one_arrives_as_it_is(lab: Path) -> None:
    wanted = {key: f"value of {key}" for key in AWKWARD_KEYS}
    assert _data(lab, [setting(name, text, (), "") for name, text in wanted.items()]) == wanted


@settings(PROPERTY, max_examples=4)
@given(st.dictionaries(KEYS.filter(lambda key: key != "first"), TEXT, min_size=40, max_size=80))
def test_key__any_arrives_as_it_is(lab: Path, wanted: dict[str, str]) -> None:
    assert _data(lab, [setting(name, text, (), "") for name, text in wanted.items()]) == wanted


def test_annotation__values_and_keys_with_a_slash(lab: Path) -> None:
    wanted = {f"example.org/k{number}": text for number, text in enumerate(AWKWARD)} | {
        "a.b~1/c~0": "x",
    }
    changes = [Change(SETTINGS, ("metadata", "annotations", key), text, (), "") for key, text in wanted.items()]
    [built] = _built(lab, Overlay(namespace="mlflow", changes=tuple(changes)))
    assert built["metadata"]["annotations"] == wanted


def test_operation__paths_and_values_arrive_as_they_are(tmp_path: Path) -> None:
    """Changes below an index of a list are JSON patches; their paths are escaped, their values are any YAML."""
    (tmp_path / "base" / "mlflow").mkdir(parents=True)
    (tmp_path / "base" / "mlflow" / KUSTOMIZATION).write_text("resources: [ingress.yaml]\n")
    (tmp_path / "base" / "mlflow" / "ingress.yaml").write_text(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: mlflow}\n"
        "spec: {rules: [{host: a, http: {paths: [{path: /, extra: {}}]}}]}\n"
    )
    ref = Ref("networking.k8s.io/v1", "Ingress", "mlflow")
    inner = ("spec", "rules", 0, "http", "paths", 0, "extra")
    keys = {
        "a/b": "slash",
        "a~b": "tilde",
        "~1": "escape",
        "~0/": "both",
        "": "empty",
        "0": "digit",
        **_settings(AWKWARD),
    }
    changes = [Change(ref, (*inner, key), text, (), "") for key, text in keys.items()]
    changes.append(Change(ref, ("spec", "rules", 0, "host"), "mlflow.acme.example", (), ""))
    changes.append(Change(ref, ("spec", "rules", 0, "list"), [{"a": 1, "b": True, "c": ["1"]}], (), ""))
    [built] = _built(tmp_path, Overlay(namespace="mlflow", changes=tuple(changes)))
    assert follow(built, inner) == keys
    rule = built["spec"]["rules"][0]
    assert rule["host"] == "mlflow.acme.example"
    assert rule["list"] == [{"a": 1, "b": True, "c": ["1"]}]


# dump


def test_dump__is_read_alike_by_every_yaml() -> None:
    """YAML 1.1 (PyYAML), 1.2 (the compiler's own reader) and what kubectl prints (the manifests' reader)."""
    data: dict[str, Any] = {
        "values": dict(_settings(AWKWARD)),
        "keys": dict.fromkeys(AWKWARD_KEYS, "x"),
        "n": [1, True, None, 1.5, [], {}],
    }
    text = dump(data)
    assert yaml.safe_load(text) == data
    assert list(parse(text)) == [data]
    source, diagnostics = read("e.yaml", text.encode())
    assert diagnostics == []
    assert source is not None
    assert source.data == data


DATA: st.SearchStrategy[Any] = st.recursive(
    TEXT | st.integers(-(2**53), 2**53) | st.booleans(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=10,
)


@PROPERTY
@given(DATA)
def test_dump__any_data_is_read_back(data: Any) -> None:
    text = dump({"data": data})
    assert yaml.safe_load(text) == {"data": data}
    assert list(parse(text)) == [{"data": data}]


def test_dump__repeats_what_occurs_twice() -> None:
    shared = {"a": ["b"]}
    text = dump({"one": shared, "two": shared})
    assert "&" not in text
    assert "*" not in text


def test_dump__can_be_indented_into_a_block() -> None:
    """As patches are: each text stands in a line of its own, or is a block of lines that are full."""
    text = dump(_settings(AWKWARD))
    lines = text.splitlines()
    plain = [line for line in lines if line.startswith("K")]
    assert len(plain) == len(AWKWARD)
    assert all(re.fullmatch(r'K\d+: (?:".*"|\|-)', line) for line in plain)
    assert all(line.strip() for line in lines)
    inner = text.rstrip("\n").replace("\n", "\n      ")
    [outer] = parse(f"patches:\n  - patch: |-\n      {inner}\n")
    assert list(parse(outer["patches"][0]["patch"])) == [_settings(AWKWARD)]


# emit


def _tree(text: str, *, custom: bool = False) -> Tree:
    overlay = understand("example", "e.yaml", text.encode(), custom=custom).overlay
    assert overlay is not None
    return emit("example", overlay)


def _reordered(data: Any) -> Any:
    """The same data with the keys of every mapping the other way round."""
    if isinstance(data, dict):
        return {key: _reordered(data[key]) for key in reversed(data)}
    if isinstance(data, list):
        return [_reordered(each) for each in data]
    return data


def _values() -> dict[str, Any]:
    source, _ = read("e.yaml", EVERYTHING.read_bytes())
    assert source is not None
    values: dict[str, Any] = source.data
    values["mlflow"]["env"] = {"B": "1", "A": "2"}
    values["mlflow"]["version"] = str(values["mlflow"]["version"])
    return values


def test_emit__does_not_depend_on_the_order_of_keys_or_on_comments() -> None:
    values = _values()
    plain = _tree(json.dumps(values))
    rewritten = {
        "reversed": json.dumps(_reordered(values)),
        "sorted": json.dumps(values, sort_keys=True),
        "block": yaml.safe_dump(values, default_flow_style=False, sort_keys=False),
        "commented": "# a\n\n" + yaml.safe_dump(values, default_flow_style=False).replace("\n", "  # why\n"),
        "windows": yaml.safe_dump(values, line_break="\r\n"),
        "marked": "\ufeff---\n" + json.dumps(values, indent=2),
    }
    for how, text in rewritten.items():
        assert _tree(text) == plain, how


@PROPERTY
@given(st.permutations(sorted(_values())), st.permutations(sorted(_values()["mlflow"])))
def test_emit__is_the_same_for_any_order_of_keys(keys: list[str], inner: list[str]) -> None:
    values = _values()
    shuffled = {key: values[key] for key in keys} | {"mlflow": {key: values["mlflow"][key] for key in inner}}
    assert _tree(json.dumps({key: shuffled[key] for key in keys})) == _tree(json.dumps(values))


def test_emit__is_the_same_twice_and_names_its_environment() -> None:
    text = json.dumps(_values())
    assert _tree(text) == _tree(text)
    for content in _tree(text).values():
        assert "ENV=example" in content
        assert "\r" not in content
        assert content.endswith("\n")


def test_emit__one_file_is_the_overlay() -> None:
    """With a page of Secrets beside it, where there are any."""
    assert set(_tree("overlay: minio-postgres")) == {KUSTOMIZATION, SECRETS}
    overlay = Overlay(namespace="a", changes=(setting("A", "b", (), ""),))
    assert set(emit("example", overlay)) == {KUSTOMIZATION}
    secret = Secret("s", (SecretKey("k", "what", "..."),), (), in_cluster=True)
    assert set(emit("example", overlay + Overlay(secrets=(secret,)))) == {KUSTOMIZATION, SECRETS}


def test_emit__with_custom_the_values_stand_in_a_directory_of_their_own() -> None:
    """Named for its content: the top file, replaced in one step, names the old values or the new ones."""
    text = "overlay: minio-postgres\n"
    plain, tree = _tree(text), _tree(text, custom=True)
    [compiled] = set(tree) - {KUSTOMIZATION, SECRETS}
    directory, _, name = compiled.partition("/")
    assert name == KUSTOMIZATION
    top, values, alone = (yaml.safe_load(each) for each in (tree[KUSTOMIZATION], tree[compiled], plain[KUSTOMIZATION]))
    assert top["resources"] == [directory]
    assert top["components"] == ["custom"]
    assert "patches" not in top
    assert values["patches"] == alone["patches"]
    assert values["components"] == [f"../{each}" for each in alone["components"]]
    assert values["resources"] == [f"../{each}" for each in alone["resources"]]
    assert top["secretGenerator"] == alone["secretGenerator"]
    assert "secretGenerator" not in values
    other = _tree(text + "replicas: 2\n", custom=True)
    assert compiled not in other


def test_emit__secrets_are_named_and_never_written() -> None:
    tree = _tree("overlay: minio-postgres")
    generators = yaml.safe_load(tree[KUSTOMIZATION])["secretGenerator"]
    assert generators
    for generator in generators:
        assert generator["envs"] == [f"secrets/{generator['name']}.env"]
        assert generator["options"]["disableNameSuffixHash"] is True
        assert set(generator) == {"name", "envs", "options"}


def test_emit__changes_of_one_object_are_one_patch() -> None:
    ref = Ref("apps/v1", "Deployment", "a")
    pod = ("spec", "template", "spec")
    changes = (
        Change(ref, (*pod, "containers", Named("x"), "image"), "i", (), ""),
        Change(ref, ("spec", "replicas"), 2, (), ""),
        Change(ref, (*pod, "containers", Named("y"), "env", Named("A"), "value"), "1", (), ""),
        Change(ref, (*pod, "containers", Named("x"), "env", Named("B"), "value"), "2", (), ""),
        Change(ref, (*pod, "containers", Named("x"), "env", Named("C"), "value"), "3", (), ""),
    )
    [patch] = yaml.safe_load(emit("example", Overlay(namespace="a", changes=changes))[KUSTOMIZATION])["patches"]
    assert set(patch) == {"patch"}
    assert yaml.safe_load(patch["patch"]) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "a"},
        "spec": {
            "replicas": 2,
            "template": {
                "spec": {
                    "containers": [
                        {
                            "name": "x",
                            "image": "i",
                            "env": [{"name": "B", "value": "2"}, {"name": "C", "value": "3"}],
                        },
                        {"name": "y", "env": [{"name": "A", "value": "1"}]},
                    ]
                }
            },
        },
    }


# The reader of builds


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("no", False),
        ("on", True),
        ("true", True),
        ("1", 1),
        ("-1", -1),
        ("08", 8.0),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("0x10", 16),
        ("1_000", 1000),
        ("2026-01-01", "2026-01-01"),
        ("<<", "<<"),
        ("=", "="),
        ('"1"', "1"),
        ("12:30:45", "12:30:45"),
    ],
)
def test_parse__types_as_kubectl_means_them(text: str, value: Any) -> None:
    [document] = parse(f"a: {text}\n")
    assert document["a"] == value
    assert type(document["a"]) is type(value)


@pytest.mark.parametrize("text", ["null", "~", ""])
def test_parse__a_key_without_value_is_not_there(text: str) -> None:
    """So Kubernetes reads it; in a list, where the API server has an item of nothing, it stays."""
    assert list(parse(f"a: {{b: {text}, c: 1}}\nd: {text}\ne: [null]\n")) == [{"a": {"c": 1}, "e": [None]}]


def test_parse__several_documents_without_the_empty_ones() -> None:
    assert list(parse("---\n---\na: 1\n---\n# nothing\n---\nb: 2\n")) == [{"a": 1}, {"b": 2}]
    assert list(parse("")) == []


def test_manifest__is_known_by_what_it_says() -> None:
    assert Manifest({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}}).ref == Ref("v1", "Service", "a")
    assert Manifest({}).ref == Ref("", "", "")
    assert Manifest({"metadata": None}).ref == Ref("", "", "")
