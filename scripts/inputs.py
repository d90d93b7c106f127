"""Inputs for scripts/fuzz.py: one function a sort, each from a source of chance to the bytes of an environment.

Example: .venv/bin/python scripts/inputs.py --sort hostile --seed 7
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml

from compiler.schema import environment_schema

SUMMARY, _, EXAMPLE = (__doc__ or "").partition("\n\n")
ROOT = Path(__file__).resolve().parent.parent
Sort = Callable[[Random], bytes]

WORDS = (
    *(
        "null",
        "~",
        "yes",
        "off",
        "TRUE",
        "0755",
        "0x1F",
        "1e400",
        ".nan",
        "-.inf",
        "3.10",
        "08",
        "12345e6",
        "<<",
        "=",
        "''",
    ),
    *(
        "*a",
        "&a",
        "!!binary",
        "!<x>",
        "|",
        ">-",
        "? ",
        "- ",
        ": ",
        "#",
        "%YAML 1.1",
        "---",
        "...",
        "{",
        "}",
        "[",
        "]",
        ",",
    ),
    *(
        "\t",
        "\r\n",
        "\u2028",
        "\u0085",
        "\ufeff",
        "\0",
        "\x1b[31m",
        "\u202e",
        "\U0001f600",
        "e\u0301",
        "\ud7ff",
        "\uffff",
    ),
    *("${x}", "$(x)", "{{ x }}", "%s", "../../etc/passwd", "::error::", "]]>", "http://a:b@c", "AKIA" + "A" * 16),
)
"""What a reader of YAML, a shell, a template or a report could trip over."""


@cache
def seeds() -> list[str]:
    """The environments that the project has, valid and not."""
    paths = [
        *ROOT.glob("overlays/*/environment.yaml"),
        *ROOT.glob("tests/cases/*/*.yaml"),
        *ROOT.glob("tests/cases/*/*/*.yaml"),
    ]
    texts = [path.read_bytes() for path in sorted(paths)]
    return [text.decode("utf-8", "replace") for text in texts if len(text) < 5000]


@cache
def valid() -> list[dict[str, Any]]:
    """The environments that compile, as data."""
    paths = [*ROOT.glob("overlays/*/environment.yaml"), *ROOT.glob("tests/cases/valid/*.yaml")]
    return [yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader) for path in sorted(paths)]  # noqa: S506 - all text


def changed_bytes(chance: Random) -> bytes:
    """An environment in which bytes are changed, taken away, put in or repeated."""
    content = bytearray(chance.choice(seeds()).encode())
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(content) + 1)
        stretch = bytes(content[at : at + chance.randint(1, 20)])
        content[at : at + chance.choice((0, 0, 1, 5))] = chance.choice((bytes([chance.randrange(256)]), stretch, b""))
    return bytes(content)


def changed_tokens(chance: Random) -> bytes:
    """An environment in which words are changed for others, swapped or repeated."""
    tokens = re.findall(r"\w+|\s+|[^\w\s]", chance.choice(seeds()))
    known = [*WORDS, *chance.sample(keys(), 5)]
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(tokens) + 1)
        tokens[at : at + chance.choice((0, 1, 1, 2))] = chance.choices([*known, *tokens], k=chance.choice((0, 1, 1, 3)))
    return "".join(tokens).encode("utf-8", "surrogatepass")


def changed_trees(chance: Random) -> bytes:
    """An environment that compiles, with keys of the language put in, moved, taken away or given other values."""
    data = yaml.safe_load(yaml.safe_dump(chance.choice(valid())))
    for _ in range(chance.randint(1, 4)):
        _edit_tree(data, environment_schema(), chance)
    return _dumped(data, chance)


def fitting(chance: Random) -> bytes:
    """An environment made from the schema, key by key: most of what it says fits."""
    schema = environment_schema()
    data = dict(chance.choice(valid()))
    for key in chance.sample(sorted(schema["properties"]), chance.randint(0, 6)):
        if key != "overlay":
            data[key] = _fitting(schema["properties"][key], chance)
    return _dumped(data, chance)


def random_yaml(chance: Random) -> bytes:
    """YAML of any shape."""
    return _dumped(_anything(chance, chance.randint(0, 5)), chance)


def hostile(chance: Random) -> bytes:
    """What is made to break a reader: deep, wide, long, repeated, or not text at all."""
    many = chance.choice((10, 100, 5000, 60_000))
    word = chance.choice(WORDS)
    head = "overlay: minio-postgres\n"
    text = chance.choice(
        (
            lambda: "[" * many,
            lambda: "{a: " * many,
            lambda: "".join(f"{' ' * n}a:\n" for n in range(min(many, 400))),
            lambda: "- " * many + "a",
            lambda: "a: &a [x]\n" + "".join(f"b{n}: &b{n} [*a, *a, *a]\n" for n in range(min(many, 900))),
            lambda: head + "host: " + word * many,
            lambda: head + f'host: "{word * min(many, 9000)}"\n',
            lambda: head + "".join(f"k{n}: {word}\n" for n in range(min(many, 9000))),
            lambda: head + "".join(f"replica{n % 7}: 1\n" for n in range(min(many, 9000))),
            lambda: head + "replicas: " + "9" * many,
            lambda: head + "mlflow:\n  args: [" + ", ".join([word] * min(many, 9000)) + "]\n",
            lambda: head + "mlflow:\n  env:\n" + "".join(f"    K{n}: {word}\n" for n in range(min(many, 5000))),
            lambda: head + "#" + word * many,
            lambda: head + "x: |\n" + f"  {word}\n" * min(many, 9000),
            lambda: head + "? " * min(many, 9000) + "a",
            lambda: head + "\n" * many,
            lambda: head * min(many, 9000),
            lambda: word * many,
            lambda: chance.choice(seeds()) + "\n---\n" + chance.choice(seeds()),
        )
    )()
    wrap = chance.choice(("utf-8", "utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-32", "latin-1"))
    return text[: 300 * 1024].encode(wrap, "replace" if wrap == "latin-1" else "surrogatepass")


def patterns(chance: Random) -> bytes:
    """A long, nearly fitting text at every key that has a pattern: what makes a careless pattern run for ever."""
    route, pattern = chance.choice(list(_patterns(environment_schema())))
    letters = sorted(set(re.sub(r"[\\^$?*+(){}\[\]|]", "", pattern))) or ["a"]
    piece = "".join(chance.choices([*letters, "a", "0", "-", ".", "/", ":", "_"], k=chance.randint(1, 4)))
    text = (piece * chance.choice((3, 30, 300, 30_000)))[:100_000] + chance.choice(("", "!", "\n", " ", "-", "\u00e9"))
    data: dict[str, Any] = {"overlay": chance.choice(("minio-postgres", "aws-keys", "eks-irsa"))}
    here = data
    for step in route[:-1]:
        here = here.setdefault(step, {})
    here[route[-1]] = text if chance.random() < 0.8 else [text]
    return _dumped(data, chance)


SORTS: dict[str, Sort] = {
    "bytes": changed_bytes,
    "tokens": changed_tokens,
    "trees": changed_trees,
    "fitting": fitting,
    "yaml": random_yaml,
    "hostile": hostile,
    "patterns": patterns,
}


@cache
def keys() -> list[str]:
    """Every key of the language."""
    return sorted(set(_keys(environment_schema())))


def _keys(schema: dict[str, Any]) -> Iterator[str]:
    for key, inner in schema.get("properties", {}).items():
        yield key
        yield from _keys(inner)


def _patterns(schema: dict[str, Any], route: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    if "pattern" in schema and route:
        yield route, schema["pattern"]
    for key, inner in schema.get("properties", {}).items():
        yield from _patterns(inner, (*route, key))
    items = schema.get("items")
    if isinstance(items, dict) and "pattern" in items:
        yield route, items["pattern"]


def _edit_tree(data: dict[str, Any], schema: dict[str, Any], chance: Random) -> None:
    """Changes one key of a mapping, or of one below it."""
    below = [key for key, value in data.items() if isinstance(value, dict)]
    if below and chance.random() < 0.5:
        key = chance.choice(below)
        inner = schema.get("properties", {}).get(key, {})
        _edit_tree(data[key], inner, chance)
        return
    known = sorted(schema.get("properties", {})) or keys()
    key = chance.choice([*data, *known, chance.choice(keys())])
    choice = chance.random()
    if choice < 0.2:
        data.pop(key, None)
    elif choice < 0.7 and key in schema.get("properties", {}):
        data[key] = _fitting(schema["properties"][key], chance)
    elif choice < 0.8:
        data[key[:-1] + chance.choice("xs_")] = data.pop(key, "1")
    else:
        data[key] = _anything(chance, 2)


def _fitting(schema: dict[str, Any], chance: Random) -> Any:
    """A value that fits a schema, mostly."""
    if chance.random() < 0.03:
        return _anything(chance, 1)
    for known in ("enum", "examples"):
        if schema.get(known) and (known == "enum" or chance.random() < 0.7):
            return chance.choice(schema[known])
    if "default" in schema and chance.random() < 0.4:
        return schema["default"]
    match schema.get("type"):
        case "object":
            properties = schema.get("properties", {})
            chosen = chance.sample(sorted(properties), chance.randint(0, len(properties)))
            found = {key: _fitting(properties[key], chance) for key in chosen}
            return found or {chance.choice(("A", "b.c/d", "X_Y")): "v"}
        case "array":
            return [_fitting(schema.get("items", {}), chance) for _ in range(chance.randint(0, 3))]
        case "integer":
            return chance.randint(schema.get("minimum", 0), min(schema.get("maximum", 9), 99))
        case "boolean":
            return chance.random() < 0.5
        case _:
            return chance.choice(("a", "abc-1", "10Gi", "512Mi", "1", "acme.example", "x" * 63, "db.acme.example"))


def _anything(chance: Random, depth: int) -> Any:
    if depth and chance.random() < 0.6:
        size = chance.randint(0, 4)
        if chance.random() < 0.5:
            return [_anything(chance, depth - 1) for _ in range(size)]
        return {str(chance.choice([*keys(), *WORDS])): _anything(chance, depth - 1) for _ in range(size)}
    return chance.choice(
        (None, True, -1, 0, 1.5, 10**30, "", chance.choice(WORDS), chance.choice(WORDS) * 50, chance.choice(keys()))
    )


def _dumped(data: Any, chance: Random) -> bytes:
    """Data as YAML in one of its styles."""
    text = yaml.safe_dump(
        data,
        default_flow_style=chance.choice((True, False, None)),
        allow_unicode=chance.random() < 0.5,
        default_style=chance.choice((None, None, None, '"', "'", "|")),
        width=chance.choice((20, 80, 10**6)),
        sort_keys=False,
    )
    return str(text).encode("utf-8", "surrogatepass")


def main() -> None:
    """Prints one input of a sort."""
    parser = argparse.ArgumentParser(description=SUMMARY, epilog=EXAMPLE)
    parser.add_argument("--sort", choices=SORTS, default="tokens", help="what to change in which way")
    parser.add_argument("--seed", default="0", help="the same seed makes the same input; fuzz.py names them")
    arguments = parser.parse_args()
    sys.stdout.buffer.write(SORTS[arguments.sort](Random(arguments.seed)))  # noqa: S311 - chance that can be repeated


if __name__ == "__main__":
    main()
