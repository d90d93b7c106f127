"""Writes docs/proofs.md: what the heavier tests proved of each environment, and what they leave open.

Example: .venv/bin/python scripts/proofs.py .cache/stack.json .cache/cluster.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

SUMMARY, _, EXAMPLE = (__doc__ or "").partition("\n\n")
PAGE = Path(__file__).resolve().parent.parent / "docs" / "proofs.md"
HEAD = """<!-- Written by scripts/proofs.py from the results of the tests. Made anew by `make proofs`. -->

# What was proved

`make stack-test` runs the build of each reference environment as processes: the containers' own commands, environment, files
and users, with a real MLflow, database and object store. `make cluster-test` applies each to a real API server. A cell says
whether the property was proved of the environment; an empty one, that it does not apply.
"""


def main() -> None:
    """Reads the results and writes the page."""
    parser = argparse.ArgumentParser(description=SUMMARY, epilog=EXAMPLE)
    parser.add_argument("results", nargs="+", type=Path, help="files that --proofs wrote")
    sections = [
        section(json.loads(path.read_text(encoding="utf-8")), path.stem) for path in parser.parse_args().results
    ]
    PAGE.write_text("\n".join([HEAD, *sections]), encoding="utf-8", newline="\n")


def section(document: dict[str, Any], name: str) -> str:
    """One table of properties against environments, and the list of what stays open."""
    results: dict[str, dict[str, str]] = document["results"]
    environments = sorted(results)
    properties = sorted({each for found in results.values() for each in found})
    reasons: list[str] = []
    lines = [f"## {name}", "", f"| property | {' | '.join(environments)} |", f"|---|{'---|' * len(environments)}"]
    for each in properties:
        cells = [cell(results[environment].get(each, ""), reasons) for environment in environments]
        lines.append(f"| {each} | {' | '.join(cells)} |")
    lines += ["", *(f"{number}. {reason}" for number, reason in enumerate(reasons, 1))]
    open_ends: dict[str, list[str]] = document.get("unproved", {})
    if open_ends:
        lines += ["", "What it leaves open:", ""]
        lines += [f"- {where}: {what}" for where, notes in sorted(open_ends.items()) for what in notes]
    return "\n".join(lines) + "\n"


def cell(verdict: str, reasons: list[str]) -> str:
    """A word for a verdict; a reason is listed below the table, under a number."""
    if verdict in ("", "proved", "failed"):
        return verdict
    reason = verdict.removeprefix("skipped: ")
    if reason not in reasons:
        reasons.append(reason)
    return f"not proved ({reasons.index(reason) + 1})"


if __name__ == "__main__":
    main()
