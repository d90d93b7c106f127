"""Diagnostics as text: for people, for machines, for GitHub. The judge does not know the reporter."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

from compiler.codes import CODES, MENDS
from compiler.diagnostic import Diagnostic, Edit, Severity
from compiler.printable import as_json as written
from compiler.printable import folded, visible
from compiler.secrecy import credential_in, reveals

Format = Callable[[Sequence[Diagnostic]], str]
Paint = Callable[[str, str], str]
"""Puts a text into the colour of a word: error, warning, place, hint."""

MAX_LINE = 160
_PROPERTY = {"%": "%25", ":": "%3A", ",": "%2C"}
"""How a workflow command writes what would end a property."""


def plain(text: str, word: str) -> str:
    """No colour."""
    return visible(text)


def ansi(text: str, word: str) -> str:
    """The colours of a terminal."""
    codes = {"error": "1;31", "warning": "1;33", "place": "1", "hint": "36"}
    return f"\033[{codes[word]}m{visible(text)}\033[0m"


def text(diagnostics: Sequence[Diagnostic], paint: Paint = plain) -> str:
    """`file:line:col: severity: message [code]`, the line with a caret under the place, and the hint."""
    secret = {(each.place.path, each.place.line) for each in diagnostics if each.code == "secret-in-plain-sight"}
    lines = []
    for each in diagnostics:
        head = paint(f"{each.place}:", "place")
        lines.append(f"{head} {paint(each.severity, each.severity)}: {folded(each.message)} [{each.code}]")
        if (each.place.path, each.place.line) not in secret:
            lines += _excerpt(each, paint)
        if each.hint:
            lines.append(f"  {paint('hint', 'hint')}: {folded(each.hint)}")
    return "".join(f"{line}\n" for line in lines)


def _excerpt(diagnostic: Diagnostic, paint: Paint) -> list[str]:
    """The line of a diagnostic, and a caret under its column; nothing for a line that is empty or too long to help."""
    line, place = diagnostic.line.replace("\t", " "), diagnostic.place
    if not line.strip() or len(line) > MAX_LINE or not line.isprintable() or credential_in(line) or reveals(line):
        return []
    number = str(place.line)
    caret = paint("^", diagnostic.severity)
    return [f"  {number} | {line}", f"  {' ' * len(number)} | {' ' * (place.column - 1)}{caret}"]


def as_fixed(fixed: Sequence[Diagnostic], paint: Paint = plain) -> str:
    """`file:line:col: fixed: message [code]`, and what stands there now."""
    lines = []
    for each in fixed:
        head, word = paint(f"{each.place}:", "place"), paint("fixed", "hint")
        lines.append(f"{head} {word}: {folded(each.message)} [{each.code}]\n  {visible(now(each))}\n")
    return "".join(lines)


def now(diagnostic: Diagnostic) -> str:
    """What the edits of a diagnostic do, in a few words."""
    texts = [edit.text for edit in diagnostic.edits if edit.text]
    return f"now: {', '.join(texts)}" if texts else "removed"


def entries(diagnostics: Sequence[Diagnostic]) -> list[dict[str, Any]]:
    """Diagnostics as JSON has them; a line or column of 0 is not known."""
    return [
        {
            "path": each.place.path,
            "line": each.place.line,
            "column": each.place.column,
            "severity": str(each.severity),
            "code": each.code,
            "message": each.message,
            "hint": each.hint,
            "edits": [_edit(edit) for edit in each.edits],
        }
        for each in diagnostics
    ]


def _edit(edit: Edit) -> dict[str, Any]:
    return {
        "line": edit.line,
        "column": edit.column,
        "endLine": edit.end_line,
        "endColumn": edit.end_column,
        "text": edit.text,
    }


def as_json(diagnostics: Sequence[Diagnostic]) -> str:
    """One JSON object with a list of diagnostics."""
    return written({"diagnostics": entries(diagnostics)}) + "\n"


def github(diagnostics: Sequence[Diagnostic]) -> str:
    """Workflow commands, which GitHub shows beside the lines of a pull request."""
    return "".join(
        _command(each.severity, each, f"{each.message} [{each.code}]" + (f"\nhint: {each.hint}" if each.hint else ""))
        for each in diagnostics
    )


def github_fixed(fixed: Sequence[Diagnostic]) -> str:
    """What was put right, as notices."""
    return "".join(_command("notice", each, f"fixed: {each.message} [{each.code}]\n{now(each)}") for each in fixed)


def _command(word: str, diagnostic: Diagnostic, message: str) -> str:
    escaped = visible(message, keep="\n").replace("%", "%25").replace("\n", "%0A")
    place = diagnostic.place
    path = "".join(_PROPERTY.get(letter, letter) for letter in visible(place.path))
    return f"::{word} file={path},line={max(place.line, 1)},col={max(place.column, 1)}::{escaped}\n"


def sarif(diagnostics: Sequence[Diagnostic]) -> str:
    """SARIF 2.1.0, which code scanning services read. Every code that is reported is a rule."""
    codes = sorted({each.code for each in diagnostics})
    seen: Counter[str] = Counter()
    results = [
        {
            "ruleId": each.code,
            "ruleIndex": codes.index(each.code),
            "level": str(each.severity),
            "message": {"text": visible(each.message + (f" Hint: {each.hint}." if each.hint else ""), keep="\n")},
            "locations": [{"physicalLocation": _physical(each)}],
            "partialFingerprints": {"mlflowOverlays/v1": _fingerprint(each, seen)},
            **({"fixes": [_fix(each)]} if each.edits else {}),
        }
        for each in diagnostics
    ]
    driver = {"name": "mlflow-overlays", "rules": [_rule(code) for code in codes]}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    document = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return written(document) + "\n"


def _rule(word: str) -> dict[str, Any]:
    meaning, mend = CODES[word], MENDS[word]
    return {
        "id": word,
        "shortDescription": {"text": meaning},
        "help": {"text": f"{meaning} {mend}", "markdown": f"{meaning}\n\n**What to do:** {mend}"},
    }


def _fingerprint(diagnostic: Diagnostic, seen: Counter[str]) -> str:
    """What stays the same when lines move: file, code and message, and which of several alike it is."""
    words = f"{diagnostic.place.path}\n{diagnostic.code}\n{diagnostic.message}"
    seen[words] += 1
    digest = hashlib.sha256(words.encode(errors="backslashreplace")).hexdigest()
    return f"{digest[:16]}:{seen[words]}"


def _fix(diagnostic: Diagnostic) -> dict[str, Any]:
    replacements = [
        {
            "deletedRegion": {
                "startLine": edit.line,
                "startColumn": edit.column,
                "endLine": edit.end_line,
                "endColumn": edit.end_column,
            },
            "insertedContent": {"text": edit.text},
        }
        for edit in diagnostic.edits
    ]
    artifact = {"artifactLocation": {"uri": _uri(diagnostic.place.path)}, "replacements": replacements}
    return {"description": {"text": visible(now(diagnostic))}, "artifactChanges": [artifact]}


def _uri(path: str) -> str:
    """A path as SARIF has it. A byte that is no UTF-8 is the byte in the name of the file."""
    try:
        return quote(path, errors="surrogateescape")
    except UnicodeEncodeError:
        return quote(path, errors="backslashreplace")


def _physical(diagnostic: Diagnostic) -> dict[str, object]:
    place = diagnostic.place
    location: dict[str, object] = {"artifactLocation": {"uri": _uri(place.path)}}
    if place.line:
        location["region"] = {"startLine": place.line, "startColumn": place.column}
    return location


def junit(diagnostics: Sequence[Diagnostic]) -> str:
    """JUnit XML, which CI systems show as tests: one case a file, failed by errors."""
    paths = sorted({each.place.path for each in diagnostics}) or ["overlays"]
    suite = ET.Element("testsuite", name="mlflow-overlays", tests=str(len(paths)))
    failed = 0
    for path in paths:
        own = [each for each in diagnostics if each.place.path == path]
        case = ET.SubElement(suite, "testcase", classname="mlflow-overlays", name=visible(path))
        errors = [each for each in own if each.severity is Severity.ERROR]
        failed += bool(errors)
        if errors:
            failure = ET.SubElement(case, "failure", message=visible(errors[0].message), type=errors[0].code)
            failure.text = text(own)
        elif own:
            ET.SubElement(case, "system-out").text = text(own)
    suite.set("failures", str(failed))
    ET.indent(suite)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


FORMATS: dict[str, Format] = {"text": text, "json": as_json, "github": github, "sarif": sarif, "junit": junit}
AT_END = ("json", "sarif", "junit")
"""Formats that are one document, printed when everything is known."""
