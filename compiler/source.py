"""YAML text as plain data that still knows where each key and value was written.

The dialect says what may stand there. A small configuration needs no anchors, aliases, tags, merge keys or several documents,
and they make places ambiguous, so an environment is refused with them; a file of manifests is read with them. Scalars keep the
text that was written, so that `3.10` can still be read as a string where a string is meant.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any

import yaml

from compiler.diagnostic import Diagnostic, Edit, Finding, Place
from compiler.dialect import ENVIRONMENT, MANIFEST, Dialect
from compiler.route import Route, show
from compiler.secrecy import secret_lines

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]|[\ufffe\uffff]")
"""What YAML 1.2 does not let stand in a text, section 5.1."""
_SEPARATOR = re.compile(r"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
_TAGS: dict[str, Any] = {
    "tag:yaml.org,2002:int": int,
    "tag:yaml.org,2002:float": (int, float),
    "tag:yaml.org,2002:bool": bool,
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

    def __init__(self, mark: Mark, code: str, message: str, hint: str = "", value: str = "") -> None:
        super().__init__(message)
        self.mark, self.code, self.message, self.hint, self.value = mark, code, message, hint, value
        """`value` is what the message repeats of the text."""
        self.edits: tuple[Edit, ...] = ()


@dataclass(frozen=True)
class Source:
    """A document that was read: its path for reports, its data, and an entry for each route."""

    path: str
    data: Any
    entries: dict[Route, Entry] = field(repr=False)
    lines: tuple[str, ...] = field(default=(), repr=False)
    aliases: dict[Route, Route] = field(default_factory=dict, repr=False)
    """Routes that an alias or merge key fills, and the routes where their values are written."""
    hidden: frozenset[int] = field(default=frozenset(), repr=False)
    """Lines that no report shows."""

    def locate(self, route: Route, *, at_key: bool = False) -> Place:
        """The place of a route, or of its nearest parent that was written."""
        route = self._written(route)
        for length in range(len(route), -1, -1):
            entry = self.entries.get(route[:length])
            if entry is not None:
                mark = entry.key if at_key or length < len(route) else entry.value
                return Place(self.path, mark.line, mark.column)
        return Place(self.path, 1, 1)

    def written(self, route: Route) -> str | None:
        """The text of the plain scalar at a route, before it was taken for a number, a truth value or nothing."""
        entry = self.entries.get(self._written(route))
        return entry.written if entry else None

    def _written(self, route: Route) -> Route:
        """Where the value of a route is written: elsewhere, below an alias."""
        for length in range(len(route), 0, -1) if self.aliases else ():
            anchored = self.aliases.get(route[:length])
            if anchored is not None and length < len(route):
                return self._written((*anchored, *route[length:]))
        return route

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
        quote = self.lines[start.line - 1][start.column - 1] if finding.at_key else ""
        quote = quote if quote in ("'", '"') else ""
        return (Edit(start.line, start.column, end.line, end.column, f"{quote}{finding.instead}{quote}"),)

    def refuse(self, refusal: Refusal) -> Diagnostic:
        """A refusal with its place in this document."""
        place = Place(self.path, refusal.mark.line, refusal.mark.column)
        message = refusal.message
        if refusal.value and place.line in self.hidden:
            message = message.replace(refusal.value, "***")
        line = self.line(place.line)
        return Diagnostic(place, refusal.code, message, refusal.hint, line=line, edits=refusal.edits)

    def line(self, number: int) -> str:
        """The text of a line, counted from 1, for a report; empty where there is none, or one that is not shown."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) and number not in self.hidden else ""


class _Loader(yaml.CSafeLoader):
    """libyaml's parser with no implicit types: the core schema is applied here."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own protocol


def read(path: str, content: bytes) -> tuple[Source | None, list[Diagnostic]]:
    """Reads an environment. In: its path for reports, its bytes. Out: the source, or None with the reasons.

    Duplicate keys are all reported together; what breaks the syntax is reported alone, because nothing after it is certain.
    """
    try:
        text = decode(content, ENVIRONMENT)
    except Refusal as refusal:
        return None, [Source(path, None, {}).refuse(refusal)]
    return _document(path, text, tuple(text.splitlines()), ENVIRONMENT, 0)


def read_all(
    path: str, text: str, before: int = 0, lines: tuple[str, ...] = ()
) -> tuple[list[Source], list[Diagnostic]]:
    """Reads the documents of a file of manifests, which `decode` gave as text. Empty ones are left out.

    What is wrong in one document does not keep the others from being read. For a part of a file, `before` is the number of
    lines before it and `lines` are those of the file.
    """
    lines = lines or tuple(text.split("\n"))
    sources: list[Source] = []
    problems: list[Diagnostic] = []
    for offset, part in chunks(text):
        source, found = _document(path, part, lines, MANIFEST, before + offset)
        problems += found
        if source is not None and source.data is not None:
            sources.append(source)
    return sources, problems


def chunks(text: str) -> list[tuple[int, str]]:
    """The documents of a text as kubectl cuts them, at lines of `---`, each with the number of lines before it."""
    starts = [0, *(match.start() for match in _SEPARATOR.finditer(text) if match.start())]
    found, before = [], 0
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        part = text[start:end]
        # Directives stand before the document that they are about.
        if not _only_directives(part):
            found.append((before, part))
        before += part.count("\n")
    return found


def _only_directives(part: str) -> bool:
    lines = [line for line in part.split("\n") if line.strip() and not line.startswith("#")] if part[:1] in "%#" else []
    return bool(lines) and all(line.startswith("%") for line in lines)


def _document(
    path: str, text: str, lines: tuple[str, ...], dialect: Dialect, offset: int
) -> tuple[Source | None, list[Diagnostic]]:
    reader = _Reader(dialect, lines, offset)
    data = None
    try:
        data = reader.document(text)
    except Refusal as refusal:
        reader.problems.append(refusal)
    hidden = secret_lines(lines) if dialect.extras else frozenset()
    source = Source(path, data, reader.entries, lines, reader.aliases, hidden)
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


_VERY_NEAR = 0.2
"""The share of two words that may differ where the one must mean the other."""


def alike(word: str, known: list[str]) -> str:
    """The one known word that a mistyped one must mean, or nothing: it is very near, and no other is half as near."""
    import difflib

    bare = re.sub(r"[-_ ]", "", word).lower()
    away = {
        each: 0.0 if each.lower() == bare else 1 - difflib.SequenceMatcher(None, word, each).ratio() for each in known
    }
    close = sorted((each for each in away if away[each] <= _VERY_NEAR), key=lambda each: away[each])
    return close[0] if close and all(away[close[0]] * 2 < away[each] for each in close[1:]) else ""


def decode(content: bytes, dialect: Dialect) -> str:
    """The text of a file. Raises `Refusal` where it is too large, not UTF-8, or holds what cannot stand in YAML."""
    if len(content) > dialect.max_bytes:
        size = f"{len(content) / 1024:.0f} KiB"
        raise Refusal(
            Mark(1, 1),
            "too-large",
            f"the file is {size}; {dialect.what} has at most {dialect.max_bytes // 1024} KiB",
            dialect.smaller,
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

    def __init__(self, dialect: Dialect, lines: tuple[str, ...], offset: int) -> None:
        self.dialect, self.lines, self.offset = dialect, lines, offset
        self.last = Mark(1, 1)
        """Where the last thing that was written ends."""
        self.root: Any = None
        self.entries: dict[Route, Entry] = {}
        self.problems: list[Refusal] = []
        self.aliases: dict[Route, Route] = {}
        self.anchors: dict[str, tuple[Route, Any, int]] = {}
        self.values = 0

    def document(self, text: str) -> Any:
        stack: list[_Container] = []
        documents = 0
        try:
            for event in yaml.parse(text, Loader=_Loader):
                mark, end = self._mark(event.start_mark), self._mark(event.end_mark)
                match event:
                    case yaml.DocumentStartEvent():
                        documents += 1
                        if documents > 1:
                            raise self._second(mark)
                    case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                        self._refuse_extras(event, mark)
                        if len(stack) >= self.dialect.max_depth:
                            raise Refusal(mark, "too-deep", f"nested more than {self.dialect.max_depth} levels deep")
                        data: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
                        before = self.values
                        route = self._add(stack, data, (mark, mark))
                        opened = _Container(route, data, mark, flow=bool(event.flow_style))
                        opened.anchor, opened.before = event.anchor, before
                        stack.append(opened)
                    case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                        closed = stack.pop()
                        # The parser ends a block only where the next thing starts.
                        self.last = end if closed.flow else self.last
                        self.entries[closed.route] = replace(self.entries[closed.route], value_end=self.last)
                        self._close(closed)
                        self._repeated(stack)
                    case yaml.ScalarEvent():
                        self._refuse_extras(event, mark)
                        self._refuse_long(event.value, mark)
                        self._scalar(stack, event, (mark, end))
                    case yaml.AliasEvent():
                        self._alias(stack, event, (mark, end))
                    case _:
                        pass
        except yaml.MarkedYAMLError as error:
            raise _syntax(error, text, self.offset) from None
        return self.root

    def _mark(self, mark: Any) -> Mark:
        return Mark(mark.line + 1 + self.offset, mark.column + 1) if mark else Mark(1, 1)

    def _second(self, mark: Mark) -> Refusal:
        if self.dialect.extras:
            hint = "kubectl reads documents that a line of --- separates, and would silently pass over this one"
        else:
            hint = "one file, one environment"
        return Refusal(mark, "several-documents", "a second document starts here", hint)

    def _refuse_extras(self, event: Any, mark: Mark) -> None:
        if self.dialect.extras:
            return
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

    def _refuse_long(self, text: str, mark: Mark) -> None:
        most = self.dialect.max_text
        if len(text) > most:
            message = f"a text of {len(text)} characters; {self.dialect.what} has none of more than {most}"
            raise Refusal(mark, "too-large", message, self.dialect.smaller)

    def _alias(self, stack: list[_Container], event: Any, span: Span) -> None:
        mark = span[0]
        if not self.dialect.extras:
            message = f"the alias *{event.anchor} is not part of the language"
            raise Refusal(mark, "alias", message, "write the value out")
        if stack and stack[-1].expects_key:
            raise Refusal(mark, "yaml-syntax", "an alias cannot be a key", "write the key out")
        if event.anchor not in self.anchors:
            raise Refusal(
                mark,
                "yaml-syntax",
                f"nothing before this is called &{event.anchor}",
                "an anchor comes first",
                event.anchor,
            )
        anchored, data, size = self.anchors[event.anchor]
        self.values += size
        self.aliases[self._add(stack, data, span)] = anchored
        self.last = span[1]
        self._repeated(stack)

    def _close(self, closed: _Container) -> None:
        if isinstance(closed.data, dict) and closed.merges:
            self._merge(closed)
        if closed.anchor is not None:
            self.anchors[closed.anchor] = (closed.route, closed.data, self.values - closed.before)

    def _merge(self, parent: _Container) -> None:
        """Puts the keys of merge keys into a mapping; its own keys win, and so does the first of several."""
        for mark, route in parent.merges:
            merged: Any = parent.data.pop("<<") if isinstance(parent.data, dict) and "<<" in parent.data else None
            several = isinstance(merged, list)
            for index, each in enumerate(merged if several else [merged]):
                if not isinstance(each, dict):
                    raise Refusal(mark, "yaml-syntax", "a merge key takes a mapping", "write <<: *name")
                origin = (*route, index) if several else route
                origin = self.aliases.get(origin, origin)
                for key, value in each.items():
                    self._merge_key(parent, mark, key, value, (*origin, key))

    def _merge_key(self, parent: _Container, mark: Mark, key: Any, value: Any, origin: Route) -> None:
        own = (*parent.route, key)
        if key not in parent.data:
            parent.data[key] = value
            self.aliases[own] = origin
            self.entries[own] = Entry(mark, mark, mark, mark)
        elif own in self.entries and own not in self.aliases and self.entries[own].key.line < mark.line:
            # go-yaml lets the later of the two win, and YAML the explicit one.
            first = self.entries[own].key
            message = f"'{show(own)}' is set on line {first.line}, before a merge key that sets it too"
            self.problems.append(Refusal(mark, "duplicate-key", message, "put the merge key first"))

    def _scalar(self, stack: list[_Container], event: Any, span: Span) -> None:
        if stack and stack[-1].expects_key:
            self._key(stack[-1], event, span)
            return
        plain = not event.style and event.tag is None
        value = self._value(event, span[0])
        route = self._add(stack, value, span, event.value if plain else None)
        if event.anchor is not None:
            self.anchors[event.anchor] = (route, value, 1)
        self.last = span[1]
        self._repeated(stack)

    def _value(self, event: Any, mark: Mark) -> Any:
        """What a scalar stands for: by its tag, or by its text where it is plain."""
        tag, text = event.tag, event.value
        if tag is None or tag == "!":
            value = text if event.style or tag else self.dialect.resolve(text)
            if isinstance(value, float) and self.dialect.extras and not isfinite(value):
                message = f"{text} is a number that JSON does not have"
                raise Refusal(mark, "yaml-syntax", message, "quote it", text)
            return value
        if tag == "tag:yaml.org,2002:str":
            return text
        if tag == "tag:yaml.org,2002:binary":
            return _binary(text, mark)
        value = self.dialect.resolve(text)
        if (tag in _TAGS and isinstance(value, _TAGS[tag])) or (tag.endswith(":null") and value is None):
            return value
        message = f"{text!r} cannot be read as {tag}"
        raise Refusal(mark, "tag", message, "remove the tag; quote what is a string", repr(text))

    def _key(self, parent: _Container, event: Any, span: Span) -> None:
        mark, key = span[0], event.value
        if self.dialect.extras:
            if key == "<<" and not event.style:
                parent.merges.append((mark, (*parent.route, "<<")))
            elif not event.style:
                key = _go_key(self.dialect.resolve(key), key, mark)
        elif key == "<<":
            raise Refusal(mark, "alias", "the merge key << is not part of the language", "write the keys out")
        parent.key, parent.key_span = key, span
        if key in parent.data:
            first = self.entries[(*parent.route, key)]
            message = f"'{show((*parent.route, key))}' is already set on line {first.key.line}"
            if first.key.line == mark.line:
                message += f", column {first.key.column}"
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
        self.values += 1
        if self.values > self.dialect.max_values:
            raise Refusal(
                span[0], "too-large", f"more than {self.dialect.max_values} keys and values", self.dialect.smaller
            )
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
        self.anchor: str | None = None
        self.before = 0
        """How many values came before it."""
        self.merges: list[tuple[Mark, Route]] = []
        self.repeats: tuple[Refusal, Entry, Mark] | None = None
        """The complaint about a key that was there already, its first entry, and where the thing before it ends."""

    @property
    def expects_key(self) -> bool:
        return isinstance(self.data, dict) and self.key is None


def _go_key(key: Any, text: str, mark: Mark) -> str:
    """A key of a manifest as JSON has it: `1` is the text 1, `yes` is the text true."""
    if key is None:
        raise Refusal(mark, "yaml-syntax", "nothing cannot be a key", "quote it, or remove it")
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, float):
        return f"{key:.8g}"
    return str(key)


def _binary(text: str, mark: Mark) -> str:
    try:
        return base64.b64decode(text, validate=False).decode()
    except ValueError:
        raise Refusal(mark, "tag", "this is not Base64 of a text", "put binary data into binaryData") from None


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


def _syntax(error: yaml.MarkedYAMLError, text: str, offset: int) -> Refusal:
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
    return Refusal(Mark(line + offset, column), "yaml-syntax", problem, hint)
