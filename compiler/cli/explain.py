"""explain: where a value of the build comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from compiler.cli import complete
from compiler.cli.options import Output, Root, environments, project
from compiler.cli.output import choose, finish, say, show
from compiler.pipeline import compile_environment, search
from compiler.printable import as_json, visible

if TYPE_CHECKING:
    from compiler.explain import Reason

EXAMPLE = "mlflow-overlays explain prod deployment/mlflow spec.replicas"


def run(
    name: Annotated[str, typer.Argument(metavar="ENV", help="The environment.", autocompletion=complete.environments)],
    object_: Annotated[
        str, typer.Argument(metavar="KIND/NAME", help="An object of its build.", autocompletion=complete.objects)
    ],
    path: Annotated[str, typer.Argument(help="A place inside it; the whole object without one.")] = "",
    root: Root = None,
    output: Output = "",
) -> None:
    """Say where a value of the build comes from: which line, through what, and why."""
    from compiler import explain as explaining
    from compiler.route import show as written

    format_, workspace = choose(output), project(root)
    [chosen] = environments(workspace, [name])
    kind, named = explaining.parse_object(object_)
    route = explaining.parse_route(path)
    compilation = compile_environment(workspace, chosen)
    if compilation.overlay is None or compilation.source is None:
        finish(show(compilation.diagnostics, format_), format_)
        return
    manifest = explaining.find(compilation.overlay, compilation.manifests, kind, named)
    reasons = explaining.explain(search(workspace, compilation), manifest, route)
    if format_ == "json":
        finish(compilation.diagnostics, format_, values=[_value(written(each.route), each) for each in reasons])
        return
    for each in reasons:
        say(f"{visible(written(each.route))} = {as_json(each.value, indent=None)}")
        say(f"  {visible(str(each.place))}: {visible(each.why)}")


def _value(path: str, reason: Reason) -> dict[str, Any]:
    place = {"path": reason.place.path, "line": reason.place.line, "column": reason.place.column}
    return {"route": path, "value": reason.value, **place, "why": reason.why}
