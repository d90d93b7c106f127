"""Plain manifests, read fast: by the parser and the table of words that `source` reads with, without places.

What needs a place to be reported, or is a rarer part of the syntax, is left to `source`.
"""

from __future__ import annotations

from functools import lru_cache
from math import isfinite
from typing import Any

import yaml

from compiler.dialect import MANIFEST

_word = lru_cache(65_536)(MANIFEST.resolve)


def plain(parts: list[str]) -> list[Any] | None:
    """The documents of a file, each the text of one, empty ones left out; None where `source` has to read them."""
    documents = []
    left = MANIFEST.max_values
    for part in parts:
        try:
            data, count = _document(part, left)
        except (yaml.YAMLError, _Rare):
            return None
        left -= count
        if data is not None:
            documents.append(data)
    return documents


class _Rare(Exception):
    """The text holds what only `source` reads: an anchor, a tag, a key of another type than text, a fault."""


_ENDS = (yaml.MappingEndEvent, yaml.SequenceEndEvent)
_VALUES: dict[type, type | None] = {
    yaml.ScalarEvent: None,
    yaml.MappingStartEvent: dict,
    yaml.SequenceStartEvent: list,
    yaml.AliasEvent: None,
}


def _document(text: str, limit: int) -> tuple[Any, int]:
    """The data of a document, and how many values it has. Without recursion, so that no text exhausts the stack."""
    stack: list[Any] = []
    root: Any = None
    top: Any = None
    key: str | None = None
    documents = count = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        kind = type(event)
        if kind in _ENDS:
            top = stack.pop()
            continue
        if kind not in _VALUES:
            documents += kind is yaml.DocumentStartEvent
            continue
        value = _value(event, _VALUES[kind])
        if key is None and type(top) is dict:
            key = _key(event, value, top)
            continue
        count += 1
        if count > limit or documents > 1 or len(stack) > MANIFEST.max_depth:
            raise _Rare
        if top is None:
            root = value
        elif key is None:
            top.append(value)
        else:
            top[key], key = value, None
        if kind is not yaml.ScalarEvent:
            stack.append(top)
            top = value
    return root, count


def _value(event: Any, container: type | None) -> Any:
    """What an event stands for: an empty container, or a scalar."""
    if event.anchor is not None or event.tag is not None:
        raise _Rare
    if container is not None:
        return container()
    if event.style:
        return event.value
    value = _word(event.value)
    if type(value) is float and not isfinite(value):
        raise _Rare
    return value


def _key(event: Any, value: Any, mapping: dict[str, Any]) -> str:
    if type(value) is not str or value in mapping or (value == "<<" and not event.style):
        raise _Rare
    return value
