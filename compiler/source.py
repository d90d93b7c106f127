"""YAML text as plain data that still knows where each key and value was written.

The dialect is the core schema of YAML 1.2, without what a small configuration does not need and what makes places
ambiguous: anchors, aliases, tags, merge keys and several documents are refused. Scalars keep the text that was written,
so that `3.10` can still be read as a string where a string is meant.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from compiler.diagnostic import Diagnostic, Finding, Place
from compiler.route import Route, show

MAX_BYTES = 256 * 1024
MAX_DEPTH = 40

_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What YAML 1.2 does not let stand in a text, section 5.1."""
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@dataclass(frozen=True)
class Mark:
    """A line and a column, from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Entry:
    """Where the key and the value of a route start; `written` is a plain scalar's text, None for anything else."""

    key: Mark
    value: Mark
    written: str | None = None


class Refusal(Exception):
    """The text cannot be read any further."""

    def __init__(self, mark: Mark, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.mark, self.code, self.message, self.hint = mark, code, message, hint


@dataclass(frozen=True)
class Source:
    """A document that was read: its path for reports, its data, and an entry for each route."""

    path: str
    data: Any
    entries: dict[Route, Entry] = field(repr=False)
    lines: tuple[str, ...] = field(default=(), repr=False)

    def locate(self, route: Route, *, at_key: bool = False) -> Place:
        """The place of a route, or of its nearest parent that was written."""
        for length in range(len(route), -1, -1):
            entry = self.entries.get(route[:length])
            if entry is not None:
                mark = entry.key if at_key or length < len(route) else entry.value
                return Place(self.path, mark.line, mark.column)
        return Place(self.path, 1, 1)

    def written(self, route: Route) -> str | None:
        """The text of the plain scalar at a route, before it was taken for a number, a truth value or nothing."""
        entry = self.entries.get(route)
        return entry.written if entry else None

    def diagnose(self, finding: Finding) -> Diagnostic:
        """A finding with its place in this document."""
        place = self.locate(finding.route, at_key=finding.at_key)
        return Diagnostic(place, finding.code, finding.message, finding.hint, finding.severity, self.line(place.line))

    def refuse(self, refusal: Refusal) -> Diagnostic:
        """A refusal with its place in this document."""
        place = Place(self.path, refusal.mark.line, refusal.mark.column)
        return Diagnostic(place, refusal.code, refusal.message, refusal.hint, line=self.line(place.line))

    def line(self, number: int) -> str:
        """The text of a line, counted from 1; empty where there is none."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""


class _Loader(yaml.CSafeLoader):
    """libyaml's parser with no implicit types: the core schema is applied here."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own protocol


def read(path: str, content: bytes) -> tuple[Source | None, list[Diagnostic]]:
    """Reads a document. In: its path for reports, its bytes. Out: the source, or None with the reasons.

    Duplicate keys are all reported together; what breaks the syntax is reported alone, because nothing after it is certain.
    """
    reader = _Reader()
    lines: tuple[str, ...] = ()
    data = None
    try:
        text = _decode(content)
        lines = tuple(text.splitlines())
        data = reader.document(text)
    except Refusal as refusal:
        reader.problems.append(refusal)
    source = Source(path, data, reader.entries, lines)
    problems = [source.refuse(problem) for problem in reader.problems]
    return (None, problems) if problems else (source, [])


def nearest(word: str, known: list[str]) -> str:
    """A hint that names the nearest known word, or what is known when nothing is near."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6) or [
        each for each in known if each.lower() == word.lower()
    ]
    if close:
        return f"did you mean '{close[0]}'?"
    return "known here: " + ", ".join(known) if known else ""


def _decode(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        size = f"{len(content) / 1024:.0f} KiB"
        raise Refusal(
            Mark(1, 1),
            "too-large",
            f"the file is {size}; an environment has at most {MAX_BYTES // 1024} KiB",
            "an environment is a page of settings: put larger things into custom/",
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line_start = before.rfind(b"\n") + 1
        mark = Mark(before.count(b"\n") + 1, len(before[line_start:].decode("utf-8", "replace")) + 1)
        raise Refusal(mark, "not-utf8", "this is not UTF-8 text", "save the file as UTF-8") from None
    unprintable = _UNPRINTABLE.search(text)
    if unprintable:
        lines = text[: unprintable.start()].split("\n")
        raise Refusal(
            Mark(len(lines), len(lines[-1]) + 1),
            "yaml-syntax",
            f"the control character U+{ord(unprintable.group()):04X} cannot stand in YAML",
            "this does not look like a text file" if "\0" in text else "remove it",
        )
    return text


class _Reader:
    """Builds data and entries from the parser's events, one document, without recursion."""

    def __init__(self) -> None:
        self.root: Any = None
        self.entries: dict[Route, Entry] = {}
        self.problems: list[Refusal] = []

    def document(self, text: str) -> Any:
        stack: list[_Container] = []
        documents = 0
        try:
            for event in yaml.parse(text, Loader=_Loader):
                start = event.start_mark
                mark = Mark(start.line + 1, start.column + 1) if start else Mark(1, 1)
                match event:
                    case yaml.DocumentStartEvent():
                        documents += 1
                        if documents > 1:
                            raise Refusal(
                                mark, "several-documents", "a second document starts here", "one file, one environment"
                            )
                    case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                        self._refuse_extras(event, mark)
                        if len(stack) >= MAX_DEPTH:
                            raise Refusal(mark, "too-deep", f"nested more than {MAX_DEPTH} levels deep")
                        data: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
                        stack.append(_Container(self._add(stack, data, mark), data, mark))
                    case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                        stack.pop()
                    case yaml.ScalarEvent():
                        self._refuse_extras(event, mark)
                        self._scalar(stack, event, mark)
                    case yaml.AliasEvent():
                        raise Refusal(
                            mark,
                            "alias",
                            f"the alias *{event.anchor} is not part of the language",
                            "write the value out",
                        )
                    case _:
                        pass
        except yaml.MarkedYAMLError as error:
            raise _syntax(error, text) from None
        return self.root

    def _refuse_extras(self, event: Any, mark: Mark) -> None:
        if event.anchor is not None:
            raise Refusal(
                mark,
                "alias",
                f"the anchor &{event.anchor} is not part of the language",
                "write the value where it is used",
            )
        if event.tag is not None:
            raise Refusal(
                mark, "tag", f"the tag {event.tag} is not part of the language", "remove it; quote what is a string"
            )

    def _scalar(self, stack: list[_Container], event: Any, mark: Mark) -> None:
        if stack and stack[-1].expects_key:
            self._key(stack[-1], event.value, mark)
            return
        plain = not event.style
        value = _resolve(event.value) if plain else event.value
        self._add(stack, value, mark, event.value if plain else None)

    def _key(self, parent: _Container, key: str, mark: Mark) -> None:
        parent.key, parent.key_mark = key, mark
        if key == "<<":
            raise Refusal(mark, "alias", "the merge key << is not part of the language", "write the keys out")
        if key in parent.data:
            first = self.entries[(*parent.route, key)].key.line
            message = f"'{show((*parent.route, key))}' is already set on line {first}"
            self.problems.append(Refusal(mark, "duplicate-key", message, "keep one of the two"))

    def _add(self, stack: list[_Container], value: Any, mark: Mark, written: str | None = None) -> Route:
        """Puts a value where it belongs and returns its route."""
        if not stack:
            self.root = value
            self.entries[()] = Entry(mark, mark, written)
            return ()
        parent = stack[-1]
        if isinstance(parent.data, list):
            parent.data.append(value)
            route: Route = (*parent.route, len(parent.data) - 1)
            self.entries[route] = Entry(mark, mark, written)
            return route
        if parent.key is None:
            raise Refusal(mark, "yaml-syntax", "a list or mapping cannot be a key", "write key: value")
        route = (*parent.route, parent.key)
        parent.data[parent.key] = value
        self.entries[route] = Entry(parent.key_mark, mark, written)
        parent.key = None
        return route


class _Container:
    """A mapping or list that is being filled; a mapping that has read a key waits for its value."""

    def __init__(self, route: Route, data: dict[str, Any] | list[Any], mark: Mark) -> None:
        self.route, self.data = route, data
        self.key: str | None = None
        self.key_mark = mark

    @property
    def expects_key(self) -> bool:
        return isinstance(self.data, dict) and self.key is None


def _resolve(text: str) -> Any:
    """A plain scalar by the core schema of YAML 1.2: `no` is a string, `0755` is seven hundred and fifty-five."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return int(text[2:] if base != 10 else text, base) if len(text) < 100 else text
    if _FLOAT.fullmatch(text):
        return float(text)
    if _SPECIAL.fullmatch(text):
        return float(text.lower().replace(".", ""))
    return text


def _syntax(error: yaml.MarkedYAMLError, text: str) -> Refusal:
    problem = error.problem or "the text is not YAML"
    unclosed = "expected ',' or" in problem and error.context_mark is not None
    mark = error.context_mark if unclosed else error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    lines = text.split("\n")
    written = lines[line - 1] if line <= len(lines) else ""
    hint = ""
    if unclosed:
        problem, hint = "the bracket that opens here is not closed", "close it, and put a comma between two entries"
    elif "\t" in written[: len(written) - len(written.lstrip())] or written[column - 1 : column] == "\t":
        problem, hint = "a tab cannot indent YAML", "use spaces"
    elif "mapping values are not allowed" in problem:
        problem, hint = "a second ': ' stands in this line", "quote the value if the colon belongs to it"
    elif "could not find expected ':'" in problem:
        problem, hint = "this key has no ': ' after it", "write key: value"
    return Refusal(Mark(line, column), "yaml-syntax", problem, hint)
