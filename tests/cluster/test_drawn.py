"""Random environments that the schema admits: a real API server accepts what compiles, and the rest is blamed on its key."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import yaml

from compiler.build import build
from compiler.diagnostic import Severity
from compiler.emit import emit
from compiler.pipeline import compile_environment
from compiler.understand import Compilation, understand
from compiler.workspace import Workspace
from tests.sample import SHARE

from .apiserver import Server
from .drawn import Drawer, Values
from .rest import Rest
from .stage import stage

pytestmark = pytest.mark.cluster

COUNT = int(os.environ.get("MLFLOW_OVERLAYS_DRAWN", "500")) // SHARE
START = int(os.environ.get("MLFLOW_OVERLAYS_SEED", "1"))
VALUES = 40
"""How many values are drawn for each key."""
WHOLE = 5
"""Of so many environments, one is compiled and verified whole."""
SPACE = "drawn"


@pytest.fixture(scope="module")
def drawn() -> list[tuple[Values, Values]]:
    """Environments of all kinds, each as it was drawn, and without what contradicts the rest of it."""
    return list(islice(Drawer(VALUES, START).environments(), COUNT + COUNT // 10))


@pytest.fixture(scope="module")
def compiled(drawn: list[tuple[Values, Values]], directory: Path) -> Iterator[list[Compilation]]:
    """Those that contradict themselves nowhere, in this process: some compiled and verified whole, the others only built."""
    workspace = Alone(stage(directory / "drawn").root)
    names = [f"drawn-{number}" for number, _ in enumerate(drawn)]
    for name, (_, clean) in zip(names, drawn, strict=True):
        workspace.directory(name).mkdir(parents=True)
        (workspace.directory(name) / "environment.yaml").write_text(written(clean), encoding="utf-8")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield list(pool.map(lambda name: _compiled(workspace, name, whole=names.index(name) % WHOLE == 0), names))


def _compiled(workspace: Workspace, name: str, *, whole: bool) -> Compilation:
    """What comes of an environment. Verifying a build takes three times as long as building, and its rules have tests."""
    if whole:
        return compile_environment(workspace, name)
    understood = understand(name, *workspace.environment(name))
    assert understood.overlay is not None, understood.diagnostics
    tree = emit(name, understood.overlay)
    built = build(workspace.root, name, tree, understood.overlay.generated_secrets())
    assert not built.failed, (name, built.error, built.problems)
    return replace(understood, tree=tree, manifests=built.manifests)


class Alone(Workspace):
    """A project whose environments know nothing of each other."""

    def others(self, name: str) -> dict[str, bytes]:  # noqa: ARG002 - of whichever it is
        return {}


def written(values: Values) -> str:
    """The text of an environment."""
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=False, width=10**6)


def test_what_contradicts_itself_is_refused_at_a_key(drawn: list[tuple[Values, Values]]) -> None:
    """What the schema admits and the compiler refuses is refused at a line of the environment."""
    elsewhere = []
    for values, _ in drawn:
        found = understand("drawn", "environment.yaml", written(values).encode(), today="2026-01-01").diagnostics
        elsewhere += [each for each in found if each.place.path != "environment.yaml" or not each.place.line]
    assert elsewhere == []


def test_what_agrees_compiles(compiled: list[Compilation]) -> None:
    """What the verification of a build still refuses is refused at a line of the environment, and is little."""
    refused = [each for one in compiled for each in one.diagnostics if each.severity is Severity.ERROR]
    elsewhere = [each for each in refused if not each.place.path.endswith("/environment.yaml") or not each.place.line]
    assert elsewhere == [], "\n".join(map(str, elsewhere))
    assert sum(one.tree is not None for one in compiled) >= COUNT, "\n".join(map(str, refused))


def test_what_compiles_is_accepted(server: Server, compiled: list[Compilation]) -> None:
    """The API server would create every object of every build, strictly and without a warning."""
    server.kubectl.must("create", "namespace", SPACE)
    # Most objects are in many builds.
    different = {json.dumps(each.data, sort_keys=True): (one.name, each) for one in compiled for each in one.manifests}
    things = different.values()
    with closing(Rest(server.kubectl.kubeconfig, SPACE)) as api:
        answers = [(name, str(each.ref), api.refusal(each.data)) for name, each in things]
    refused = [answer for answer in answers if answer[-1]]
    assert refused == [], "\n".join(map(" ".join, refused))
