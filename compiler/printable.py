r"""Text of others as it may be shown: nothing in it steers a terminal, hides, turns round what is beside it, or runs.

A character is shown as an escape (`\x1b`, `\u202e`) unless Unicode calls it printable: control characters, line and paragraph
separators, bidirectional and invisible marks, lone surrogates and noncharacters are not. A line that GitHub's runner would read
as a command is broken up: `::` at its start, also after spaces, and `##[` anywhere
(https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs).
"""

from __future__ import annotations

import json
import re
from typing import Any

BAR = "  | "
"""What stands before each further line of a text, so that it is never taken for a line of the report."""
_OTHER = re.compile(r"[^\x20-\x7e]")
_COMMAND = re.compile(r"^(\s*):(?=:)|#(?=#\[)", re.MULTILINE)
_SUSPECT = re.compile(r"[^\n\x20-\x7e]|::|##\[")
_COLOUR = re.compile("(\033\\[(?:0|1|1;3[13]|3[1236])m)")
"""The colours of reports, as `report.ansi` and `cli.results` write them."""
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def visible(text: str, keep: str = "") -> str:
    """A text whose every character is seen as what it is. In: characters that stay although they are not printable."""
    text = _OTHER.sub(lambda match: _seen(match[0], keep), text)
    return _COMMAND.sub(lambda match: f"{match[1] or ''}\\x3a" if match[1] is not None else "\\x23", text)


def guarded(text: str) -> str:
    """A text with line breaks and colours of its own, and nothing else that is not visible."""
    if not _SUSPECT.search(text):
        return text
    pieces = _COLOUR.split(text)
    return "".join(piece if index % 2 else visible(piece, keep="\n") for index, piece in enumerate(pieces))


def folded(text: str) -> str:
    """A text for a report of lines: its first line, and each further one after a bar."""
    return f"\n{BAR}".join(visible(line) for line in text.rstrip("\n").split("\n"))


def lines(text: str) -> list[str]:
    """The lines of a text, each visible."""
    return [visible(line) for line in text.split("\n")]


def as_json(document: Any, *, indent: int | None = 2) -> str:
    """A document as JSON that says the same, with no character in it that is not visible."""
    written = json.dumps(document, indent=indent, ensure_ascii=False)
    written = _OTHER.sub(lambda match: match[0] if match[0] == "\n" else _in_json(match[0]), written)
    return written.replace("##[", "#\\u0023[")


def _seen(character: str, keep: str) -> str:
    if character.isprintable() or character in keep:
        return character
    number = ord(character)
    if number > 0xFFFF:
        return f"\\U{number:08x}"
    return _SHORT.get(character) or (f"\\x{number:02x}" if number <= 0xFF else f"\\u{number:04x}")


def _in_json(character: str) -> str:
    return character if character.isprintable() else json.dumps(character)[1:-1]
