"""Manifests of any origin, held against the schemas of Kubernetes and against each other.

In: texts with their paths, and what a directory of Kustomize was built into. Out: what is wrong, and what became of each object:
valid, invalid, or skipped, which is its own answer.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from compiler.conform import groups, judged, known
from compiler.diagnostic import Diagnostic, Place, Severity
from compiler.dialect import MANIFEST
from compiler.manifest import Fault, Manifest, private, without_nulls
from compiler.quick import plain
from compiler.releases import removed
from compiler.route import ABSENT, Route, follow, indexed
from compiler.rules import between
from compiler.source import Refusal, Source, chunks, decode, read_all

STATUSES = ("valid", "invalid", "skipped", "unreadable")


@dataclass(frozen=True)
class Demand:
    """What is asked of manifests: the minors, where schemas are, and which kinds are passed over or forbidden."""

    versions: tuple[str, ...]
    locations: tuple[str, ...]
    skip: frozenset[str] = frozenset()
    reject: frozenset[str] = frozenset()
    ignore_missing: bool = False


@dataclass(frozen=True)
class Text:
    """A file of manifests."""

    path: str
    text: str

    @cached_property
    def parts(self) -> list[tuple[int, str]]:
        """Its documents as text, but for those that hold nothing, each with the number of lines before it."""
        return [(before, part) for before, part in chunks(self.text) if _holds(part)]

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """Its lines."""
        return tuple(self.text.split("\n"))

    def source(self, index: int, count: int) -> Source:
        """A document with its places, of so many. Read anew, because a text that is right needs none."""
        if len(self.parts) != count:
            return read_all(self.path, self.text)[0][index]
        before, part = self.parts[index]
        return read_all(self.path, part, before, self.lines)[0][0]


@dataclass(frozen=True, eq=False)
class Object:
    """One object: its manifest, the path of its file, and how the place of a route in it is found."""

    manifest: Manifest
    path: str
    locate: Callable[[Route], tuple[Source | None, Route, Place]]
    built: bool = False
    """Whether it is of a build, where all that it refers to has to be."""

    @property
    def namespace(self) -> str:
        """The namespace that it says it is in."""
        metadata = self.manifest.data.get("metadata")
        return str(metadata.get("namespace") or "") if isinstance(metadata, dict) else ""


@dataclass
class Verdict:
    """What came of a run: diagnostics, and how many objects of each file have which status."""

    diagnostics: list[Diagnostic] = field(default_factory=list)
    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    @property
    def total(self) -> Counter[str]:
        """How many objects have which status."""
        return sum(self.counts.values(), Counter())


def read_objects(path: str, content: bytes, verdict: Verdict) -> list[Object]:
    """The objects of a file, items of lists one by one. What cannot be read goes into the verdict."""
    count = verdict.counts[path]
    try:
        text = Text(path, decode(content, MANIFEST))
    except Refusal as refusal:
        verdict.diagnostics.append(Source(path, None, {}).refuse(refusal))
        count["unreadable"] += 1
        return []
    found = plain([part for _, part in text.parts])
    if found is not None:
        return [
            each for index, data in enumerate(found) for each in _objects(text, data, _lazily(text, index, len(found)))
        ]
    sources, problems = read_all(path, text.text)
    verdict.diagnostics += problems
    if problems:
        count["unreadable"] += max(1, len(text.parts) - len(sources))
    return [each for source in sources for each in _objects(text, source.data, _at_once(source))]


def _holds(part: str) -> bool:
    """Whether a document holds more than comments."""
    return any(
        line.strip() and not line.startswith("#") and not line.lstrip().startswith("#")
        for line in part.removeprefix("---").split("\n")
    )


def _lazily(text: Text, index: int, count: int) -> Callable[[], Source]:
    return lambda: text.source(index, count)


def _at_once(source: Source) -> Callable[[], Source]:
    return lambda: source


def _objects(text: Text, data: Any, source: Callable[[], Source], prefix: Route = ()) -> Iterator[Object]:
    if isinstance(data, dict) and str(data.get("kind")).lower() == "list" and isinstance(data.get("items"), list):
        for index, item in enumerate(data["items"]):
            yield from _objects(text, item, source, (*prefix, "items", index))
        return

    def locate(route: Route) -> tuple[Source | None, Route, Place]:
        found = source()
        return found, (*prefix, *route), found.locate((*prefix, *route))

    yield Object(Manifest(data if isinstance(data, dict) else {"": data}), text.path, locate)


def judge(objects: Sequence[Object], demand: Demand, verdict: Verdict) -> None:
    """Holds objects against schemas and against each other, and adds what came of it to the verdict."""
    valid: dict[Object, None] = {}
    for each in objects:
        status, faults = _status(each, demand)
        if faults:
            verdict.diagnostics += [_diagnose(each, fault) for fault in faults]
        if status == "valid":
            valid[each] = None
        else:
            verdict.counts[each.path][status] += 1
    wrong = set()
    for group in _groups(valid):
        for each, fault in _between(group):
            verdict.diagnostics.append(_diagnose(each, fault))
            if fault.severity is Severity.ERROR:
                wrong.add(each)
    for each in valid:
        verdict.counts[each.path]["invalid" if each in wrong else "valid"] += 1


def _status(each: Object, demand: Demand) -> tuple[str, list[Fault]]:
    ref = each.manifest.ref
    if "" in each.manifest.data:
        return "invalid", [
            Fault(ref, (), "not-a-manifest", "this is not an object", "an object has apiVersion and kind")
        ]
    names = {ref.kind, f"{ref.api_version}/{ref.kind}"}
    if names & demand.skip:
        return "skipped", []
    if names & demand.reject:
        message = f"objects of kind {ref.kind} are rejected here"
        return "invalid", [Fault(ref, ("kind",), "rejected-kind", message, "--reject names it")]
    if demand.ignore_missing and _foreign(ref.api_version, ref.kind, demand):
        return "skipped", []
    found = {version: judged(each.manifest, version, demand.locations) for version in demand.versions}
    faults = list(_merged(found))
    wrong = any(fault.severity is Severity.ERROR for fault in faults)
    return ("invalid" if wrong else "valid"), faults


def _foreign(api_version: str, kind: str, demand: Demand) -> bool:
    """Whether a kind has no schema and is none of Kubernetes itself, where it would be gone or mistyped."""
    if api_version.rpartition("/")[0] in groups() or not kind or "/" not in api_version:
        return False
    return not any(
        known(version, demand.locations, api_version, kind) or removed(version, api_version, kind)
        for version in demand.versions
    )


def _merged(found: dict[str, list[Fault]]) -> Iterator[Fault]:
    """The faults of all versions, each once, with the versions that have it where not all do."""
    first: dict[tuple[Route, str], tuple[Fault, list[str]]] = {}
    for version, faults in found.items():
        for fault in faults:
            key = (fault.route, fault.code if "Kubernetes" in fault.message else fault.message)
            first.setdefault(key, (fault, []))[1].append(version)
    for fault, versions in first.values():
        if len(versions) == len(found):
            yield fault
        else:
            yield replace(fault, message=f"{fault.message} (Kubernetes {', '.join(versions)})")


def _groups(objects: Iterable[Object]) -> list[list[Object]]:
    """Objects that see each other: of one namespace, and all of one build or all of files."""
    found: dict[tuple[bool, str], list[Object]] = {}
    for each in objects:
        found.setdefault((each.built, each.namespace), []).append(each)
    return list(found.values())


def _between(group: list[Object]) -> Iterator[tuple[Object, Fault]]:
    """What is wrong between the objects of a group. Files may be a part of what runs, so there it is a warning."""
    by_ref: dict[Any, Object] = {}
    for each in group:
        ref = each.manifest.ref
        if ref in by_ref and ref.name:
            place = by_ref[ref].locate(("metadata", "name"))[2]
            hint = "the later one replaces the earlier: keep one of the two"
            yield (
                each,
                Fault(
                    ref,
                    ("metadata", "name"),
                    "duplicate-object",
                    f"it is already in {place}",
                    hint,
                    severity=Severity.WARNING,
                ),
            )
        by_ref[ref] = each
    clean = [Manifest(without_nulls(each.manifest.data)) if each.manifest.nulls else each.manifest for each in group]
    for fault in between(clean, whole=group[0].built):
        if fault.looks_for == "Secret":
            hint = "Secrets are often made outside of what is kept; see that this one is"
            yield by_ref[fault.ref], replace(fault, severity=Severity.WARNING, hint=hint)
        elif group[0].built:
            yield by_ref[fault.ref], fault
        elif fault.looks_for:
            hint = "it may be in files that were not given"
            yield by_ref[fault.ref], replace(fault, severity=Severity.WARNING, hint=hint)
        elif fault.code == "picks-nothing" and _numbered(by_ref[fault.ref], fault):
            hint = "a pod need not list the ports that it has by number; check that it listens there"
            yield by_ref[fault.ref], replace(fault, severity=Severity.WARNING, hint=hint)
        else:
            yield by_ref[fault.ref], fault


def _numbered(each: Object, fault: Fault) -> bool:
    """Whether a fault is about a port of a pod that is a number, which pods need not list."""
    value = follow(each.manifest.data, fault.route)
    return fault.route[-1] in ("port", "targetPort") and (value is ABSENT or isinstance(value, int))


def _diagnose(each: Object, fault: Fault) -> Diagnostic:
    source, route, place = each.locate(indexed(each.manifest.data, fault.route))
    if source is not None and fault.code == "schema-unknown-field":
        place = source.locate(route, at_key=True)
    named = str(fault.ref).strip()
    message = f"{named}: {fault.message}" if named else fault.message
    hint = fault.hint
    line = ""
    if source is not None:
        line = "" if fault.ref.kind == "Secret" else source.line(place.line)
        hint = _typing(source, route, fault) or hint
    return Diagnostic(place, fault.code, message, hint, fault.severity, line)


def _typing(source: Source, route: Route, fault: Fault) -> str:
    """What to do where YAML made something else of a plain word than was meant."""
    written = source.written(route)
    if (
        fault.code != "schema-wrong-type"
        or not written
        or private(fault.ref, fault.route)
        or "of type string" not in fault.message
    ):
        return ""
    return f'YAML reads {written} as something else than text: write "{written}"'
