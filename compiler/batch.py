"""Environments of a project, compiled in the order that was asked for, as many at once as there are processors.

This is where a run starts, so nothing slow is imported here: kubectl is at work before the compiler itself is read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from compiler.build import Building, start
from compiler.errors import Missing
from compiler.tree import KUSTOMIZATION
from compiler.workspace import Workspace

if TYPE_CHECKING:
    from compiler.understand import Compilation


def compile_each(
    workspace: Workspace, names: Sequence[str], versions: tuple[str, ...] = (), today: str = ""
) -> Iterator[Compilation]:
    """Compiles and proves environments, and yields what came of each, in order. Writes nothing.

    In: the Kubernetes minors to validate against, in place of each environment's own, and the day that waivers are held against.
    """
    return (outcome() for outcome in outcomes(workspace, names, versions, today))


def outcomes(
    workspace: Workspace, names: Sequence[str], versions: tuple[str, ...] = (), today: str = ""
) -> Iterator[Callable[[], Compilation]]:
    """The same, each as a function that returns what came of an environment, or raises what keeps it from being compiled.

    So one that cannot be read does not keep the others from being reported.
    """
    if len(names) == 1:
        yield lambda: _one(workspace, names[0], versions, today)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        futures = [pool.submit(_one, workspace, name, versions, today) for name in names]
        try:
            yield from (future.result for future in futures)
        finally:
            for future in futures:
                future.cancel()


def _one(workspace: Workspace, name: str, versions: tuple[str, ...], today: str) -> Compilation:
    begun = ahead(workspace, name)
    from compiler.pipeline import compile_environment

    return compile_environment(workspace, name, versions, today, begun)


def ahead(workspace: Workspace, name: str) -> Building | None:
    """Starts to build the overlay that is on disk, which most often is the one that its environment asks for.

    None where there is none, and where Secrets are generated: their keys are known only when the environment is understood.
    Raises what `Workspace.environment` raises.
    """
    workspace.environment(name)
    tree = workspace.committed(name)
    if KUSTOMIZATION not in tree or any("secretGenerator" in text for text in tree.values()):
        return None
    try:
        return start(workspace.root, name, tree, ())
    except Missing:
        # Without kubectl there still is something to say about the environment.
        return None
