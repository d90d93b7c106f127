"""Writes the generated files of the project anew, or checks that they are up to date.

Example: .venv/bin/python scripts/generate.py --check schema docs
"""

from __future__ import annotations

import argparse
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from compiler.codes import CODES, MENDS
from compiler.contract import report_schema, results_schema
from compiler.editor import in_words, meanings, published
from compiler.hooks import HOOKS
from compiler.kinds import KINDS
from compiler.part import Part
from compiler.policy import CHECKLIST, ELSEWHERE, POLICY, STANDING, Rule
from compiler.system import SYSTEMS

sys.path.insert(0, str(Path(__file__).resolve().parent))

from releases import tables
from tables import pages

SUMMARY, _, EXAMPLE = (__doc__ or "").partition("\n\n")
ROOT = Path(__file__).resolve().parent.parent
NOTE = "<!-- Written by scripts/generate.py from the compiler. Run `make docs` to make it anew. -->\n"

POLICY_PAGE = "docs/policy.md"
AUDIT_PAGE = "docs/audit.md"
PIPELINES_PAGE = "docs/pipelines.md"


BAR = "\\|"
"""How a bar is written inside a table."""


def schema() -> dict[str, str]:
    """The published JSON Schemas."""
    schemas = {"environment": published(), "report": report_schema(), "results": results_schema()}
    return {f"schema/{name}.schema.json": json.dumps(value, indent=2) + "\n" for name, value in schemas.items()}


def docs() -> dict[str, str]:
    """The manual of the language, the pages of codes and of the policy, and what charts and guides have."""
    written = {"docs/language.md": language(), "docs/diagnostics.md": diagnostics(), POLICY_PAGE: policy()}
    return {
        **written,
        AUDIT_PAGE: checklist(),
        PIPELINES_PAGE: f"{by_hand(PIPELINES_PAGE)}{NOTE}\n{tables()}",
        **pages(ROOT),
    }


def language() -> str:
    """The manual: each kind and each part by its own docstring, with a table of its keys."""
    pages = [NOTE, "# The environment language\n", "## Kinds of overlay\n", "The key `overlay` names one of these.\n"]
    for name in KINDS:
        module = sys.modules[f"compiler.kinds.{name.replace('-', '_')}"]
        pages.append(f"### `{name}`\n\n{inspect.getdoc(module)}\n")
    for system in SYSTEMS.values():
        pages.append(f"## Keys of {system.words}\n")
        pages += [
            manual(key, part)
            for key, part in system.parts.items()
            if (inspect.getdoc(part) or "") not in "".join(pages)
        ]
    return "\n".join(pages)


def manual(key: str, part: Part[Any]) -> str:
    """The section of a part."""
    rows = [row for name, fragment in part.KEYS.items() for row in table(name, fragment)]
    head = "| key | meaning | values | default |\n|---|---|---|---|\n"
    return f"### `{key}`\n\n{inspect.getdoc(part)}\n\n{head}{''.join(rows)}"


def table(name: str, fragment: dict[str, Any]) -> Iterator[str]:
    """The rows of a key and of every key below it."""
    properties = fragment.get("properties")
    if not properties:
        described = [fragment.get("description", ""), *(f"{word}: {text}" for word, text in meanings(fragment).items())]
        description = " ".join(described).replace("\n", " ")
        default = f"`{json.dumps(fragment['default']).strip(chr(34))}`" if "default" in fragment else ""
        yield f"| `{name}` | {description} | {in_words(fragment)} | {default} |\n"
        return
    for key, inner in properties.items():
        yield from table(f"{name}.{key}", inner)


def diagnostics() -> str:
    """The page of codes."""
    head = f"{NOTE}\n# Diagnostics\n\nA report reads `file:line:column: severity: message [code]`, with a hint below it.\n\n"
    pages = (f"## {code}\n\n{CODES[code]} {MENDS[code]}\n{example(code)}" for code in sorted(CODES))
    return head + "\n".join(pages)


def policy() -> str:
    """The page of the policy: what a person wrote, and below the note the rules, what is waived everywhere, and what is left."""
    rules = [
        f"| [`{name}`](diagnostics.md#{name}) | {rule.demand} | {ids(rule)} | {'' if rule.waivable else 'no'} |\n"
        for name, rule in POLICY.items()
    ]
    waived = [f"| `{each.rule}` | {', '.join(each.objects)} | {each.reason} |\n" for each in STANDING]
    reasons: dict[str, list[str]] = {}
    for id_, reason in ELSEWHERE.items():
        reasons.setdefault(reason, []).append(f"`{id_}`")
    sections = (
        ["## Rules\n\n| rule | demand | answers to | waivable |\n|---|---|---|---|\n", *rules],
        ["## Waived in every environment\n\n| rule | objects of the base | reason |\n|---|---|---|\n", *waived],
        ["## Checks that no rule answers to\n\n", *(f"- {why}: {', '.join(each)}\n" for why, each in reasons.items())],
    )
    return f"{by_hand(POLICY_PAGE)}{NOTE}\n" + "\n".join("".join(section) for section in sections)


def checklist() -> str:
    """The page of the audit: what a person wrote, and below the note the checks."""
    rows = "".join(f"| `{name}` | {demand} |\n" for name, demand in CHECKLIST.items())
    return f"{by_hand(AUDIT_PAGE)}{NOTE}\n## Checks\n\n| check | demand |\n|---|---|\n{rows}"


def by_hand(page: str) -> str:
    """What a person wrote of a page, above the note."""
    path = ROOT / page
    return path.read_text(encoding="utf-8").partition(NOTE)[0] if path.is_file() else ""


def ids(rule: Rule) -> str:
    """The checks of each tool that a rule answers to."""
    tools = {
        "kube-linter": rule.kube_linter,
        "kube-score": rule.kube_score,
        "checkov": rule.checkov,
        "trivy": rule.trivy,
    }
    return "<br>".join(f"{tool}: {', '.join(f'`{each}`' for each in found)}" for tool, found in tools.items() if found)


def example(code: str) -> str:
    """The first failing example of a code with its report, from the test cases, and what stands beside the environment."""
    for path in sorted((ROOT / "tests" / "cases" / "invalid" / code).glob("*.yaml")):
        report = path.with_suffix(".txt")
        source = path.read_bytes()
        if (
            path.suffixes in ([".yaml"], [".manifest", ".yaml"])
            and len(source) < 1000
            and source.isascii()
            and report.is_file()
        ):
            parts = [f"```yaml\n{source.decode()}```", *beside(path), f"```\n{report.read_text(encoding='utf-8')}```"]
            return "\n" + "\n\n".join(parts) + "\n"
    return ""


def beside(path: Path) -> Iterator[str]:
    """What stands beside the environment of an example, in words and as it is written."""
    before, base, custom = (path.with_suffix(f".{each}") for each in ("before.yaml", "base.yaml", "custom"))
    files = [("an overlay on disk that comes from", before), ("a base in which these texts are others", base)]
    files += [
        (f"`{file.relative_to(custom).as_posix()}` in `custom/`", file) for file in sorted(custom.rglob("*.yaml"))
    ]
    for words, file in files:
        if file.is_file():
            yield f"With {words}:\n\n```yaml\n{file.read_text(encoding='utf-8')}```"


def hooks() -> dict[str, str]:
    """What pre-commit reads, and the table of the manual."""
    rows = [{**vars(hook), "language": "python", "require_serial": True} for hook in HOOKS]
    text = "\n".join(yaml.safe_dump([row], sort_keys=False, width=1000) for row in rows)
    head = "# Written by scripts/generate.py from compiler/hooks.py. Run `make hooks` to make it anew.\n\n"
    table = "| hook | what it does | on a change of |\n|---|---|---|\n" + "".join(
        f"| `{hook.id}` | {hook.description} | `{hook.files.replace('|', BAR)}` |\n" for hook in HOOKS
    )
    page = "docs/pre-commit.md"
    return {".pre-commit-hooks.yaml": head + text, page: between(page, "hooks", table)}


def between(path: str, name: str, text: str) -> str:
    """A page that is written by hand, with a text put between its two marks of that name."""
    page = (ROOT / path).read_text(encoding="utf-8")
    marks = rf"(<!-- {name}: [^\n]*-->\n).*?(<!-- end of {name} -->)"
    new, found = re.subn(marks, lambda mark: f"{mark[1]}{text}{mark[2]}", page, count=1, flags=re.DOTALL)
    if not found:
        raise SystemExit(f"{path} has no marks of {name}")
    return new


GENERATORS: dict[str, Callable[[], dict[str, str]]] = {"schema": schema, "docs": docs, "hooks": hooks}


def main() -> int:
    """Writes or checks the chosen files. Returns 0, or 1 where a check finds one that is not up to date."""
    parser = argparse.ArgumentParser(description=SUMMARY, epilog=EXAMPLE)
    parser.add_argument("what", nargs="+", choices=sorted(GENERATORS))
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is not up to date")
    arguments = parser.parse_args()
    stale = []
    for what in arguments.what:
        for path, text in GENERATORS[what]().items():
            file = ROOT / path
            if file.is_file() and file.read_text(encoding="utf-8") == text:
                continue
            stale.append(path)
            if not arguments.check:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8", newline="\n")
    for path in stale:
        print(f"{path} {'is not up to date: run make ' + arguments.what[0] if arguments.check else 'written'}")
    return 1 if stale and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
