"""Puts right what has one right answer, in the text as it was written: everything else in the file stays as it is."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

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
    """Those with edits, in the order of the text, without any that touches a stretch that one before it changes."""
    chosen: list[Diagnostic] = []
    end = (0, 0)
    for each in sorted((each for each in diagnostics if each.edits), key=lambda each: sorted(each.edits)):
        if min((edit.line, edit.column) for edit in each.edits) >= end:
            chosen.append(each)
            end = max((edit.end_line, edit.end_column) for edit in each.edits)
    return chosen


def apply(content: bytes, edits: Sequence[Edit]) -> bytes:
    """A text after edits that do not overlap. In: UTF-8, with or without a byte order mark, which stays."""
    mark = BOM_UTF8 if content.startswith(BOM_UTF8) else b""
    text = content.removeprefix(mark).decode()
    starts = [0, *accumulate(len(line) for line in text.splitlines(keepends=True))]
    pieces, done = [], 0
    for edit in sorted(edits):
        pieces += [text[done : _offset(starts, edit.line, edit.column)], edit.text]
        done = _offset(starts, edit.end_line, edit.end_column)
    return mark + "".join([*pieces, text[done:]]).encode()


def _offset(starts: Sequence[int], line: int, column: int) -> int:
    """Where a line and column stand in the text; past the last line is its end."""
    return starts[line - 1] + column - 1 if line <= len(starts) else starts[-1]
