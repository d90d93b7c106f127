"""schema: the published JSON Schemas are printed."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from compiler import errors
from compiler.cli.output import say

EXAMPLE = "mlflow-overlays schema > schema/environment.schema.json"


def run(
    of: Annotated[
        str,
        typer.Argument(metavar="[environment|report|results]", help="environment.yaml, or what --output json prints."),
    ] = "environment",
) -> None:
    """Print the JSON Schema of environment.yaml, of a JSON report, or of the JSON results of commands on a cluster."""
    from compiler.contract import report_schema, results_schema
    from compiler.editor import published

    schemas = {"environment": published, "report": report_schema, "results": results_schema}
    if of not in schemas:
        raise errors.Usage(f"there is no schema of '{of}'; there are {', '.join(schemas)}")
    say(json.dumps(schemas[of](), indent=2))
