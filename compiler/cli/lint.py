"""lint: files of environments are held against the language, and nothing is built."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from compiler.cli import going_on
from compiler.cli.options import AsOf, Fix, Output, day, environments, project
from compiler.cli.output import choose, finish, show, show_fixed
from compiler.diagnostic import Diagnostic
from compiler.understand import mend, understand
from compiler.workspace import ENVIRONMENT, beside, loose, rewrite

if TYPE_CHECKING:
    from typing import Annotated

    import typer

EXAMPLE = "mlflow-overlays lint overlays/prod/environment.yaml"


def run(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE]...", help="Environment files; those of the project without any."),
    ] = None,
    *,
    fix: Fix = False,
    output: Output = "",
    as_of: AsOf = "",
) -> None:
    """Check environment files by schema and meaning alone, for editors and hooks; `check` proves the overlay too."""
    format_, today = choose(output), day(as_of)
    found: list[Diagnostic] = []
    fixed: list[Diagnostic] = []
    for file, name, path, content, custom in _texts(files):
        others = partial(beside, file.parent)
        if fix:
            done = mend(name, path, content, custom=custom, others=others)
            if done.content != content:
                rewrite(file, done.content)
            content = done.content  # noqa: PLW2901 - what is in the file now
            fixed += show_fixed(done.diagnostics, format_)
        found += show(understand(name, path, content, custom=custom, today=today, others=others).diagnostics, format_)
    finish(found, format_, fixed)


def _texts(files: list[Path] | None) -> Iterator[tuple[Path, str, str, bytes, bool]]:
    """Each file with the name of its environment, its path for reports, what it holds, and whether `custom/` is beside it.

    One that cannot be read does not keep the others from being read.
    """
    workspace = None if files else project(None)
    for each in files or environments(workspace or project(None), None):
        with going_on():
            if workspace is None:
                yield (Path(each), *loose(Path(each)))
            else:
                name = str(each)
                path = workspace.directory(name) / ENVIRONMENT
                yield (path, name, *workspace.environment(name), workspace.has_custom(name))
