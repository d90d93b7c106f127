"""compile: environments become overlays, proved and written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from compiler.batch import outcomes
from compiler.cache import Cache, Proved, cache_of
from compiler.cli import going_on
from compiler.cli.options import AsOf, Changed, Names, Output, Root, day, project, selected
from compiler.cli.output import choose, finish, say, show
from compiler.cli.secrets import warn
from compiler.errors import Fatal
from compiler.tree import PROFILES

if TYPE_CHECKING:
    from typing import Annotated

    import typer

    from compiler.diagnostic import Diagnostic
    from compiler.understand import Compilation

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
    """Compile environments into overlays, prove them, and write them.

    What is unchanged since it was proved is left alone; --check proves everything anew.
    """
    format_, workspace = choose(output), project(root)
    chosen, today = selected(workspace, names, changed=changed), day(as_of)
    results: list[dict[str, Any]] = []
    found: list[Diagnostic] = []
    cache = None if check else cache_of(workspace, today)
    before = {name: proved for name in chosen if cache and (proved := cache.proved(name))}
    anew = [name for name in chosen if name not in before]
    inputs = _inputs(cache, anew) if cache else {}
    begun = outcomes(workspace, anew, today=today)
    for name in chosen:
        if name in before:
            results.append(_unchanged(name, before[name], format_))
            continue
        with going_on():
            compilation = next(begun)()
            found += show(compilation.diagnostics, format_)
            if compilation.tree is None or compilation.overlay is None:
                continue
            from compiler.pipeline import blocked

            if wrong := blocked(workspace, compilation):
                found += show(wrong, format_)
                continue
            if check:
                from compiler.pipeline import stale

                files, created, there = workspace.stale(name, compilation.tree), [], False
                found += show(stale(workspace, compilation), format_)
            else:
                there = bool(workspace.committed(name))
                created = workspace.create_secrets(name, compilation.overlay.generated_secrets())
                files = workspace.write(name, compilation.tree)
            if cache and name in inputs and not compilation.diagnostics:
                secrets = tuple(workspace.secret_file(name, each) for each in compilation.overlay.generated_secrets())
                cache.remember(name, inputs[name], compilation.tree, Proved(compilation.proved, secrets))
            removed = [path for path in files if path not in compilation.tree]
            wrote = [path for path in files if path in compilation.tree]
            results.append(_row(name, wrote, removed, created, compilation.proved))
            if format_ == "text" and not check:
                _tell(compilation, wrote, removed, created)
            partly = len(created) < len(compilation.overlay.generated_secrets())
            warn(name, created, committed=there, partly=partly, format_=format_)
    finish(found, format_, environments=results)


def _inputs(cache: Cache, names: list[str]) -> dict[str, str]:
    """The digests of what environments are compiled from, taken before; none of one that cannot be read."""
    found = {}
    for name in names:
        with suppress(Fatal, OSError):
            found[name] = cache.inputs(name)
    return found


def _row(
    name: str, changed: list[str], removed: list[str], created: list[str], proved: tuple[str, ...]
) -> dict[str, Any]:
    return {"name": name, "changed": changed, "removed": removed, "secrets": created, "proved": list(proved)}


def _unchanged(name: str, proved: Proved, format_: str) -> dict[str, Any]:
    if format_ == "text":
        say(f"overlays/{name}: unchanged since it was proved")
    return {**_row(name, [], [], [], proved.sentences), "unchanged": True}


def _tell(compilation: Compilation, changed: list[str], removed: list[str], created: list[str]) -> None:
    from compiler.build import kubectl

    name = compilation.name
    done = [f"wrote {', '.join(changed)}"] if changed else []
    done += [f"removed {', '.join(removed)}"] if removed else []
    say(f"overlays/{name}: {'; '.join(done) or 'nothing changed'}")
    for file in created:
        say(f"  created {file}, which git ignores")
    used = kubectl()
    say(f"  built {len(compilation.manifests)} objects with kubectl {used.version} ({used.source}), and proved:")
    for sentence in compilation.proved:
        say(f"  - {sentence}")
    steps = [f"kubectl apply -k overlays/{name}"]
    if any(_secrets(compilation)):
        steps.append(f"create the Secrets of overlays/{name}/SECRETS.md")
    if compilation.overlay and compilation.overlay.profiles:
        steps.append(f"kubectl apply -k overlays/{name}/{PROFILES}")
    say(f"next: {', and '.join(steps)}")


def _secrets(compilation: Compilation) -> Iterator[str]:
    if compilation.overlay is not None:
        generated = compilation.overlay.generated_secrets()
        yield from (secret.name for secret in compilation.overlay.secrets if secret not in generated)
