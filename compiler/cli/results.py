"""Printing what commands on a cluster came to: each answer as it comes, or all of them as one JSON document."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from compiler import errors
from compiler.cli.output import coloured, complain, say
from compiler.operate.verdict import Result, Verdict
from compiler.printable import as_json as written
from compiler.printable import folded, lines, visible

FORMATS = ("text", "json")
_COLOURS = {Verdict.PASSED: "32", Verdict.FAILED: "31", Verdict.SKIPPED: "33"}


class Telling:
    """How a command tells: results on standard output, and what goes on meanwhile on standard error."""

    def __init__(self, output: str) -> None:
        if output not in ("", *FORMATS):
            raise errors.Usage(f"there is no output '{output}'; there are {', '.join(FORMATS)}")
        self.json = output == "json"
        self.results: list[Result] = []

    def progress(self, line: str) -> None:
        """Says how far it is; where the output is for a machine, to a terminal alone."""
        if not self.json or sys.stderr.isatty():
            complain(f"... {folded(line)}")

    def show(self, results: Iterable[Result]) -> None:
        """Prints results as they come."""
        for result in results:
            self.results.append(result)
            if not self.json:
                say(as_text(result, colour=coloured()))
                sys.stdout.flush()

    def finish(self, command: str, **more: Any) -> None:
        """Ends the command: prints JSON, with what else it is to hold, and exits 1 where something failed."""
        count = {each: sum(result.verdict is each for result in self.results) for each in Verdict}
        if self.json:
            rows = [as_json(result) for result in self.results]
            report = {"command": command, **more, "ok": not count[Verdict.FAILED], "results": rows}
            say(written(report))
        else:
            say(", ".join(f"{number} {verdict}" for verdict, number in count.items()))
        if count[Verdict.FAILED]:
            sys.stdout.flush()
            sys.exit(errors.FINDINGS)


def as_text(result: Result, *, colour: bool = False) -> str:
    """A result for a person: one line, and below it what to do and the words of others."""
    word = f"{result.verdict:8}"
    word = f"\033[{_COLOURS[result.verdict]}m{word}\033[0m" if colour else word
    rows = [f"{word}{visible(result.check)}: {folded(result.said)}"]
    rows += [f"        do: {folded(result.mend)}"] if result.mend else []
    rows += [f"        | {line}" for words in result.words for line in lines(words)]
    return "\n".join(rows)


def as_json(result: Result) -> dict[str, Any]:
    """A result for a machine."""
    return {
        "check": result.check,
        "verdict": str(result.verdict),
        "said": result.said,
        "mend": result.mend,
        "words": list(result.words),
    }
