"""The command line: the only module that prints.

Exit codes: 0 clean, 1 findings, 2 usage, 3 a tool or file is missing, 70 a bug.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from compiler import errors
from compiler.diagnostic import Diagnostic, has_errors
from compiler.pipeline import Compilation, compile_environment, understand
from compiler.report import AT_END, FORMATS, ansi, as_json, plain, text
from compiler.workspace import Workspace, find

app = typer.Typer(
    name="mlflow-overlays",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Compiles a small environment.yaml into a Kustomize overlay for MLflow, and proves it.",
    epilog="Example: mlflow-overlays compile prod && kubectl apply -k overlays/prod",
)

Names = Annotated[
    list[str] | None, typer.Argument(metavar="[ENV]...", help="Environments by name; all of them without any.")
]
Root = Annotated[
    Path | None,
    typer.Option("--root", help="The project; by default the one that the current directory is in.", file_okay=False),
]
Output = Annotated[
    str, typer.Option("--output", "-o", help="text, json, github, sarif or junit; github by itself in GitHub Actions.")
]


def _default_output() -> str:
    return "github" if os.environ.get("GITHUB_ACTIONS") == "true" else "text"


@app.command("compile", epilog="Example: mlflow-overlays compile prod")
def compile_(
    names: Names = None,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; say which files would change, and exit 1 if any.")
    ] = False,
    root: Root = None,
    output: Output = "",
) -> None:
    """Compile environments into overlays, prove them, and write them."""
    workspace, chosen, format_ = _start(names, root, output)
    results: list[dict[str, Any]] = []
    found: list[Diagnostic] = []
    for name in chosen:
        compilation = compile_environment(workspace, name)
        found += _shown(compilation.diagnostics, format_)
        if compilation.tree is None or compilation.overlay is None:
            continue
        if check:
            changed, created = workspace.stale(name, compilation.tree), []
            found += _shown([_stale(name, path) for path in changed], format_)
        else:
            created = workspace.create_secrets(name, compilation.overlay.generated_secrets())
            changed = workspace.write(name, compilation.tree)
        results.append({"name": name, "changed": changed, "secrets": created, "proved": list(compilation.proved)})
        if format_ == "text" and not check:
            _tell(compilation, changed, created)
    _finish(found, format_, results)


@app.command(epilog="Example: mlflow-overlays check prod --kubernetes-version 1.31 --kubernetes-version 1.37")
def check(
    names: Names = None,
    kubernetes_version: Annotated[
        list[str] | None,
        typer.Option(
            "--kubernetes-version", help="A minor to validate against, in place of the environment's; 'all' is each."
        ),
    ] = None,
    root: Root = None,
    output: Output = "",
) -> None:
    """Compile and prove environments, and write nothing."""
    workspace, chosen, format_ = _start(names, root, output)
    versions = _versions(kubernetes_version or [])
    results: list[dict[str, Any]] = []
    found: list[Diagnostic] = []
    for name in chosen:
        compilation = compile_environment(workspace, name, versions)
        found += _shown(compilation.diagnostics, format_)
        results.append({"name": name, "proved": list(compilation.proved)})
    _finish(found, format_, results)


@app.command(epilog="Example: mlflow-overlays secrets minio-postgres")
def secrets(names: Names = None, root: Root = None, output: Output = "") -> None:
    """Create the files of generated Secrets that are not there yet. Existing ones are never changed."""
    workspace, chosen, format_ = _start(names, root, output)
    results: list[dict[str, Any]] = []
    found: list[Diagnostic] = []
    for name in chosen:
        path, content = workspace.environment(name)
        compilation = understand(name, path, content)
        found += _shown([each for each in compilation.diagnostics if has_errors([each])], format_)
        created = workspace.create_secrets(name, compilation.overlay.generated_secrets()) if compilation.overlay else []
        results.append({"name": name, "secrets": created})
        if format_ == "text":
            for file in created:
                typer.echo(f"created {file}")
    _finish(found, format_, results)


@app.command(epilog="Example: mlflow-overlays explain prod deployment/mlflow spec.replicas")
def explain(
    name: Annotated[str, typer.Argument(metavar="ENV", help="The environment.")],
    object_: Annotated[str, typer.Argument(metavar="KIND/NAME", help="An object of its build.")],
    path: Annotated[str, typer.Argument(help="A place inside it; the whole object without one.")] = "",
    root: Root = None,
    output: Output = "",
) -> None:
    """Say where a value of the build comes from: which line, through what, and why."""
    from compiler import explain as explaining
    from compiler.route import show

    workspace, [chosen], format_ = _start([name], root, output)
    kind, named = explaining.parse_object(object_)
    route = explaining.parse_route(path)
    compilation = compile_environment(workspace, chosen)
    if compilation.overlay is None or compilation.source is None:
        _finish(_shown(compilation.diagnostics, format_), format_, [])
        return
    manifest = explaining.find(compilation.overlay, compilation.manifests, kind, named)
    reasons = explaining.explain(
        workspace.root, compilation.source, compilation.overlay, compilation.manifests, manifest, route
    )
    if format_ == "json":
        rows = [
            {"path": show(each.route), "value": each.value, "place": str(each.place), "why": each.why}
            for each in reasons
        ]
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for each in reasons:
        typer.echo(f"{show(each.route)} = {json.dumps(each.value, ensure_ascii=False)}")
        typer.echo(f"  {each.place}: {each.why}")


@app.command(epilog="Example: mlflow-overlays new staging --overlay eks-irsa")
def new(
    name: Annotated[str, typer.Argument(metavar="ENV", help="The environment: lower-case letters, digits and dashes.")],
    overlay: Annotated[str, typer.Option("--overlay", help="The kind of overlay; see `mlflow-overlays kinds`.")],
    root: Root = None,
) -> None:
    """Write a new environment.yaml: the smallest that the kind allows, with comments."""
    from compiler.scaffold import scaffold

    workspace = find((root or Path.cwd()).resolve())
    path = workspace.create(name, scaffold(overlay))
    typer.echo(f"wrote {path}; change what it says, then: make overlay ENV={name}")


@app.command(epilog="Example: mlflow-overlays schema > schema/environment.schema.json")
def schema() -> None:
    """Print the JSON Schema of environment.yaml."""
    from compiler.schema import environment_schema

    typer.echo(json.dumps(environment_schema(), indent=2))


@app.command(epilog="Example: mlflow-overlays kinds")
def kinds() -> None:
    """List the kinds of overlay."""
    from compiler.schema import environment_schema

    key = environment_schema()["properties"]["overlay"]
    for name, summary in zip(key["enum"], key["enumDescriptions"], strict=True):
        typer.echo(f"{name:16} {summary}")


def _start(names: list[str] | None, root: Path | None, output: str) -> tuple[Workspace, list[str], str]:
    format_ = output or _default_output()
    if format_ not in FORMATS:
        raise errors.Usage(f"there is no output '{format_}'; there are {', '.join(FORMATS)}")
    if root is not None and not root.is_dir():
        raise errors.Missing(f"there is no directory {root}")
    workspace = find((root or Path.cwd()).resolve())
    chosen = list(dict.fromkeys(names)) if names else workspace.names()
    if not chosen:
        raise errors.Missing(f"there is no environment in {workspace.root / 'overlays'}")
    for name in chosen:
        workspace.directory(name)
    return workspace, chosen, format_


def _versions(asked: list[str]) -> tuple[str, ...]:
    from compiler.parts.kubernetes_version import SUPPORTED

    if "all" in asked:
        return SUPPORTED
    for version in asked:
        if version not in SUPPORTED:
            raise errors.Usage(f"Kubernetes {version} is not known; known are {', '.join(SUPPORTED)}")
    return tuple(asked)


def _stale(name: str, path: str) -> Diagnostic:
    from compiler.diagnostic import Place

    message = "the file is not what environment.yaml and the base make of it"
    return Diagnostic(
        Place(f"overlays/{name}/{path}"), "stale", message, f"run make overlay ENV={name}, and commit what it writes"
    )


def _tell(compilation: Compilation, changed: list[str], created: list[str]) -> None:
    from compiler.build import kubectl

    name = compilation.name
    typer.echo(f"overlays/{name}: " + (f"wrote {', '.join(changed)}" if changed else "nothing changed"))
    for file in created:
        typer.echo(f"  created {file}, which git ignores")
    used = kubectl()
    typer.echo(f"  built {len(compilation.manifests)} objects with kubectl {used.version} ({used.source}), and proved:")
    for sentence in compilation.proved:
        typer.echo(f"  - {sentence}")
    provided = list(_secrets(compilation))
    if provided:
        typer.echo(f"next: kubectl apply -k overlays/{name}, and create the Secrets of overlays/{name}/SECRETS.md")
    else:
        typer.echo(f"next: kubectl apply -k overlays/{name}")


def _secrets(compilation: Compilation) -> Iterator[str]:
    if compilation.overlay is not None:
        generated = compilation.overlay.generated_secrets()
        yield from (secret.name for secret in compilation.overlay.secrets if secret not in generated)


def _shown(diagnostics: list[Diagnostic], format_: str) -> list[Diagnostic]:
    """Prints diagnostics as soon as they are known, but for JSON, which is one document at the end."""
    if format_ == "text":
        typer.echo(text(diagnostics, ansi if _coloured() else plain), nl=False, color=True)
    elif format_ not in AT_END:
        typer.echo(FORMATS[format_](diagnostics), nl=False)
    return diagnostics


def _coloured() -> bool:
    """Colour on a terminal and nowhere else, unless NO_COLOR or FORCE_COLOR says otherwise."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()


def _finish(found: list[Diagnostic], format_: str, results: list[dict[str, Any]]) -> None:
    if format_ == "json":
        report = json.loads(as_json(found))
        typer.echo(json.dumps({**report, "environments": results}, indent=2, ensure_ascii=False))
    elif format_ in AT_END:
        typer.echo(FORMATS[format_](found), nl=False)
    if has_errors(found):
        raise typer.Exit(errors.FINDINGS)


def main() -> None:
    """Runs the command line, and turns what stops it into an exit code."""
    try:
        app(standalone_mode=True)
    except errors.Fatal as error:
        typer.echo(f"mlflow-overlays: {error}", err=True)
        sys.exit(error.exit_code)
    except Exception:  # noqa: BLE001 - the last resort
        typer.echo(traceback.format_exc(), err=True, nl=False)
        typer.echo(
            "mlflow-overlays: this is a bug in the compiler, not in your files; please report the lines above", err=True
        )
        sys.exit(errors.BUG)


if __name__ == "__main__":
    main()
