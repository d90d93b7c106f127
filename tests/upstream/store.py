"""Where a build names the object store that comes with Kubeflow Pipelines, and how an outline stands to the real build."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from compiler.build import kustomize
from compiler.manifest import parse, strings
from compiler.route import Named, Route, follow, show
from tests.conftest import ROOT

NAMES = re.compile(
    r"mlpipeline-minio-artifact|ml-pipeline-(?:minio|seaweedfs)|minio-(?:service|pvc)|seaweedfs(?:-service|-pvc)?"
    r"|minio123|minio|mlpipeline|private-artifacts",
    re.IGNORECASE,
)
"""What names the store: its objects, its keys, its bucket, and the prefix that upstream has in that. Variables of the UI, as
MINIO_HOST, are no names: they are keys of a list."""
DATABASE = ("ConfigMap", "pipeline-install-config", ("data", "pipelineDb"))
"""The one place that has the name of the bucket for something else."""
_HASH = re.compile(r"-[bcdfghkm2456789t]{10}$")

Objects = dict[tuple[str, str], dict[str, Any]]
"""The objects of a build by kind and name, the name without the hash of a generator."""
Mentions = dict[tuple[str, str, Route], frozenset[str]]
"""The names of the store at each place of a build."""


@cache
def built(directory: Path) -> Objects:
    """The objects of a directory of Kustomize. Fails with kubectl's words where it does not build."""
    text, error = kustomize(directory)
    assert not error, error
    documents = list(parse(text))
    objects = {(each["kind"], _HASH.sub("", each["metadata"]["name"])): each for each in documents}
    assert len(objects) == len(documents), "two objects of a kind have one name"
    return objects


def over(base: Path, components: Sequence[str], directory: Path, root: Path = ROOT) -> Objects:
    """The build of components of a project over a base, in a directory that is made for it."""
    directory.mkdir()
    here = directory.resolve()
    lines = ["resources:", f"  - {os.path.relpath(base.resolve(), here)}", "components:"]
    lines += [f"  - {os.path.relpath((root / 'base' / 'components' / each).resolve(), here)}" for each in components]
    (directory / "kustomization.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return built(directory)


def mentions(objects: Objects, *, comments: bool = False) -> Mentions:
    """Every place that names the store: in a comment too, if asked."""
    return {
        (*key, named(data, route)): names
        for key, data in objects.items()
        if key[0] != "CustomResourceDefinition"
        for route, text in strings(data)
        if not _is_variable(data, route) and (names := words(text, comments=comments)) and (*key, route) != DATABASE
    }


def words(text: str, *, comments: bool = False) -> frozenset[str]:
    """The names of the store in a text: with those in its comments, if asked."""
    lines = (line for line in text.splitlines() if comments or not line.lstrip().startswith("#"))
    return frozenset(found.lower() for line in lines for found in NAMES.findall(line))


def named(document: Any, route: Route) -> Route:
    """A route with names in place of the indexes of lists, where the items have names; else with no index at all."""
    steps: Route = ()
    for end, step in enumerate(route):
        if isinstance(step, int):
            item = follow(document, route[: end + 1])
            steps = (*steps, Named(item["name"] if isinstance(item, dict) and "name" in item else ""))
        else:
            steps = (*steps, step)
    return steps


def _is_variable(document: Any, route: Route) -> bool:
    """Whether a string is the name of an environment variable."""
    return len(route) > 3 and route[-3] == "env" and route[-1] == "name"


def missed(outline: Objects, real: Objects, versions: tuple[str, str]) -> Iterator[str]:
    """What an outline has and the real build has not, or not so. In: the versions of the two."""
    for key, data in outline.items():
        if key not in real:
            yield f"{' '.join(key)} is not there"
        else:
            yield from (f"{' '.join(key)}: {each}" for each in _missed(data, real[key], (), versions))


def _missed(outline: Any, real: Any, route: Route, versions: tuple[str, str]) -> Iterator[str]:
    if isinstance(outline, dict) and isinstance(real, dict):
        for key, value in outline.items():
            yield from _missed(value, real.get(key), (*route, key), versions)
    elif isinstance(outline, list) and isinstance(real, list):
        for index, value in enumerate(outline):
            candidates = [each for each in real if _name(each) == _name(value)]
            answers = [list(_missed(value, each, (*route, index), versions)) for each in candidates]
            yield from min(answers, key=len, default=[f"{show((*route, index))}: {value!r} is not there"])
    elif not _same(outline, real, route, versions):
        yield f"{show(route)}: {outline!r} is {real!r}"


def _name(item: Any) -> Any:
    return item.get("name") if isinstance(item, dict) else None


def _same(outline: Any, real: Any, route: Route, versions: tuple[str, str]) -> bool:
    """Whether a value is the real one. Programs name the store alike; documents have what the outline has of them."""
    if not isinstance(outline, str) or not isinstance(real, str):
        return bool(outline == real)
    here, there = versions
    if route[-1] == "image" and here != there:
        return outline.partition(":")[2] != here or real == outline.replace(here, there)
    if outline == real or (outline, real) == versions or _HASH.sub("", outline) == _HASH.sub("", real):
        return True
    document = yaml.safe_load(outline) if "\n" in real and "sync.py" not in route else None
    if isinstance(document, dict):
        return not any(_missed(document, yaml.safe_load(real), (), versions))
    return "\n" in real and words(outline) == words(real)
