"""How to tell that a text holds a credential, or a key names one, so that it stays out of committed files and of reports."""

from __future__ import annotations

import re
from functools import lru_cache

_SIGNS = (
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), "an AWS access key id"),
    # Only the end of the scheme: looking for its start takes time that grows with the square of a long text.
    (re.compile(r"[a-zA-Z0-9+.-]://[^/\s:@]*:[^/\s@]+@"), "a URI with a password"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"), "a private key"),
    (re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36,}\b"), "an access token"),
)
_AWS_SECRET = re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")

_WITHIN = (
    *("password", "passwd", "passphrase", "passcode", "secret", "credential"),
    *("privatekey", "apikey", "accesskey", "encryptionkey", "signingkey", "sessionkey", "accountkey"),
)
"""What a key holds a credential by, wherever it is in it, without dashes and underscores."""
_WORDS = {"token", "tokens", "kek", "keks", "pwd", "pwds", "pass", "auth_token", "authtoken"}
"""What a key holds a credential by where it is a word of its own."""
_NAMES = {"name", "names", "ref", "refs", "file", "files", "path", "paths"}
"""The last word of a key that says where a credential is."""
_PLACES = re.compile(
    r"existing|external|(?:tls|ca|pull)secrets?$|^secrets$|secretstore|(?:password|passwd|passphrase|token|username)keys?$"
)
"""How keys of the language look that hold the name of a Secret or of a key in it, without dashes and underscores."""
_MISTYPED = ("password", "passphrase", "credential")
_NEAR = 0.85
"""How alike two words are of which the one is the other, mistyped."""
_NAME = re.compile(r"[-._a-zA-Z0-9]{1,253}")
"""What the API server takes for a key of a Secret; names of Secrets are such too."""
_PAIR = re.compile(
    r"""["']?([A-Za-z_][\w.-]*)["']?\s*:\s*(?:"((?:\\.|[^"\\])*)"|'((?:''|[^'])*)'|([^\s"'{}\[\],#][^,{}\[\]#]*))"""
)
_VARIABLE = re.compile(r"""\bname["']?\s*:\s*["']?([\w.-]+)["']?\s*,\s*["']?value["']?\s*:\s*["']?[^\s"'{}]""")
_SECRET = re.compile(r"""(?:^|[\s:,\[{])["']?Secret(?:List)?["']?\s*(?=$|[,}\]#])""", re.MULTILINE)
_LITERALS = re.compile(r"""secretGenerator(?:.|\n)*literals""")
_ELSEWHERE = re.compile(r"[./]|\$\(|https?://|(?:true|false|[0-9]{0,9})$")
_COMMENT = re.compile(r"^\s*#.*", re.MULTILINE)
_SEPARATOR = re.compile(r"---(?:[ \t]|$)")


def credential_name(key: str) -> bool:
    """Whether a key or variable of this name holds a credential, in whatever case it is written.

    Not where it names a place: `secretName`, `existingSecret`, `passwordKey`, `TOKEN_FILE`.
    """
    words = _words(key)
    bare = "".join(words)
    if not words or words[-1] in _NAMES or _PLACES.search(bare):
        return False
    return bool(_WORDS & {*words}) or any(each in bare for each in _WITHIN) or bare.endswith(("token", "tokens"))


def mistyped_credential(key: str) -> bool:
    """Whether a key that the language does not have is likely one of a credential: `password`, `adminPasswort`."""
    from difflib import SequenceMatcher

    if credential_name(key):
        return True
    words = _words(key)
    near = any(SequenceMatcher(None, word, each).ratio() >= _NEAR for word in words for each in _MISTYPED)
    return near and not _PLACES.search("".join(words)) and words[-1] not in _NAMES and words[-1] not in ("key", "keys")


def place_name(key: str) -> bool:
    """Whether a key holds the name of a Secret or of a key in it, where somebody may put the credential itself by mistake."""
    return bool(_PLACES.search("".join(_words(key)))) and any(each in key.lower() for each in ("secret", "key"))


def written_out(name: str, value: object) -> bool:
    """Whether a variable of this name holds its credential itself, and not a path, an address, a switch or another variable.

    kube-linter takes every name with "secret" in it for one (env-var-secret).
    """
    if not isinstance(value, str) or not value:
        return False
    return "secret" in name.lower() or (credential_name(name) and not _ELSEWHERE.match(value))


def reveals(line: str) -> bool:
    """Whether a line of YAML or JSON sets a key that holds a credential, or puts into the key of a name what is none."""
    if any(credential_name(match[1]) for match in _VARIABLE.finditer(line)):
        return True
    for match in _PAIR.finditer(line):
        value = next((each for each in match.groups()[1:] if each), "").strip()
        if credential_name(match[1]) and value not in ("", "true", "false", "null", "~", "|", ">", "|-", ">-"):
            return True
        if place_name(match[1]) and value and not _NAME.fullmatch(value):
            return True
    return False


@lru_cache(maxsize=16)
def secret_lines(lines: tuple[str, ...]) -> frozenset[int]:
    """The lines, from 1, of a file of manifests that no report shows: those of documents with a Secret in them.

    By the text alone, so that it holds of what cannot be read too. A kustomization counts where it has values of a Secret.
    """
    found: set[int] = set()
    start = 0
    for end in [*(index for index, line in enumerate(lines) if index and _SEPARATOR.match(line)), len(lines)]:
        text = _COMMENT.sub("", "\n".join(lines[start:end]))
        if _SECRET.search(text) or _LITERALS.search(text):
            found |= set(range(start + 1, end + 1))
        start = end
    return frozenset(found)


def _words(key: str) -> list[str]:
    """The words of a name, in lower case: at dashes, dots and underscores, and where a capital begins a new one."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", key)
    return [word.lower() for word in re.split(r"[^A-Za-z0-9]+", apart) if word]


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
