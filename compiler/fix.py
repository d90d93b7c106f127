"""Puts right what has one right answer, in the text as it was written: everything else in the file stays as it is."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from compiler.diagnostic import Diagnostic, Edit

MAX_ROUNDS = 8
"""A key that is put right may uncover what is wrong below it, as deep as the language goes."""

Judge = Callable[[bytes], list[Diagnostic]]
"""What is wrong with a text."""


@dataclass(frozen=True)
class Fixed:
    """A text, and what was put right to come to it."""

    content: bytes
    diagnostics: tuple[Diagnostic, ...] = ()


def fix(content: bytes, judge: Judge) -> Fixed:
    """Puts right all that can be. Out: the new text, with the diagnostics that it answers, in the order of the work."""
    done = Fixed(content)
    for _ in range(MAX_ROUNDS):
        chosen = compatible(judge(done.content))
        if not chosen:
            break
        text = apply(done.content, [edit for each in chosen for edit in each.edits])
        if any(each.code == "yaml-syntax" for each in judge(text)):
            break
        done = Fixed(text, (*done.diagnostics, *chosen))
    return done


def compatible(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Those with edits, without any that touches a stretch that an earlier one changes."""
    chosen: list[Diagnostic] = []
    for each in diagnostics:
        taken = [edit for other in chosen for edit in other.edits]
        if each.edits and not any(_overlap(one, other) for one in each.edits for other in taken):
            chosen.append(each)
    return chosen


def _overlap(one: Edit, other: Edit) -> bool:
    return (one.line, one.column) < (other.end_line, other.end_column) and (other.line, other.column) < (
        one.end_line,
        one.end_column,
    )


def apply(content: bytes, edits: Sequence[Edit]) -> bytes:
    """A text after edits that do not overlap. In: UTF-8, with or without a byte order mark, which stays."""
    mark = BOM_UTF8 if content.startswith(BOM_UTF8) else b""
    text = content.removeprefix(mark).decode()
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    # From the last to the first, so that the places of those to come still hold.
    for edit in sorted(edits, reverse=True):
        start = _offset(starts, edit.line, edit.column)
        text = text[:start] + edit.text + text[_offset(starts, edit.end_line, edit.end_column) :]
    return mark + text.encode()


def _offset(starts: Sequence[int], line: int, column: int) -> int:
    """Where a line and column stand in the text; past the last line is its end."""
    return starts[line - 1] + column - 1 if line <= len(starts) else starts[-1]
