"""A store's TLS, and the refusals that the server behind it does not know: run in a pod, not imported.

front.py google BEHIND   lets through what carries one of the tokens
front.py oss BEHIND      lets through what Alibaba's S3 interface takes: the bucket in the host name, no aws-chunked, and a
                         Content-MD5 where several objects are deleted
front.py ingress ""      leads paths to Services, the longest that fits, as controllers do with an Ingress

BEHIND is host:port, spoken to in the clear, with the Host header that came. Reads SETUP as JSON: tokens, host or paths.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SETUP: dict[str, Any] = json.loads(os.environ["SETUP"])
HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class Front(BaseHTTPRequestHandler):
    """Passes requests on, one at a time for each connection."""

    protocol_version = "HTTP/1.1"

    def pass_on(self) -> None:
        """Refuses, or lets the server behind answer."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        refusal = REFUSALS[sys.argv[1]](self)
        if refusal:
            self._send(403, {}, refusal.encode())
            return
        behind = http.client.HTTPConnection(sys.argv[2] or service(self.path), timeout=120)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
        behind.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            behind.putheader(name, value)
        behind.endheaders(body)
        answer = behind.getresponse()
        content = answer.read()
        self._send(answer.status, dict(answer.getheaders()), content)
        behind.close()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = pass_on  # noqa: N815 - http.server's names

    def _send(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        length = headers.get("Content-Length", str(len(content))) if self.command == "HEAD" else str(len(content))
        for name, value in headers.items():
            if name.lower() not in HOP:
                # What is behind does not know that it is spoken to over TLS.
                self.send_header(name, value.replace("http:", "https:") if name == "Location" else value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def google(request: Front) -> str:
    """Whoever has no token gets nothing."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return "" if given in SETUP["tokens"] else '{"error": {"code": 403, "message": "the token is not known"}}'


def oss(request: Front) -> str:
    """https://www.alibabacloud.com/help/en/oss/developer-reference/compatibility-with-amazon-s3."""
    reason = ""
    if request.headers["Host"] == SETUP["host"] and request.path.partition("?")[0] != "/":
        reason = "SecondLevelDomainForbidden"
    if "aws-chunked" in request.headers.get("Content-Encoding", ""):
        reason = "InvalidArgument"
    if request.command == "POST" and "?delete" in request.path and "Content-MD5" not in request.headers:
        reason = "MissingArgument"
    return f"<Error><Code>{reason}</Code><Message>{reason}</Message></Error>" if reason else ""


def ingress(request: Front) -> str:
    """What no path leads to is nobody's."""
    return "" if service(request.path) else "no path of the Ingress fits"


def service(path: str) -> str:
    """The Service that the longest fitting path leads to: of type Prefix, which is compared step by step."""
    steps = path.partition("?")[0].rstrip("/") + "/"
    fitting = [prefix for prefix in SETUP["paths"] if steps.startswith(prefix.rstrip("/") + "/")]
    return str(SETUP["paths"][max(fitting, key=len)]) if fitting else ""


REFUSALS = {"google": google, "oss": oss, "ingress": ingress}


def main() -> None:
    """Serves for ever."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("/tls/tls.crt", "/tls/tls.key")
    server = ThreadingHTTPServer(("0.0.0.0", 443), Front)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
