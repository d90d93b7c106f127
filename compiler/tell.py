"""A comparison or an audit in words for people, and as JSON has it. No credential is in either."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from compiler.audit import Result, State
from compiler.change import Outcome
from compiler.compare import Cause, Comparison, Told
from compiler.overlay import POD
from compiler.printable import as_json, folded, visible
from compiler.report import Paint, plain
from compiler.route import ABSENT, Route, show
from compiler.source import Source

HEADINGS = {
    Outcome.REFUSED: "the API server refuses",
    Outcome.BROKEN: "does not start",
    Outcome.LOST: "is deleted for good",
    Outcome.STRANDED: "stays behind, where MLflow no longer looks",
    Outcome.MIGRATED: "changes the database",
    Outcome.RESTARTED: "starts anew",
    Outcome.LEFT: "kubectl apply leaves it in the cluster",
    Outcome.ADDED: "is new",
    Outcome.CHANGED: "changes",
}
_BRIEF = (Outcome.RESTARTED, Outcome.LEFT, Outcome.ADDED)
"""Where values are not told: they stand under what changes, or are whole objects."""
_WIDTH = 60
_AROUND = 12


def text(comparison: Comparison, bad: tuple[Outcome, ...], paint: Paint = plain) -> str:
    """Consequences grouped by what sort they are, the worst first. In: the sorts that are painted as errors."""
    counts = Counter(each.consequence.outcome for each in comparison.told)
    summary = ", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome if counts[outcome])
    lines = [f"overlays/{comparison.name} against {visible(comparison.against)}: {summary or 'nothing changes'}"]
    for outcome, group in groupby(comparison.told, lambda each: each.consequence.outcome):
        lines += ["", paint(HEADINGS[outcome], "error" if outcome in bad else "place")]
        lines += (line for told in group for line in _lines(told, paint))
    return "".join(f"{line}\n" for line in lines)


def _lines(told: Told, paint: Paint) -> Iterator[str]:
    each = told.consequence
    yield f"  {paint(str(each.ref), 'place')}: {folded(each.message)}"
    if each.outcome is Outcome.RESTARTED:
        yield from (f"    by {visible(line)}" for line in _because(told))
    elif each.outcome not in _BRIEF:
        yield from (
            visible(line) for cause in told.causes for line in _changed(cause, brief=each.outcome is Outcome.CHANGED)
        )
    if each.hint:
        yield f"    {paint('hint', 'hint')}: {folded(each.hint)}"


def _because(told: Told) -> Iterator[str]:
    """The values that bring it about, by the objects that they are in."""
    for ref, group in groupby((cause.difference for cause in told.causes), lambda each: each.ref):
        of = "its pods'" if ref == told.consequence.ref else f"{ref}:"
        yield f"{of} {', '.join(show(_inside(each.route)) for each in group)}"


def _inside(route: Route) -> Route:
    """A route without the way to the pod or the data that it is in."""
    return next((route[len(head) :] for head in (POD, ("data",)) if route[: len(head)] == head != route), route)


def _changed(cause: Cause, *, brief: bool) -> Iterator[str]:
    difference = cause.difference
    change = ""
    if difference.route:
        old, new = _both(*difference.shown())
        change = f"    {show(difference.route)}: {old} -> {new}"
    if brief:
        yield change + (f" ({cause.place})" if cause.place else "")
        return
    if change:
        yield change
    if cause.place:
        yield f"      {cause.place}: {cause.why}"


def _both(old: Any, new: Any) -> tuple[str, str]:
    """Two values in a few words each; of long texts, where they differ."""
    if not (isinstance(old, str) and isinstance(new, str)) or max(len(old), len(new)) <= _WIDTH or "\n" in old + new:
        return _short(old), _short(new)
    start = next(
        (at for at, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), min(len(old), len(new))
    )
    rest = min(len(old), len(new)) - start
    end = next((at for at in range(rest) if old[-1 - at] != new[-1 - at]), rest)
    return _cut(old, start, end), _cut(new, start, end)


def _cut(written: str, start: int, end: int) -> str:
    first, last = max(start - _AROUND, 0), min(len(written) - end + _AROUND, len(written))
    middle = written[first:last]
    if len(middle) > 2 * _WIDTH:
        middle = f"{middle[:_WIDTH]}...{middle[-_WIDTH:]}"
    return f"{'...' if first else ''}{middle}{'...' if last < len(written) else ''}"


def _short(value: Any) -> str:
    if value is ABSENT:
        return "nothing"
    if isinstance(value, str) and "\n" in value:
        return f"a text of {len(value.splitlines())} lines"
    written = value if isinstance(value, str) and value else as_json(value, indent=None)
    return written if len(written) <= 2 * _WIDTH else f"{written[:_WIDTH]}...{written[-_WIDTH:]}"


def entries(comparison: Comparison) -> dict[str, Any]:
    """A comparison as JSON has it."""
    return {
        "environment": comparison.name,
        "against": comparison.against,
        "consequences": [_entry(each) for each in comparison.told],
    }


def _entry(told: Told) -> dict[str, Any]:
    each = told.consequence
    return {
        "outcome": str(each.outcome),
        "object": _object(each.ref.api_version, each.ref.kind, each.ref.name),
        "message": each.message,
        "hint": each.hint,
        "causes": [_cause(cause) for cause in told.causes],
    }


def _cause(cause: Cause) -> dict[str, Any]:
    difference = cause.difference
    old, new = difference.shown()
    ref, place = difference.ref, cause.place
    return {
        "object": _object(ref.api_version, ref.kind, ref.name),
        "route": show(difference.route),
        **({} if old is ABSENT or not difference.route else {"before": old}),
        **({} if new is ABSENT or not difference.route else {"after": new}),
        **({"path": place.path, "line": place.line, "column": place.column, "why": cause.why} if place else {}),
    }


def _object(api_version: str, kind: str, name: str) -> dict[str, str]:
    return {"apiVersion": api_version, "kind": kind, "name": name}


CHECKED = {
    State.FAILED: "fails",
    State.UNSEEN: "is yours to look at",
    State.WAIVED: "is waived",
    State.PASSED: "passes",
}


def audit_text(name: str, results: Sequence[Result], source: Source, paint: Paint = plain) -> str:
    """The checks grouped by what came of them, the worst first. In: the environment they follow from."""
    counts = Counter(result.verdict.state for result in results)
    summary = ", ".join(f"{counts[state]} {state}" for state in State if counts[state])
    lines = [f"overlays/{name}: {summary}"]
    for state, group in groupby(results, lambda result: result.verdict.state):
        lines += ["", paint(CHECKED[state], "error" if state is State.FAILED else "place")]
        for result in group:
            verdict = result.verdict
            lines += [f"  {paint(result.name, 'place')}: {result.demand}", f"    {folded(verdict.reason)}"]
            if verdict.because is not None:
                lines.append(f"      {visible(str(source.locate(verdict.because)))}")
            if verdict.todo:
                word = "look" if state is State.UNSEEN else "hint"
                lines.append(f"    {paint(word, 'hint')}: {folded(verdict.todo)}")
    return "".join(f"{line}\n" for line in lines)


def audit_entries(name: str, results: Sequence[Result], source: Source) -> dict[str, Any]:
    """An audit as JSON has it."""
    return {"environment": name, "checks": [_check(result, source) for result in results]}


def _check(result: Result, source: Source) -> dict[str, Any]:
    verdict = result.verdict
    place = source.locate(verdict.because) if verdict.because is not None else None
    return {
        "check": result.name,
        "demand": result.demand,
        "state": str(verdict.state),
        "reason": verdict.reason,
        "todo": verdict.todo,
        **({"path": place.path, "line": place.line, "column": place.column} if place else {}),
    }
