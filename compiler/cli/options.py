"""The options that commands share, and what they choose.

Options are written as text, which only `compiler.cli.app` reads: most runs need no typer, which is slow to import.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from compiler import errors
from compiler.workspace import Workspace, find

if TYPE_CHECKING:
    from typing import Annotated

    import typer

    from compiler.cli import complete

Names: TypeAlias = """Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[ENV]...", help="Environments by name; all of them without any.", autocompletion=complete.environments
    ),
]"""
Changed: TypeAlias = """Annotated[
    bool, typer.Option("--changed", help="ENV are files that changed: take the environments that they touch.")
]"""
Root: TypeAlias = """Annotated[
    Path | None,
    typer.Option("--root", help="The project; by default the one that the current directory is in.", file_okay=False),
]"""
Output: TypeAlias = """Annotated[
    str,
    typer.Option(
        "--output",
        "-o",
        help="text, json, github, sarif or junit; github by itself in GitHub Actions.",
        autocompletion=complete.formats,
    ),
]"""
Fix: TypeAlias = """Annotated[
    bool, typer.Option("--fix", help="First put right in environment.yaml what has one right answer; the rest stays.")
]"""
Versions: TypeAlias = """Annotated[
    list[str] | None,
    typer.Option(
        "--kubernetes-version",
        help="A minor to validate against, in place of the environment's; 'all' is each.",
        autocompletion=complete.versions,
    ),
]"""
AsOf: TypeAlias = """Annotated[
    str, typer.Option("--as-of", metavar="DAY", help="Judge waivers by this day, like 2027-03-31; by today without it.")
]"""

Context: TypeAlias = """Annotated[
    str, typer.Option("--context", metavar="NAME", help="The context of the cluster; without it, a terminal asks.")
]"""
Kubeconfig: TypeAlias = """Annotated[
    Path | None,
    typer.Option("--kubeconfig", help="The kubeconfig, in place of KUBECONFIG and ~/.kube/config.", dir_okay=False),
]"""
Name: TypeAlias = """Annotated[
    str, typer.Argument(metavar="ENV", help="The environment, by name.", autocompletion=complete.environments)
]"""
Results: TypeAlias = """Annotated[
    str, typer.Option("--output", "-o", help="text or json.", autocompletion=complete.results)
]"""


def day(asked: str) -> str:
    """The day that waivers are judged by: the one that was asked for, or today, in UTC. Raises `Usage` for one that is none."""
    from datetime import UTC, date, datetime

    if not asked:
        return datetime.now(UTC).date().isoformat()
    try:
        return date.fromisoformat(asked).isoformat()
    except ValueError:
        raise errors.Usage(f"'{asked}' is no day: write it like 2027-03-31") from None


def project(root: Path | None) -> Workspace:
    """The project at a directory, or the one that the current directory is in. Raises `Missing` where there is none."""
    if root is not None and not root.is_dir():
        raise errors.Missing(f"there is no directory {root}")
    return find((root or Path.cwd()).resolve())


def environments(workspace: Workspace, names: list[str] | None) -> list[str]:
    """The environments that were named, each once, or all. Raises `Usage` or `Missing` where a name is none."""
    chosen = list(dict.fromkeys(names)) if names else workspace.names()
    if not chosen:
        raise errors.Missing(f"there is no environment in {workspace.root / 'overlays'}")
    for name in names or ():
        workspace.directory(name)
    return chosen


def selected(workspace: Workspace, words: list[str] | None, *, changed: bool) -> list[str]:
    """The environments that were named, or that the changed files touch, which may be none.

    Raises `Usage` or `Missing` where a name is none, and `Usage` where no file is given.
    """
    if not changed:
        return environments(workspace, words)
    if not words:
        raise errors.Usage("--changed needs the files that changed")
    from compiler.touched import touched

    return touched(workspace, map(Path, words))


def versions(asked: list[str] | None) -> tuple[str, ...]:
    """The Kubernetes minors that were asked for. Raises `Usage` for one that is not known."""
    if not asked:
        return ()
    from compiler.parts.kubernetes_version import SUPPORTED

    if "all" in asked:
        return SUPPORTED
    for version in asked:
        if version not in SUPPORTED:
            raise errors.Usage(f"Kubernetes {version} is not known; known are {', '.join(SUPPORTED)}")
    return tuple(asked)
