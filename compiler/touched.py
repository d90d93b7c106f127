"""Which environments a changed file touches: those whose overlay could come out differently."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePath

from compiler.errors import Fatal
from compiler.kubeflow.installation import Installation
from compiler.understand import understand
from compiler.workspace import Workspace


def touched(workspace: Workspace, files: Iterable[Path]) -> list[str]:
    """The environments that any of the files touches, by name. In: paths as somebody in the current directory writes them.

    A file need not exist any more. A file of no overlay and no component may hold anything, like the version of the compiler,
    and touches every environment.
    """
    changed = [PurePath(*_inside(workspace, file)) for file in files]
    return [name for name in workspace.names() if any(_touches(workspace, file, name) for file in changed)]


def _inside(workspace: Workspace, file: Path) -> tuple[str, ...]:
    """The parts of a path from the root of the project; () outside of it."""
    path = Path.cwd() / file
    if ".." in path.parts:
        # What changed is the file that is named; where it is a symbolic link, not what that leads to.
        path = path.parent.resolve() / path.name
    return path.relative_to(workspace.root).parts if path.is_relative_to(workspace.root) else ()


def _touches(workspace: Workspace, file: PurePath, name: str) -> bool:
    """Also where the environment cannot be read: whatever it is taken for says so then."""
    try:
        return _uses_file(workspace, file, name)
    except (Fatal, OSError):
        return True


def _uses_file(workspace: Workspace, file: PurePath, name: str) -> bool:
    match file.parts:
        case ("overlays", directory, "environment.yaml"):
            return directory == name or _looks_around(workspace, name)
        case ("overlays", directory, *_):
            return directory == name
        case ("base", "components", component, *_):
            return _uses(workspace, name, component)
        case _:
            return True


def _looks_around(workspace: Workspace, name: str) -> bool:
    """Whether an environment is held against the others of its project."""
    path, content = workspace.environment(name)
    return isinstance(understand(name, path, content).environment, Installation)


def _uses(workspace: Workspace, name: str, component: str) -> bool:
    """Whether an overlay is put together with a component of the base; also where nobody can tell, for a mistake in it."""
    path, content = workspace.environment(name)
    overlay = understand(name, path, content, custom=workspace.has_custom(name)).overlay
    return overlay is None or component in overlay.components
