"""Data as block YAML that every reader takes for the same: what overlays, and the texts inside of them, are written in."""

from __future__ import annotations

import re
from typing import Any

import yaml

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_LINES = re.compile(r"[!-~](?:[ -~]*[!-~])?(?:\n *[!-~](?:[ -~]*[!-~])?)+")
"""Lines of printable text, none of them empty, with nothing before the first and after each."""
_WIDTH = 2**31 - 1
"""No line is folded: the most that libyaml takes."""
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


class _Dumper(yaml.CSafeDumper):
    """Every string in double quotes, so that Go reads it as Python meant it; keys plain where nobody could misread them."""

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:  # noqa: FBT001
        node = super().represent_mapping(tag, mapping, flow_style)
        for key, _ in node.value:
            if _PLAIN_KEY.fullmatch(key.value) and key.value.lower() not in _WORDS:
                key.style = None
        return node

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _string(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    # Several lines are read more easily as they are, where nothing in them could be lost.
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if _LINES.fullmatch(value) else '"')


_Dumper.add_representer(str, _string)


def dump(data: Any) -> str:
    """Data as block YAML that YAML 1.1 and 1.2 read alike."""
    return str(yaml.dump(data, Dumper=_Dumper, sort_keys=False, width=_WIDTH, allow_unicode=True))


def inside(data: Any) -> str:
    """Data as a text that stands inside other YAML, where the break at its end would be lost in some places and not in others."""
    return dump(data).removesuffix("\n")
