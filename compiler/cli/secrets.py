"""secrets: the files of generated Secrets are created."""

from __future__ import annotations

from typing import Any

from compiler.cli.options import Names, Output, Root, environments, project
from compiler.cli.output import choose, finish, say, show
from compiler.diagnostic import Diagnostic, has_errors
from compiler.understand import understand

EXAMPLE = "mlflow-overlays secrets minio-postgres"


def run(names: Names = None, root: Root = None, output: Output = "") -> None:
    """Create the files of generated Secrets that are not there yet. Existing ones are never changed."""
    format_, workspace = choose(output), project(root)
    chosen = environments(workspace, names)
    results: list[dict[str, Any]] = []
    found: list[Diagnostic] = []
    for name in chosen:
        path, content = workspace.environment(name)
        compilation = understand(name, path, content)
        found += show([each for each in compilation.diagnostics if has_errors([each])], format_)
        created = workspace.create_secrets(name, compilation.overlay.generated_secrets()) if compilation.overlay else []
        results.append({"name": name, "secrets": created})
        if format_ == "text":
            for file in created:
                say(f"created {file}")
    finish(found, format_, environments=results)
