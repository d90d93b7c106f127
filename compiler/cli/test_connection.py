"""test-connection: a run is logged to a server and read back."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from compiler.cli.options import Results
from compiler.cli.output import complain
from compiler.cli.results import Telling
from compiler.cli.target import millis, stamp
from compiler.errors import Missing, Usage

if TYPE_CHECKING:
    from typing import Annotated

    import typer

    from compiler.operate.rest import Login

EXAMPLE = "mlflow-overlays test-connection http://localhost:5000"


def run(
    uri: Annotated[
        str, typer.Argument(metavar="URI", help="The address of a server, with its static prefix if it has one.")
    ],
    *,
    ca: Annotated[
        Path | None,
        typer.Option("--ca", metavar="FILE", help="The certificate of an authority to trust.", dir_okay=False),
    ] = None,
    ask: Annotated[bool, typer.Option("--ask", help="Ask for the user and the password on the terminal.")] = False,
    timeout: Annotated[float, typer.Option("--timeout", metavar="SECONDS", help="How long an answer may take.")] = 30,
    output: Results = "",
) -> None:
    """Log a run with a parameter, a metric and an artifact, read it back, and delete it.

    The login is that of MLflow's clients: MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN.
    """
    import ssl

    from compiler.operate.connection import test
    from compiler.operate.rest import Server, address

    telling = Telling(output)
    if ca is not None and not ca.is_file():
        raise Missing(f"there is no file {ca}")
    try:
        place, tls = address(uri), ssl.create_default_context(cafile=str(ca)) if ca else None
    except (ValueError, ssl.SSLError) as error:
        raise Usage(str(error) if isinstance(error, ValueError) else f"{ca} is no certificate") from None
    server = Server(place, _login(ask=ask), tls, timeout)
    telling.show(test(server, f"{stamp()}-{os.urandom(3).hex()}", millis()))
    telling.finish("test-connection", uri=place)


def _login(*, ask: bool) -> Login:
    """The login of the environment, or what is typed. Raises `Usage` where nobody can type."""
    from compiler.operate.rest import Login

    user, password = os.environ.get("MLFLOW_TRACKING_USERNAME", ""), os.environ.get("MLFLOW_TRACKING_PASSWORD", "")
    if not ask:
        return Login(user, password, "" if user else os.environ.get("MLFLOW_TRACKING_TOKEN", ""))
    if not sys.stdin.isatty():
        raise Usage("--ask needs a terminal; set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD")
    from getpass import getpass

    complain("User: ", end="")
    return Login(sys.stdin.readline().strip(), getpass("Password: "))
