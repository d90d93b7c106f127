"""validate: manifests of any origin are held against the schemas of Kubernetes and against each other."""

from __future__ import annotations

import gc
import re
import sys
from typing import TYPE_CHECKING, TypeAlias

from compiler import errors
from compiler.cli.options import Output
from compiler.cli.output import choose, finish, say, show

if TYPE_CHECKING:
    from typing import Annotated

    import typer

EXAMPLE = "mlflow-overlays validate overlays/prod --kubernetes-version 1.35 --kubernetes-version 1.37 --summary"

Paths: TypeAlias = """Annotated[
    list[str],
    typer.Argument(metavar="PATH...", help="Files, directories of *.yaml, *.yml and *.json, or - for standard input."),
]"""
Versions: TypeAlias = """Annotated[
    list[str] | None,
    typer.Option("--kubernetes-version", help="A minor to validate against, the newest without any; 'all' is each."),
]"""
Locations: TypeAlias = """Annotated[
    list[str] | None,
    typer.Option(
        "--schema-location",
        help="'default', or the path of schemas with variables such as {{ .Group }}; the first one wins.",
    ),
]"""
Skip: TypeAlias = """Annotated[
    list[str] | None, typer.Option("--skip", help="Kinds, or apiVersion/kind, to pass over and count; commas separate.")
]"""
Reject: TypeAlias = (
    """Annotated[list[str] | None, typer.Option("--reject", help="Kinds, or apiVersion/kind, that are errors.")]"""
)


def run(
    paths: Paths,
    *,
    kubernetes_version: Versions = None,
    schema_location: Locations = None,
    skip: Skip = None,
    reject: Reject = None,
    ignore_missing_schemas: Annotated[
        bool, typer.Option("--ignore-missing-schemas", help="Skip custom resources without a schema, and count them.")
    ] = False,
    allow_remote: Annotated[
        bool,
        typer.Option(
            "--allow-remote",
            help="Let kustomizations fetch https addresses with git and the network. Not for files that you do not trust.",
        ),
    ] = False,
    summary: Annotated[bool, typer.Option("--summary", help="Say how many objects are valid.")] = False,
    output: Output = "",
) -> None:
    """Validate manifests strictly, with file, line and column. A directory with a kustomization.yaml is built first."""
    from compiler.catalog import DEFAULT, check_location
    from compiler.gather import gather
    from compiler.validate import STATUSES, Demand, Verdict, judge

    if not paths:
        raise errors.Usage("name files, directories, or - for standard input")
    format_ = choose(output)
    demand = Demand(
        versions=_versions(kubernetes_version),
        locations=tuple(check_location(each) for each in schema_location or [DEFAULT]),
        skip=_words(skip),
        reject=_words(reject),
        ignore_missing=ignore_missing_schemas,
    )
    verdict = Verdict()
    # Many small values are made and none is dropped, so looking for what can be freed is for nothing.
    gc.disable()
    try:
        judge(gather(paths, sys.stdin.buffer, verdict, remote=allow_remote), demand, verdict)
    finally:
        gc.enable()
    found = sorted(set(verdict.diagnostics))
    show(found, format_)
    total = verdict.total
    if format_ == "text" and (summary or total["skipped"]):
        counted = ", ".join(f"{total[status]} {status}" for status in STATUSES)
        minors = ", ".join(demand.versions)
        say(f"{total.total()} objects in {len(verdict.counts)} files: {counted} (Kubernetes {minors})")
    files = [
        {"path": path, **{status: count[status] for status in STATUSES}}
        for path, count in sorted(verdict.counts.items())
    ]
    finish(
        found, format_, versions=list(demand.versions), files=files, summary={each: total[each] for each in STATUSES}
    )


def _versions(asked: list[str] | None) -> tuple[str, ...]:
    """The minors that were asked for, the newest without any. Raises `Usage` for one that there are no schemas of."""
    from compiler.catalog import schema_versions

    there = schema_versions()
    if not asked:
        return there[-1:]
    if "all" in asked:
        return there
    minors = [re.sub(r"^v?(\d+\.\d+)(\.\d+)?$", r"\1", each) for each in asked]
    for version in minors:
        if version not in there:
            raise errors.Usage(f"there are no schemas of Kubernetes {version}; there are {', '.join(there)}")
    return tuple(dict.fromkeys(minors))


def _words(asked: list[str] | None) -> frozenset[str]:
    return frozenset(word.strip() for each in asked or [] for word in each.split(",") if word.strip())
