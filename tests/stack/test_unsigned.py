"""What docs/stores.md says of CVE-2026-41145: an upload that names an access key id, and that nobody signed."""

from __future__ import annotations

import base64
import http.client
import zlib
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest

from .network import inside
from .running import Running

CONTENT = b"fake"


def upload(running: Running, id_: str) -> int:
    """The status of the answer to an upload into MLflow's bucket whose signature is zeros, from a pod that reaches the store."""
    pod = running.store
    assert pod is not None
    now = datetime.now(UTC)
    checksum = base64.b64encode(zlib.crc32(CONTENT).to_bytes(4, "big"))
    headers = {
        "X-Amz-Content-Sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "X-Amz-Decoded-Content-Length": str(len(CONTENT)),
        "X-Amz-Trailer": "x-amz-checksum-crc32",
        "Content-Encoding": "aws-chunked",
    }
    query = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{id_}/{now:%Y%m%d}/{running.settings['AWS_DEFAULT_REGION']}/s3/aws4_request",
        "X-Amz-Date": f"{now:%Y%m%dT%H%M%SZ}",
        "X-Amz-Expires": "900",
        "X-Amz-SignedHeaders": ";".join(sorted(["host", *(name.lower() for name in headers)])),
        "X-Amz-Signature": "0" * 64,
    }
    body = b"%x\r\n%s\r\n0\r\nx-amz-checksum-crc32:%s\r\n\r\n" % (len(CONTENT), CONTENT, checksum)
    with inside(running.cluster.network.node):
        connection = http.client.HTTPConnection(pod.link.address, running.port_of(pod), timeout=20)
        try:
            connection.request("PUT", f"/{running.bucket}/model.pkl?{urlencode(query)}", body, headers)
            return connection.getresponse().status
        finally:
            connection.close()


@pytest.mark.environments("minio-postgres", "versitygw-postgres")
def test_uploads_that_nobody_signed(running: Running) -> None:
    """An upload that nobody signed, from a pod that reaches the store: VersityGW refuses it, MinIO where the id is unknown"""
    known = running.secrets["mlflow-artifacts"]["AWS_ACCESS_KEY_ID"]
    assert upload(running, known) == (200 if running.inside == "minio" else 403)
    assert upload(running, "of-nobody") == 403
