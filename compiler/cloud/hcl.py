"""The language of Terraform and OpenTofu as text, laid out as their own formatter does."""

from __future__ import annotations

import json
from collections.abc import Sequence

from compiler.cloud.script import Input

Attribute = tuple[str, str]
"""A name and an expression."""
Part = Attribute | str
"""What stands in a block: an attribute, or the text of a block."""


def text(value: str) -> str:
    """A string that stands for itself."""
    return json.dumps(value, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")


def texts(values: Sequence[str]) -> str:
    """A list of strings."""
    return f"[{', '.join(map(text, values))}]"


def block(head: str, *body: Part) -> str:
    """A block. In: its type and labels as they are written, and what stands in it."""
    lines: list[str] = []
    group: list[Attribute] = []
    for part in (*body, ""):
        if isinstance(part, tuple):
            group.append(part)
            continue
        lines += _aligned(group)
        group = []
        if part:
            lines += ["", *part.rstrip("\n").split("\n")] if lines else part.rstrip("\n").split("\n")
    if not lines:
        return f"{head} {{}}\n"
    inner = "".join(f"  {line}\n" if line else "\n" for line in lines)
    return f"{head} {{\n{inner}}}\n"


def _aligned(group: Sequence[Attribute]) -> list[str]:
    width = max((len(name) for name, _ in group), default=0)
    return [f"{name.ljust(width)} = {value}" for name, value in group]


def resource(kind: str, name: str, *body: Part) -> str:
    """A resource."""
    return block(f'resource "{kind}" "{name}"', *body)


def data(kind: str, name: str, *body: Part) -> str:
    """Something that is looked up."""
    return block(f'data "{kind}" "{name}"', *body)


def variable(given: Input) -> str:
    """A variable, with a default where the environment knows the value."""
    default = [("default", text(given.value))] if given.value is not None else []
    return block(f'variable "{given.name}"', ("description", text(given.what)), ("type", "string"), *default)


def settings(provider: str, source: str, version: str, *body: Part) -> str:
    """Which provider is used, and how it is set up."""
    needed = f"{provider} = {{\n  source  = {text(source)}\n  version = {text(version)}\n}}\n"
    required = block("terraform", ("required_version", text(">= 1.5")), block("required_providers", needed))
    return "\n".join([required, block(f'provider "{provider}"', *body)])


def file(note: str, *parts: str) -> str:
    """A whole file of blocks."""
    return "\n".join([note, *(part for part in parts if part)])
