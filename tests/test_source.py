"""YAML as the core schema of YAML 1.2 reads it, with the place of every key and value, whatever is thrown at it."""

from __future__ import annotations

import math
import string
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from compiler.block import dump
from compiler.codes import CODES
from compiler.diagnostic import Diagnostic, Finding
from compiler.dialect import ENVIRONMENT
from compiler.route import ABSENT, Route, follow
from compiler.source import Source, nearest, read

PROPERTY = settings(
    max_examples=150, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)


def sourced(text: str) -> Source:
    source, diagnostics = read("e.yaml", text.encode())
    assert diagnostics == []
    assert source is not None
    return source


def refused(content: str | bytes) -> list[Diagnostic]:
    source, diagnostics = read("e.yaml", content.encode() if isinstance(content, str) else content)
    assert source is None
    assert diagnostics
    return diagnostics


# Types

TYPES: list[tuple[str, Any]] = [
    # Nothing
    ("", None),
    ("~", None),
    ("null", None),
    ("Null", None),
    ("NULL", None),
    ("nULL", "nULL"),
    ("none", "none"),
    # Truth: what YAML 1.1 took for it is text
    ("true", True),
    ("True", True),
    ("TRUE", True),
    ("false", False),
    ("False", False),
    ("FALSE", False),
    ("tRue", "tRue"),
    ("yes", "yes"),
    ("Yes", "Yes"),
    ("no", "no"),
    ("No", "No"),
    ("NO", "NO"),
    ("on", "on"),
    ("off", "off"),
    ("y", "y"),
    ("n", "n"),
    # Whole numbers
    ("0", 0),
    ("-0", 0),
    ("10", 10),
    ("+10", 10),
    ("-7", -7),
    ("0755", 755),
    ("08", 8),
    ("0o17", 15),
    ("0o18", "0o18"),
    ("0x1F", 31),
    ("0xg", "0xg"),
    ("0b11", "0b11"),
    ("1_000", "1_000"),
    ("1,000", "1,000"),
    ("- 1", [1]),
    ("--1", "--1"),
    ("+", "+"),
    ("12:30:45", "12:30:45"),
    ("190:20:30", "190:20:30"),
    # Fractions
    ("1.5", 1.5),
    ("-1.5", -1.5),
    (".5", 0.5),
    ("5.", 5.0),
    ("1e3", 1000.0),
    ("1E-3", 0.001),
    ("1.5e+3", 1500.0),
    ("12e03", 12000.0),
    (".", "."),
    ("e3", "e3"),
    ("1e", "1e"),
    ("1.2.3", "1.2.3"),
    ("1_0.5", "1_0.5"),
    (".inf", math.inf),
    ("-.inf", -math.inf),
    ("+.INF", math.inf),
    (".Inf", math.inf),
    ("inf", "inf"),
    ("nan", "nan"),
    ("1e400", math.inf),
    # Dates are text
    ("2026-01-01", "2026-01-01"),
    ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
    # Words with a sign of YAML in them
    ("=", "="),
    ("<<", "<<"),
    ("a#b", "a#b"),
    ("a:b", "a:b"),
    ("http://a/b", "http://a/b"),
    # What is quoted is text
    ("'1'", "1"),
    ('"1"', "1"),
    ("'true'", "true"),
    ('"null"', "null"),
    ("''", ""),
    ('""', ""),
    ("'~'", "~"),
    ('"\\u00e9\\n\\x41"', "é\nA"),
    ("'it''s'", "it's"),
    # Blocks
    ("|\n  1\n", "1\n"),
    ("|-\n  1\n", "1"),
    (">-\n  a\n  b\n", "a b"),
    ("[]", []),
    ("{}", {}),
    ("[1, a]", [1, "a"]),
    ("{a: 1}", {"a": 1}),
]


@pytest.mark.parametrize(("text", "value"), TYPES, ids=[repr(text) for text, _ in TYPES])
def test_read__types_by_the_core_schema(text: str, value: Any) -> None:
    separator = "\n  " if text == "- 1" else " "
    data = sourced(f"k:{separator}{text}\n").data["k"]
    assert data == value
    assert type(data) is type(value)


def test_read__the_bare_tag_makes_text() -> None:
    """`! 1` is text in YAML 1.2; to refuse it, as every other tag, is as good."""
    source, diagnostics = read("e.yaml", b"k: ! 1\n")
    assert [each.code for each in diagnostics] == ["tag"] if source is None else source.data == {"k": "1"}


def test_read__not_a_number() -> None:
    assert all(math.isnan(sourced(f"k: {text}").data["k"]) for text in (".nan", ".NaN", ".NAN"))


@pytest.mark.parametrize("key", ["no", "1", "1.5", "true", "null", "~", "''", "0755", "2026-01-01", "1e3"])
def test_read__keys_are_always_text(key: str) -> None:
    assert sourced(f"{key}: 1\n").data == {key.strip("'"): 1}


@pytest.mark.parametrize("text", ["1.30", "0755", "true", "~", "", "no", "1e3"])
def test_written__is_the_text_of_a_plain_scalar(text: str) -> None:
    """So a version that YAML takes for a number is still known as it was written."""
    source = sourced(f"a: {text}\nb: ['{text}', {text or '~'}]\n")
    assert source.written(("a",)) == text
    assert source.written(("b", 0)) is None
    assert source.written(("b", 1)) == (text or "~")
    assert source.written(()) is None
    assert source.written(("nowhere",)) is None


@pytest.mark.parametrize("digits", [99, 100, 101, 4299, 4300, 4301, 5000])
@pytest.mark.parametrize("sign", ["", "-", "0x", "0o", "0."])
def test_read__a_number_of_thousands_of_digits_is_no_harm(sign: str, digits: int) -> None:
    data = sourced(f"a: {sign}{'7' * digits}\n").data["a"]
    assert isinstance(data, int | float | str)


# Places


def place(source: Source, *route: Any, at_key: bool = False) -> tuple[int, int]:
    found = source.locate(route, at_key=at_key)
    assert found.path == "e.yaml"
    return found.line, found.column


DOCUMENT = """\
# A comment
a: 1
b:
  c:   two
  "d e": {f: [1, {g: 2}], 'h': 3}
list:
  - x
  -   y: 1
      z: |
        text
  - - deep
empty:
é: ü
日本: {k: v}
"""


@pytest.mark.parametrize(
    ("route", "key", "value"),
    [
        ((), (2, 1), (2, 1)),
        (("a",), (2, 1), (2, 4)),
        (("b",), (3, 1), (4, 3)),
        (("b", "c"), (4, 3), (4, 8)),
        (("b", "d e"), (5, 3), (5, 10)),
        (("b", "d e", "f"), (5, 11), (5, 14)),
        (("b", "d e", "f", 0), (5, 15), (5, 15)),
        (("b", "d e", "f", 1), (5, 18), (5, 18)),
        (("b", "d e", "f", 1, "g"), (5, 19), (5, 22)),
        (("b", "d e", "h"), (5, 27), (5, 32)),
        (("list",), (6, 1), (7, 3)),
        (("list", 0), (7, 5), (7, 5)),
        (("list", 1), (8, 7), (8, 7)),
        (("list", 1, "y"), (8, 7), (8, 10)),
        (("list", 1, "z"), (9, 7), (9, 10)),
        (("list", 2, 0), (11, 7), (11, 7)),
        (("é",), (13, 1), (13, 4)),
        (("日本",), (14, 1), (14, 5)),
        (("日本", "k"), (14, 6), (14, 9)),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_locate__counts_lines_and_characters_from_1(
    route: Route, key: tuple[int, int], value: tuple[int, int], ending: str, mark: str
) -> None:
    source = sourced(mark + DOCUMENT.replace("\n", ending))
    assert place(source, *route) == value
    assert place(source, *route, at_key=True) == key


def test_locate__every_route_of_a_document_has_an_entry() -> None:
    source = sourced(DOCUMENT)
    assert set(source.entries) == set(_routes(source.data))


def test_locate__what_is_not_there_is_at_the_key_of_its_nearest_parent() -> None:
    source = sourced(DOCUMENT)
    assert place(source, "b", "nowhere", "deeper") == place(source, "b", at_key=True)
    assert place(source, "list", 9) == place(source, "list", at_key=True)
    assert place(source, "nowhere") == (2, 1)
    assert place(sourced(""), "nowhere") == (1, 1)


def test_line__is_shown_without_the_mark_of_its_file() -> None:
    """A byte order mark has no width of its own: the caret would stand one off."""
    assert sourced("\ufeffa: 1\n").line(1) == "a: 1"
    [diagnostic] = refused("\ufeffa: &x 1\n")
    assert (diagnostic.line, diagnostic.place.column) == ("a: &x 1", 4)


def test_diagnose__has_the_line_of_its_place() -> None:
    diagnostic = sourced(DOCUMENT).diagnose(Finding(("b", "c"), "bad-value", "message", "hint", at_key=True))
    assert str(diagnostic.place) == "e.yaml:4:3"
    assert diagnostic.line == "  c:   two"


@pytest.mark.parametrize("ending", ["\r", "\u2028", "\u2029", "\x85"])
def test_locate__lines_are_counted_as_they_are_broken(ending: str) -> None:
    """Whatever character the parser takes for the end of a line, the line that is shown is the one that is meant."""
    content = f"# c{ending}a: 1{ending}b: 2"
    source = sourced(content)
    found = source.locate(("b",))
    assert source.line(found.line)[found.column - 1 :] == "2"


# What is refused


@pytest.mark.parametrize(
    ("content", "code", "line", "column"),
    [
        ("a: &x 1\n", "alias", 1, 4),
        ("a: *x\n", "alias", 1, 4),
        ("a: 1\n<<: {b: 1}\n", "alias", 2, 1),
        ("a: !!str 1\n", "tag", 1, 4),
        ("a: !x {}\n", "tag", 1, 4),
        ("a: 1\n---\nb: 1\n", "several-documents", 2, 1),
        ("a: 1\n...\n---\n", "several-documents", 3, 1),
        ("? [a]\n: 1\n", "yaml-syntax", 1, 3),
        ("{{a: 1}: 2}\n", "yaml-syntax", 1, 2),
        ("a: [1\nb: 2\n", "yaml-syntax", 1, 4),
        ("a: {b: 1\n", "yaml-syntax", 1, 4),
        ("a:\n\tb: 1\n", "yaml-syntax", 2, 1),
        ("a: b: c\n", "yaml-syntax", 1, 5),
        ("a: 'x\n", "yaml-syntax", 0, 0),
        ('a: "x\n', "yaml-syntax", 0, 0),
        ('a: "\\q"\n', "yaml-syntax", 1, 5),
        ('a: "\\ud800"\n', "yaml-syntax", 0, 0),
        ("%YAML 9.9\n---\na: 1\n", "yaml-syntax", 0, 0),
        ("a: \0\n", "yaml-syntax", 1, 4),
        ("é: \x7f\n", "yaml-syntax", 1, 4),
        ("a: 1\nb: \x1b[0m\n", "yaml-syntax", 2, 4),
        ("a: \ufffe\n", "yaml-syntax", 1, 4),
        ("a: \x80\n", "yaml-syntax", 1, 4),
        (b"a: 1\nb: \xe9\n", "not-utf8", 2, 4),
        (b"\xc3\xa9: \xff\n", "not-utf8", 1, 4),
        ("\ufeffa: 1\n".encode("utf-16-le"), "not-utf8", 1, 1),
        (b"\xed\xa0\x80", "not-utf8", 1, 1),
        ("[" * (ENVIRONMENT.max_depth + 1), "too-deep", 1, ENVIRONMENT.max_depth + 1),
        ("- " * (ENVIRONMENT.max_depth + 1), "too-deep", 1, 2 * ENVIRONMENT.max_depth + 1),
        ("a: {" * (ENVIRONMENT.max_depth + 1), "too-deep", 1, 4 * ENVIRONMENT.max_depth),
        ("a" * (ENVIRONMENT.max_bytes + 1), "too-large", 1, 1),
        ("a: [" + "b," * ENVIRONMENT.max_values + "]", "too-large", 1, 5 + 2 * (ENVIRONMENT.max_values - 2)),
    ],
    ids=lambda value: repr(value[:20]) if isinstance(value, str | bytes) else "",
)
def test_read__refuses(content: str | bytes, code: str, line: int, column: int) -> None:
    """With one report, at the place; 0 stands where the parser's own place is as good as any."""
    [diagnostic] = refused(content)
    assert diagnostic.code == code
    if line:
        assert (diagnostic.place.line, diagnostic.place.column) == (line, column)
    assert diagnostic.place.line >= 1
    assert diagnostic.place.column >= 1
    assert "\n" not in diagnostic.message


def test_read__duplicates_at_any_depth_are_all_reported() -> None:
    found = refused("a: 1\nb: {c: 1, c: 2, 'c': 3}\na: 2\nd:\n  - e: 1\n    f: 2\n    e: 3\n  - e: 1\n")
    assert [(each.code, each.place.line, each.place.column) for each in found] == [
        ("duplicate-key", 2, 11),
        ("duplicate-key", 2, 17),
        ("duplicate-key", 3, 1),
        ("duplicate-key", 7, 5),
    ]
    assert "'b.c' is already set on line 2" in found[0].message
    assert "'a' is already set on line 1" in found[2].message
    assert "'d[0].e' is already set on line 5" in found[3].message


def test_read__duplicates_are_reported_beside_what_breaks_the_syntax() -> None:
    assert [each.code for each in refused("a: 1\na: 2\nb: [\n")] == ["duplicate-key", "yaml-syntax"]


def test_read__same_text_and_same_key_are_not_the_same() -> None:
    assert sourced("1: a\n'1 ': b\n01: c\n").data == {"1": "a", "1 ": "b", "01": "c"}


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 10_000_000,
        b"a" * 10_000_000,
        b"\xff" * 10_000_000,
        b"\0" * 200_000,
        b"[" * 200_000,
        b"{a: " * 50_000,
        b"- " * 100_000,
        b"? " * 100_000,
        b"a: '" + b"x" * 200_000,
        b"a: |\n" + b"  x\n" * 50_000 + b" y\n",
        b'a: "' + b"\\" * 100_001,
        b"\xef\xbb\xbf" * 3 + b"a: [",
        b"a: 1\r" * 20_000,
        b"a: 1\n" * 40_000,
        b"a" * 200_000 + b": 1",
        b"&a [*a" * 10_000,
        b"!" * 100_000,
        b"%" * 100_000,
        b": " * 100_000,
        b", " * 100_000,
        b"\n" * 200_000 + b"\t: [",
    ],
    ids=lambda content: f"{content[:12]!r}... {len(content)}",
)
def test_read__hostile_input_ends_in_a_report(content: bytes) -> None:
    """Or is read; never an exception, and never longer than a person waits (the run's own time-out would say so)."""
    source, diagnostics = read("e.yaml", content)
    assert (source is None) is bool(diagnostics)
    assert len({(each.code, each.place) for each in diagnostics}) == len(diagnostics)
    assert len([each for each in diagnostics if each.code != "duplicate-key"]) <= 1


@pytest.mark.parametrize("text", ["", "\n", "# comment\n", "---\n", "---\n...\n", "\ufeff"])
def test_read__an_empty_document(text: str) -> None:
    assert sourced(text).data is None


@pytest.mark.parametrize(("text", "data"), [("a", "a"), ("[a]", ["a"]), ("---\na: 1\n...\n", {"a": 1})])
def test_read__any_single_document(text: str, data: Any) -> None:
    assert sourced(text).data == data


# Hints


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("replica", ["replicas", "host"], "did you mean 'replicas'?"),
        ("HOST", ["replicas", "host"], "did you mean 'host'?"),
        ("zzz", ["replicas", "host"], "known here: replicas, host"),
        ("zzz", [], ""),
        ("", ["a"], "known here: a"),
    ],
)
def test_nearest__names_the_nearest_or_all(word: str, known: list[str], hint: str) -> None:
    assert nearest(word, known) == hint


# Properties


def _routes(data: Any, route: Route = ()) -> Iterator[Route]:
    yield route
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, inner in items:
        yield from _routes(inner, (*route, key))


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
PRINTABLE = st.text(
    st.sampled_from(string.ascii_letters + string.digits + " -_:#'\"[]{},&*!|>%@`~éß日😀\u2028"), max_size=8
)
SCALAR = PRINTABLE | st.integers(-(10**12), 10**12) | st.booleans()
DATA = st.recursive(
    SCALAR,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(PRINTABLE.filter(lambda key: key != "<<"), inner, max_size=4)
    ),
    max_leaves=12,
)
MAPPING = st.dictionaries(PRINTABLE.filter(lambda key: key != "<<"), DATA, min_size=1, max_size=5)
PIECES = st.sampled_from(
    [
        *"abc019:-?[]{},#&*!|>'\"%@`~ \n\r\t.=<",
        "\n  ",
        ": ",
        "- ",
        "? ",
        "---\n",
        "...\n",
        "<<: ",
        "é",
        "😀",
        "\ufeff",
        "\u2028",
    ]
)


@PROPERTY
@given(st.text(max_size=60) | st.lists(PIECES, max_size=40).map("".join))
@example("\ufeff\ufeff")
@example("a: 1\r\r\nb")
@example("? a\n? b\n:")
def test_read__never_raises_for_any_text(text: str) -> None:
    source, diagnostics = read("e.yaml", text.encode("utf-8", "surrogatepass"))
    assert (source is None) is bool(diagnostics)
    for each in diagnostics:
        assert each.code in CODES
        assert each.place.line >= 1
        assert each.place.column >= 1
    if source is not None and source.entries:
        assert set(source.entries) == set(_routes(source.data))
    if source is not None and not source.entries:
        assert source.data is None


@PROPERTY
@given(st.binary(max_size=60))
def test_read__never_raises_for_any_bytes(content: bytes) -> None:
    source, diagnostics = read("e.yaml", content)
    assert (source is None) is bool(diagnostics)


@PROPERTY
@given(st.lists(PIECES, max_size=30).map("".join), st.lists(TEXT | st.integers(0, 5), max_size=4), st.booleans())
def test_locate__is_total(text: str, route: list[Any], at_key: bool) -> None:
    source, _ = read("e.yaml", text.encode())
    if source is not None:
        found = source.locate(tuple(route), at_key=at_key)
        assert found.line >= 1
        assert found.column >= 1
        assert isinstance(source.line(found.line), str)


@PROPERTY
@given(MAPPING)
def test_read__gets_what_the_compiler_dumps(data: dict[str, Any]) -> None:
    assert sourced(dump(data)).data == data


@settings(PROPERTY, max_examples=80)
@given(MAPPING, st.sampled_from([True, False, None]), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_locate__the_key_stands_where_it_says(
    data: dict[str, Any],
    flow: bool | None,
    ending: str,
    wide: bool,
) -> None:
    """In documents of every style, the text at the place of a key is that key: held against PyYAML's own parser in Python,
    which shares no line with the parser in C that the compiler uses."""
    width = float("inf") if wide else 20
    text = yaml.safe_dump(data, default_flow_style=flow, width=width, allow_unicode=True, line_break=ending)
    source = sourced(text)
    checked = 0
    for route, node, key in _nodes(yaml.compose(text, Loader=yaml.SafeLoader)):
        if key is not None:
            found = source.locate(route, at_key=True)
            assert (found.line, found.column) == (key.start_mark.line + 1, key.start_mark.column + 1)
            shown = source.line(found.line)[found.column - 1 :]
            assert shown.startswith(str(route[-1])) if key.style is None else shown.startswith(key.style)
            assert key.value == route[-1]
            checked += 1
        found = source.locate(route)
        assert (found.line, found.column) == (node.start_mark.line + 1, node.start_mark.column + 1)
        value = follow(source.data, route)
        assert value is not ABSENT
        if isinstance(node, yaml.ScalarNode):
            assert (source.written(route) if node.style is None else value) == node.value
    assert checked >= len(data)


def _nodes(node: Any, route: Route = (), key: Any = None) -> Iterator[tuple[Route, Any, Any]]:
    """Every node of a document with its route, and the node of its key where it has one."""
    yield route, node, key
    if isinstance(node, yaml.MappingNode):
        for inner_key, inner in node.value:
            yield from _nodes(inner, (*route, inner_key.value), inner_key)
    elif isinstance(node, yaml.SequenceNode):
        for index, inner in enumerate(node.value):
            yield from _nodes(inner, (*route, index))
