# mypy: disable-error-code="import-not-found,import-untyped"
"""A provider of OpenID Connect, over TLS: run in a pod, not imported.

issuer.py CERTIFICATE KEY   knows every user by an address, and every client by any secret but a wrong one: CLIENTS says which
"""

from __future__ import annotations

import json
import os
import sys

import oidc_provider_mock
from flask import request
from werkzeug.exceptions import Unauthorized
from werkzeug.serving import run_simple

CLIENTS: dict[str, str] = json.loads(os.environ["CLIENTS"])


def known() -> None:
    """Refuses a client that does not say its secret, in the header or in the form."""
    if request.path != "/oauth2/token":
        return
    given, form = request.authorization, request.form
    name = given.username if given else form.get("client_id")
    secret = given.password if given else form.get("client_secret")
    if name is None or CLIENTS.get(name) != secret:
        raise Unauthorized


def main() -> None:
    """Serves for ever."""
    certificate, key = sys.argv[1:]
    application = oidc_provider_mock.app()

    application.before_request(known)
    run_simple("0.0.0.0", 443, application, threaded=True, ssl_context=(certificate, key))


if __name__ == "__main__":
    main()
