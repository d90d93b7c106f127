"""YAML text as plain data that still knows where each key and value was written.

The dialect is the core schema of YAML 1.2, without what a small configuration does not need and what makes places
ambiguous: anchors, aliases, tags, merge keys and several documents are refused. Scalars keep the text that was written,
so that `3.10` can still be read as a string where a string is meant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from compiler.diagnostic import Diagnostic, Edit, Finding, Place
from compiler.route import Route, show

MAX_BYTES = 256 * 1024
MAX_DEPTH = 40
MAX_ENTRIES = 10_000

_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]|[\ufffe\uffff]")
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


Span = tuple[Mark, Mark]
"""Where something starts, and where it ends."""


@dataclass(frozen=True)
class Entry:
    """Where the key and the value of a route start and end; `written` is a plain scalar's text, None for anything else."""

    key: Mark
    key_end: Mark
    value: Mark
    value_end: Mark
    written: str | None = None


class Refusal(Exception):
    """The text cannot be read any further."""

    def __init__(self, mark: Mark, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.mark, self.code, self.message, self.hint = mark, code, message, hint
        self.edits: tuple[Edit, ...] = ()


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
        line, edits = self.line(place.line), self._edits(finding)
        return Diagnostic(place, finding.code, finding.message, finding.hint, finding.severity, line, edits)

    def _edits(self, finding: Finding) -> tuple[Edit, ...]:
        """The edit that writes what a finding asks for; none for a scalar of several lines. A key keeps its quotes."""
        entry = self.entries.get(finding.route)
        if finding.instead is None or entry is None:
            return ()
        start, end = (entry.key, entry.key_end) if finding.at_key else (entry.value, entry.value_end)
        if start.line != end.line:
            return ()
        quote = self.line(start.line)[start.column - 1] if finding.at_key else ""
        quote = quote if quote in ("'", '"') else ""
        return (Edit(start.line, start.column, end.line, end.column, f"{quote}{finding.instead}{quote}"),)

    def refuse(self, refusal: Refusal) -> Diagnostic:
        """A refusal with its place in this document."""
        place = Place(self.path, refusal.mark.line, refusal.mark.column)
        line = self.line(place.line)
        return Diagnostic(place, refusal.code, refusal.message, refusal.hint, line=line, edits=refusal.edits)

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
    data = None
    try:
        data = reader.document(_decode(content))
    except Refusal as refusal:
        reader.problems.append(refusal)
    source = Source(path, data, reader.entries, reader.lines)
    problems = [source.refuse(problem) for problem in reader.problems]
    return (None, problems) if problems else (source, [])


def nearest(word: str, known: list[str]) -> str:
    """A hint that names the nearest known word, or what is known when nothing is near."""
    import difflib

    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6) or [
        each for each in known if each.lower() == word.lower()
    ]
    if close:
        return f"did you mean '{close[0]}'?"
    return "known here: " + ", ".join(known) if known else ""


def alike(word: str, known: list[str]) -> str:
    """The one known word that a mistyped one must mean, or nothing: it is very near, and no other is."""
    import difflib

    bare = re.sub(r"[-_ ]", "", word).lower()
    close = {each for each in known if each.lower() == bare} | set(difflib.get_close_matches(word, known, cutoff=0.8))
    return close.pop() if len(close) == 1 else ""


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
        self.lines: tuple[str, ...] = ()
        self.last = Mark(1, 1)
        """Where the last thing that was written ends."""
        self.root: Any = None
        self.entries: dict[Route, Entry] = {}
        self.problems: list[Refusal] = []

    def document(self, text: str) -> Any:
        self.lines = tuple(text.splitlines())
        stack: list[_Container] = []
        documents = 0
        try:
            for event in yaml.parse(text, Loader=_Loader):
                mark, end = _mark(event.start_mark), _mark(event.end_mark)
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
                        route = self._add(stack, data, (mark, mark))
                        stack.append(_Container(route, data, mark, flow=bool(event.flow_style)))
                    case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                        closed = stack.pop()
                        # The parser ends a block only where the next thing starts.
                        self.last = end if closed.flow else self.last
                        self.entries[closed.route] = replace(self.entries[closed.route], value_end=self.last)
                        self._repeated(stack)
                    case yaml.ScalarEvent():
                        self._refuse_extras(event, mark)
                        self._scalar(stack, event, (mark, end))
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

    def _scalar(self, stack: list[_Container], event: Any, span: Span) -> None:
        if stack and stack[-1].expects_key:
            self._key(stack[-1], event.value, span)
            return
        plain = not event.style
        value = _resolve(event.value) if plain else event.value
        self._add(stack, value, span, event.value if plain else None)
        self.last = span[1]
        self._repeated(stack)

    def _key(self, parent: _Container, key: str, span: Span) -> None:
        mark = span[0]
        parent.key, parent.key_span = key, span
        if key == "<<":
            raise Refusal(mark, "alias", "the merge key << is not part of the language", "write the keys out")
        if key in parent.data:
            first = self.entries[(*parent.route, key)]
            message = f"'{show((*parent.route, key))}' is already set on line {first.key.line}"
            refusal = Refusal(mark, "duplicate-key", message, "keep one of the two")
            self.problems.append(refusal)
            parent.repeats = (refusal, first, self.last)

    def _repeated(self, stack: list[_Container]) -> None:
        """Where the value that was just read repeats key and value of an earlier one: the edit that takes it away."""
        repeats = stack[-1].repeats if stack else None
        if repeats is None:
            return
        parent, (refusal, first, before) = stack[-1], repeats
        parent.repeats = None
        entry = self.entries[(*parent.route, parent.last_key)]
        if _between(self.lines, first.value, first.value_end) == _between(self.lines, entry.value, entry.value_end):
            remove = _from_flow if parent.flow else _from_block
            refusal.edits = remove(self.lines, before, entry)

    def _add(self, stack: list[_Container], value: Any, span: Span, written: str | None = None) -> Route:
        """Puts a value where it belongs and returns its route."""
        if len(self.entries) >= MAX_ENTRIES:
            hint = "an environment is a page of settings: put larger things into custom/"
            raise Refusal(span[0], "too-large", f"more than {MAX_ENTRIES} keys and values", hint)
        if not stack:
            self.root = value
            self.entries[()] = Entry(*span, *span, written)
            return ()
        parent = stack[-1]
        if isinstance(parent.data, list):
            parent.data.append(value)
            route: Route = (*parent.route, len(parent.data) - 1)
            self.entries[route] = Entry(*span, *span, written)
            return route
        if parent.key is None:
            raise Refusal(span[0], "yaml-syntax", "a list or mapping cannot be a key", "write key: value")
        route = (*parent.route, parent.key)
        parent.data[parent.key] = value
        self.entries[route] = Entry(*parent.key_span, *span, written)
        parent.last_key, parent.key = parent.key, None
        return route


class _Container:
    """A mapping or list that is being filled; a mapping that has read a key waits for its value."""

    def __init__(self, route: Route, data: dict[str, Any] | list[Any], mark: Mark, *, flow: bool) -> None:
        self.route, self.data, self.flow = route, data, flow
        self.key: str | None = None
        self.key_span: Span = (mark, mark)
        self.last_key = ""
        self.repeats: tuple[Refusal, Entry, Mark] | None = None
        """The complaint about a key that was there already, its first entry, and where the thing before it ends."""

    @property
    def expects_key(self) -> bool:
        return isinstance(self.data, dict) and self.key is None


def _mark(mark: Any) -> Mark:
    return Mark(mark.line + 1, mark.column + 1) if mark else Mark(1, 1)


def _between(lines: tuple[str, ...], start: Mark, end: Mark) -> str:
    """What is written from one mark to another."""
    if start.line == end.line:
        return lines[start.line - 1][start.column - 1 : end.column - 1] if lines else ""
    inner = lines[start.line : end.line - 1]
    last = lines[end.line - 1][: end.column - 1] if end.line <= len(lines) else ""
    return "\n".join([lines[start.line - 1][start.column - 1 :], *inner, last])


def _from_block(lines: tuple[str, ...], before: Mark, entry: Entry) -> tuple[Edit, ...]:
    """Takes an entry out of a block mapping, with its lines, but for a comment at their end."""
    start, end = entry.key, entry.value_end
    if lines[start.line - 1][: start.column - 1].strip(" ") or "#" in _between(lines, start, end) or end.column == 1:
        return ()
    rest = lines[end.line - 1][end.column - 1 :]
    if not rest.strip():
        return (Edit(start.line, 1, end.line + 1, 1, ""),)
    comment = end.column + len(rest) - len(rest.lstrip())
    return (Edit(start.line, start.column, end.line, comment, ""),) if rest.lstrip().startswith("#") else ()


def _from_flow(lines: tuple[str, ...], before: Mark, entry: Entry) -> tuple[Edit, ...]:
    """Takes an entry out of a flow mapping, with the comma before it."""
    start, end = entry.key, entry.value_end
    if "#" in _between(lines, start, end) or _between(lines, before, start).strip() != ",":
        return ()
    return (Edit(before.line, before.column, end.line, end.column, ""),)


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
    lines = text.splitlines()
    if mark and error.context_mark and mark.line >= len(lines):
        # The end of the file is no place to look at: what is not finished there began somewhere.
        mark = error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    if line > len(lines) and text.strip():
        line = max(number for number, each in enumerate(lines, 1) if each.strip())
        end = Mark(line, len(lines[line - 1].rstrip()))
        return Refusal(
            end, "yaml-syntax", "the file ends before this is complete", "close the bracket, or write what follows"
        )
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
