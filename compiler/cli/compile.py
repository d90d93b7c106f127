"""compile: environments become overlays, proved and written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from compiler.cli.options import AsOf, Changed, Names, Output, Root, day, project, selected
from compiler.cli.output import choose, finish, show
from compiler.diagnostic import Diagnostic
from compiler.pipeline import Compilation, compile_environment, stale

EXAMPLE = "mlflow-overlays compile prod"


def run(
    names: Names = None,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; say which files would change, and exit 1 if any.")
    ] = False,
    changed: Changed = False,
    root: Root = None,
    output: Output = "",
    as_of: AsOf = "",
) -> None:
    """Compile environments into overlays, prove them, and write them."""
    format_, workspace = choose(output), project(root)
    chosen, today = selected(workspace, names, changed=changed), day(as_of)
    results: list[dict[str, Any]] = []
    found: list[Diagnostic] = []
    for name in chosen:
        compilation = compile_environment(workspace, name, today=today)
        found += show(compilation.diagnostics, format_)
        if compilation.tree is None or compilation.overlay is None:
            continue
        if check:
            files, created = workspace.stale(name, compilation.tree), []
            found += show(stale(workspace, compilation), format_)
        else:
            created = workspace.create_secrets(name, compilation.overlay.generated_secrets())
            files = workspace.write(name, compilation.tree)
        results.append({"name": name, "changed": files, "secrets": created, "proved": list(compilation.proved)})
        if format_ == "text" and not check:
            _tell(compilation, files, created)
    finish(found, format_, environments=results)


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
