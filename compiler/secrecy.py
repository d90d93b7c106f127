"""How to tell that a text holds a credential, so that it is kept out of files that are committed."""

from __future__ import annotations

import re

_SIGNS = (
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), "an AWS access key id"),
    # Only the end of the scheme: looking for its start takes time that grows with the square of a long text.
    (re.compile(r"[a-zA-Z0-9+.-]://[^/\s:@]*:[^/\s@]+@"), "a URI with a password"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"), "a private key"),
    (re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36,}\b"), "an access token"),
)
_AWS_SECRET = re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")


def credential_in(text: str) -> str | None:
    """What kind of credential a text seems to hold, in words, or None.

    An AWS secret key has no mark of its own: it is 40 characters of base64 with upper case, lower case and digits, which a
    hexadecimal digest never has.
    """
    for pattern, name in _SIGNS:
        if pattern.search(text):
            return name
    for match in _AWS_SECRET.finditer(text):
        found = match.group()
        if re.search("[A-Z]", found) and re.search("[a-z]", found) and re.search("[0-9]", found):
            return "an AWS secret access key"
    return None
