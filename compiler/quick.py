"""Plain manifests, read fast: where all readers of YAML agree, a faster one is as good as the one that knows places.

A text that could mean something else to kubectl, by YAML 1.1 or by a rarer part of the syntax, is left to `source`.
"""

from __future__ import annotations

import re
from typing import Any

_CONTROL = re.compile(r"[\t\r\x00-\x08\x0b-\x1f\x7f]|\n---[^\n]|\n\.\.\.|\\u[dD][89a-fA-F]|\|\s*\Z")
"""Tabs, what cannot stand in YAML, what stands beside a separator, halves of characters, and a text of nothing at the end."""
_FLOW = str.maketrans("[]{},", "     ")
_SUSPECT = re.compile(
    r"(?:[yYnN]|[yY]es|YES|[nN]o|NO|[oO]n|ON|[oO]ff|OFF):?\Z"  # truth by YAML 1.1
    r"|[-+]?(?:0[0-9xXoObB_]|[0-9]+_|[0-9.]+[eE]|[0-9]{17}|[0-9]{4}-[0-9]|\.[0-9iInN])"  # other numbers, and dates
    r"|[-+]?(?:[0-9]+|[0-9]+\.[0-9]*):\Z|(?:true|True|TRUE|false|False|FALSE|null|Null|NULL|~):\Z|:"  # keys of other types
    r"|[-+]?[0-9]+:[0-9]|\+|<<|[&*!?%@`>]|\|[-+0-9]"  # base 60, merge keys, anchors, tags, folded and indented text
)


def plain(text: str) -> list[Any] | None:
    """The documents of a text, empty ones left out; None where it is not plain, or wrong."""
    if not text.isascii() or _CONTROL.search(text) or any(map(_SUSPECT.match, set(text.translate(_FLOW).split()))):
        return None
    import yaml_rs

    try:
        documents = yaml_rs.loads(text, parse_datetime=False)
    except ValueError:
        return None
    # Several documents come as a list, and so does a single one that is a list.
    found = [each for each in (documents if isinstance(documents, list) else [documents]) if each is not None]
    return found if all(type(each) is dict for each in found) else None
