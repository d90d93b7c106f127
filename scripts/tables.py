"""Lists the keys of a chart's values.yaml, one a line, as tests/charts/ has them.

What charts and guides have, and where it is here, stands in docs/tables/, one file a chart or guide; `make docs` makes the pages
of it. How a row is proved is worked out: from the tests, and from the environments that the heavier tests apply and run.

Example: helm show values oci://registry-1.docker.io/bitnamicharts/mlflow | .venv/bin/python scripts/tables.py -
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from compiler.codes import CODES
from compiler.kinds import KINDS
from compiler.parts import PARTS
from compiler.schema import environment_schema
from compiler.understand import understand

SUMMARY, _, EXAMPLE = (__doc__ or "").rpartition("\n\n")
NOTE = "<!-- Written by scripts/generate.py from docs/tables/. Run `make docs` to make it anew. -->\n\n"
STATES = {"done": "done", "differently": "done differently", "later": "not done yet", "unwanted": "not wanted"}
PAGES = {"charts": "docs/charts.md", "sources": "docs/sources.md"}
APPLIED = ("overlays/*/environment.yaml", "tests/everything/*/environment.yaml", "tests/cluster/environments/*.yaml")
"""The environments of `make cluster-test`."""
RUN = ("overlays/*/environment.yaml", "tests/stack/environments/*.yaml")
"""The environments of `make stack-test`."""
CUSTOM = "tests/cases/valid/custom.yaml"

Route = tuple[str, ...]


@dataclass(frozen=True)
class Environments:
    """What some environments set, which components they ask for, and of which kinds they are."""

    values: frozenset[tuple[Route, str]]
    components: frozenset[str]

    def have(self, route: Route, value: str | None = None) -> bool:
        """Whether one of them has a key, with a value if one is given."""
        return any(there == route and value in {None, given} for there, given in self.values)


@dataclass(frozen=True)
class Project:
    """The tree that rows are held against, and which system they are about."""

    root: Path
    system: str = "mlflow"

    @cached_property
    def levels(self) -> dict[str, Environments]:
        """The environments of each of the heavier tests."""
        # Nothing runs a whole installation of Kubeflow Pipelines.
        levels = {"applied": APPLIED, "run": RUN} if self.system == "mlflow" else {"applied": APPLIED}
        return {level: self._environments(patterns) for level, patterns in levels.items()}

    def _environments(self, patterns: tuple[str, ...]) -> Environments:
        values: set[tuple[Route, str]] = set()
        components: set[str] = set()
        for file in (each for pattern in patterns for each in sorted(self.root.glob(pattern))):
            content = file.read_bytes()
            data = yaml.safe_load(content)
            if KINDS[data["overlay"]].system == self.system:
                values |= set(_values(data))
                overlay = understand("environment", str(file), content).overlay
                components |= set(overlay.components if overlay else ())
        return Environments(frozenset(values), frozenset(components))

    @cached_property
    def targets(self) -> set[str]:
        """What make can be asked for."""
        return set(re.findall(r"^([a-z0-9-]+):(?!=)", (self.root / "Makefile").read_text("utf-8"), re.MULTILINE))

    def mentions(self, test: str, word: str) -> bool:
        """Whether a test is there and says a word."""
        file = self.root / test
        return file.is_file() and re.search(rf"\b{re.escape(word)}\b", file.read_text("utf-8")) is not None


@dataclass(frozen=True)
class Ref:
    """Something of this project that a row names: a key with or without a value, a path, a kind, a code, a target of make."""

    sort: str
    name: str
    value: str | None = None


def _values(value: Any, route: Route = ()) -> Iterator[tuple[Route, str]]:
    """The route of every value and of every mapping; items of a list share their list's route."""
    yield route, "" if isinstance(value, dict | list) else _written(value)
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield from _values(inner, (*route, str(key)))
    for inner in value if isinstance(value, list) else ():
        yield from _values(inner, route)


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def refs(text: str) -> Iterator[Ref]:
    """What a text names between backticks. `.port` after `database.host` is `database.port`."""
    parent = ""
    for word in re.findall(r"`([^`]+)`", text):
        key, _, value = word.partition(": ")
        if re.fullmatch(r"\.[a-zA-Z.]+", key) and parent:
            key = parent + key
        if re.fullmatch(r"[a-z][a-zA-Z]*(\.[a-zA-Z-]+)*", key) and key.partition(".")[0] in {*PARTS, *_tops()}:
            parent = key.rpartition(".")[0]
            yield Ref("key", key, value or None)
        elif re.fullmatch(r"(base|compiler|docs|overlays|schema|scripts|tests)/[^ <]+", word):
            yield Ref("path", word)
        elif word == "custom/":
            yield Ref("path", CUSTOM)
        elif word in CODES:
            yield Ref("code", word)
        elif word.startswith("make ") and "=" not in word:
            yield Ref("target", word.removeprefix("make "))
        else:
            yield from (Ref("kind", kind) for kind in KINDS if word != "*" and Path(kind).match(word))


def _tops() -> set[str]:
    return set(environment_schema()["properties"])


def schema_of(name: str) -> dict[str, Any] | None:
    """The schema of a key of the language; below a mapping of any names, all are keys. None where there is no such key."""
    fragment: dict[str, Any] = environment_schema()
    for word in name.split("."):
        fragment = fragment.get("items", fragment)
        if "properties" not in fragment:
            return {} if "additionalProperties" in fragment else None
        if word not in fragment["properties"]:
            return None
        fragment = fragment["properties"][word]
    return fragment


def is_there(ref: Ref, project: Project) -> bool:
    """Whether this project has what a row names."""
    match ref.sort:
        case "key":
            known = schema_of(ref.name)
            return known is not None and ref.value in (None, *known.get("enum", [ref.value]))
        case "path":
            return any(project.root.glob(ref.name.rstrip("/")))
        case "target":
            return ref.name.split()[0] in project.targets
        case _:
            return True


def levels(ref: Ref, project: Project) -> dict[str, bool]:
    """Whether the environments of each of the heavier tests have a thing; nothing where that is no question."""
    match ref.sort, ref.name.split("/"):
        case "key", _:
            route = tuple(ref.name.split("."))
            return {level: each.have(route, ref.value) for level, each in project.levels.items()}
        case "kind", _:
            return {level: each.have(("overlay",), ref.name) for level, each in project.levels.items()}
        case "path", ["base", "mlflow", *_]:
            return dict.fromkeys(project.levels, True)
        case "path", ["base", "components", pattern, *_]:
            return {
                level: any(Path(component).match(pattern) for component in each.components)
                for level, each in project.levels.items()
            }
        case _:
            return {}


def tests(ref: Ref, project: Project) -> list[str]:
    """The tests of a thing."""
    match ref.sort, ref.name.split("/"):
        case "key", _:
            return _tests_of_key(ref.name, project) if project.system == "mlflow" else _tests_of_pipelines(ref, project)
        case "code", _:
            return [f"tests/cases/invalid/{ref.name}"]
        case "path", ["tests", *_]:
            return [ref.name]
        case "path", ["compiler", *folders, module]:
            names = ["/".join((*folders, f"test_{module}")), *(f"test_{folder}.py" for folder in folders)]
            return [f"tests/{name}" for name in names if (project.root / "tests" / name).is_file()][:1]
        case _:
            return []


def _tests_of_key(key: str, project: Project) -> list[str]:
    """The tests of a part that speak of a key, or the one that turns on every key."""
    top, word = key.partition(".")[0], key.rpartition(".")[2]
    owner = next((part for part in PARTS.values() if top in part.KEYS), None)
    part = getattr(owner, "__name__", "").rpartition(".")[2]
    names = (part, "stores") if part == "artifacts" else (part,)
    found = [f"tests/parts/test_{name}.py" for name in names]
    return [each for each in found if project.mentions(each, word)] or ["tests/test_everything.py"]


def _tests_of_pipelines(ref: Ref, project: Project) -> list[str]:
    """The tests of Kubeflow Pipelines that speak of a key, and of the value if one is given."""
    words = [ref.name.rpartition(".")[2], *([ref.value] if ref.value else [])]
    files = [
        each.relative_to(project.root).as_posix() for each in sorted(project.root.glob("tests/kubeflow/test_*.py"))
    ]
    return [file for file in files if all(project.mentions(file, word) for word in words)]


def proved(row: dict[str, Any], project: Project) -> str:
    """How a row is proved, in words: what it says itself, and what follows from all that it names. Empty where nothing is."""
    if row["state"] == "later":
        return "nothing yet"
    named = list(refs(row["here"]))
    found = [row["proof"]] if "proof" in row else []
    found += [f"`{test}`" for ref in named for test in tests(ref, project)]
    asked = [answer for ref in named if (answer := levels(ref, project))]
    found += [level for level in project.levels if asked and all(answer[level] for answer in asked)]
    return ", ".join(dict.fromkeys(found)) or ("nothing to prove" if row["state"] == "unwanted" else "")


def tables(root: Path, page: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The tables of a page, in the order of their files' names."""
    for file in sorted((root / "docs" / "tables" / page).glob("*.yaml")):
        yield file, yaml.safe_load(file.read_text(encoding="utf-8"))


def pages(root: Path) -> dict[str, str]:
    """Every page, by its path; none where there are no tables."""
    project = Project(root)
    return {path: _page(project, name) for name, path in PAGES.items() if any(tables(root, name))}


def _page(project: Project, name: str) -> str:
    head = (project.root / "docs" / "tables" / f"{name}.md").read_text(encoding="utf-8")
    parts = [
        part
        for _, table in tables(project.root, name)
        for part in _table(table, project if "system" not in table else replace(project, system=table["system"]))
    ]
    return NOTE + "\n".join([head, *parts])


def _table(table: dict[str, Any], project: Project) -> Iterator[str]:
    counts = {words: sum(row["state"] == state for row in rows(table)) for state, words in STATES.items()}
    summary = ", ".join(f"{count} {words}" for words, count in counts.items() if count)
    yield f"## {table['title']}\n\n{table['about']}\nRows: {summary}.\n"
    for section in table["sections"]:
        lines = [f"### {section['title']}\n\n"] if "title" in section else []
        lines += ["| theirs | is | here | proved by |\n|---|---|---|---|\n"]
        for row in section["rows"]:
            cells = (in_words(row["theirs"]), STATES[row["state"]], row["here"], proved(row, project))
            lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n")
        yield "".join(lines)


def in_words(theirs: str | list[str]) -> str:
    """The first cell of a row: a sentence as it is, or the keys of a chart, each without the parent of the one before it."""
    if isinstance(theirs, str):
        return theirs
    parents = [key.rpartition(".")[0] for key in theirs]
    short = [
        f"`{key.removeprefix(parent) if parent and parent == before else key}`"
        for key, parent, before in zip(theirs, parents, ["", *parents], strict=False)
    ]
    return ", ".join(short)


def rows(table: dict[str, Any]) -> list[dict[str, Any]]:
    """All rows of a table."""
    return [row for section in table["sections"] for row in section["rows"]]


def leaves(values: Any, route: str = "") -> Iterator[str]:
    """The keys of a values.yaml that hold a value, a list or nothing."""
    if not isinstance(values, dict) or not values:
        yield route
        return
    for key, value in values.items():
        yield from leaves(value, f"{route}.{key}".lstrip("."))


def main() -> None:
    """Prints the keys."""
    parser = argparse.ArgumentParser(description=SUMMARY, epilog=EXAMPLE, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "values", type=argparse.FileType(encoding="utf-8"), help="a chart's values.yaml, or - for standard input"
    )
    for key in leaves(yaml.safe_load(parser.parse_args().values)):
        print(key)


if __name__ == "__main__":
    main()
