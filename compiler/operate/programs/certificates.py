# mypy: disable-error-code="import-not-found"
"""Tells until when certificates are good, and for which names: sent into the server's pod, never imported.

In: certificates as PEM, which are public. Prints one line of JSON: for each the names, and the days that are left.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Any

from cryptography import x509


def told(pem: str) -> dict[str, Any]:
    """The first certificate of a text."""
    found = x509.load_pem_x509_certificates(pem.encode())[0]
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        hosts = names.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        hosts = []
    return {"hosts": hosts, "days": (found.not_valid_after_utc - datetime.now(UTC)).days}


def main() -> None:
    """Prints one entry for each certificate."""
    found = []
    for pem in sys.argv[1:]:
        try:
            found.append(told(pem))
        except (ValueError, IndexError) as error:
            found.append({"error": str(error)[:200]})
    sys.stdout.write(f"\n{json.dumps(found)}\n")


if __name__ == "__main__":
    main()
