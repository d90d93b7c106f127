"""A plug-in of SQLAlchemy: the password of a database from MSSQL_PASSWORD, for a driver that reads it from nowhere.

A URI asks for it with `?plugin=mlflow_mssql`. It is registered by an entry point, which is how SQLAlchemy takes plug-ins:
https://docs.sqlalchemy.org/en/20/core/connections.html#sqlalchemy.engine.CreateEnginePlugin
"""

from __future__ import annotations

import os
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import URL, CreateEnginePlugin, Engine


def give(*call: Any) -> None:
    """Puts the password among the arguments of a new connection."""
    *_, arguments = call
    arguments["password"] = os.environ["MSSQL_PASSWORD"]


class Password(CreateEnginePlugin):
    """Has every connection of an engine log in with the password."""

    def update_url(self, url: URL) -> URL:
        """The URI without what is the plug-in's own, of which there is nothing."""
        return url

    def engine_created(self, engine: Engine) -> None:
        """Called by SQLAlchemy with each engine whose URI asks for the plug-in."""
        event.listen(engine, "do_connect", give)
