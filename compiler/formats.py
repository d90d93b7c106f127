"""The formats of strings that the Kubernetes API server, and what runs behind it, demand: each once, with its source.

Patterns mean the same to Python, Rust and ECMAScript, since the command line and editors read them: no class of characters has a
name, which each of them would take for another.
"""

from __future__ import annotations

from typing import NamedTuple


class Format(NamedTuple):
    """What a string must match: a pattern for all of it, its longest length in characters, and the same in words."""

    pattern: str
    longest: int
    words: str


def whole(pattern: str) -> str:
    """Return a pattern that matches a whole text; `$` alone would let a line break at the end through."""
    return rf"^(?:{pattern})$(?!\n)"


OTHER_TYPES = (
    r"(?!(?:[nN]ull|NULL|[tT]rue|TRUE|[fF]alse|FALSE|[yYnN]|[yY]es|YES|[nN]o|NO|[oO]n|ON|[oO]ff|OFF"
    r"|0[xX][0-9a-fA-F_]+|0[bBoO][0-9_]+|[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE]-?[0-9]+)?|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2})$)"
)
"""What YAML reads as no text unless it is quoted, of what a name could be. Kustomize drops the quotes of a reference to an object
that it renames, and of the keys of annotations: the account "null" becomes none, and "1e3" 1000. Seen with kubectl 1.37."""
_TEXT_WORDS = "and not what YAML reads as a number, a date, true, false or null"
_LABEL = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
LABEL_WORDS = "lower-case letters, digits and dashes, at most 63, starting and ending with a letter or digit"
_SHORT = "[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"

SHORT_LABEL = "[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
"""A label of a host name."""
SUBDOMAIN = rf"{_LABEL}(?:\.{_LABEL})*"
HOST = rf"{SHORT_LABEL}(?:\.{SHORT_LABEL})*"
HOST_WORDS = "a host name in lower case, without scheme, port or path"
PORT = "(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"

LABEL = Format(OTHER_TYPES + SHORT_LABEL, 63, f"{LABEL_WORDS}, {_TEXT_WORDS}")
"""A DNS label: names of namespaces and environments. Source: IsDNS1123Label of k8s.io/apimachinery/pkg/util/validation."""
NAME = Format(
    OTHER_TYPES + SUBDOMAIN,
    253,
    f"lower-case letters, digits, dashes and single dots, starting and ending with a letter or digit, {_TEXT_WORDS}",
)
"""A DNS subdomain: names of Secrets, ConfigMaps, accounts, classes, Gateways and issuers. Source: IsDNS1123Subdomain, which
has no limit for each label."""
DATA_KEY = Format(
    r"(?!\.(?:$|\.))[-._a-zA-Z0-9]+",
    253,
    "letters, digits, dashes, dots and underscores, and no dots at the start but one",
)
"""A key of a Secret or ConfigMap. Source: IsConfigMapKey."""
LABEL_VALUE = Format(
    f"(?:{_SHORT})?", 63, "at most 63 letters, digits, '-', '_' and '.', starting and ending with a letter or digit"
)
"""The value of a label, a node selector or a taint. Source: IsValidLabelValue."""
QUALIFIED = Format(
    rf"{OTHER_TYPES}(?:(?![^/]{{254}}){SUBDOMAIN}/)?{_SHORT}",
    317,
    f"a name of at most 63 letters, digits, '-', '_' and '.', after a host name and '/' or alone, {_TEXT_WORDS}",
)
"""The key of a label, annotation or taint, and the class of a load balancer. Source: IsQualifiedName; keys of annotations may
have capital letters before the slash, which are refused here all the same."""
_UNPRINTABLE = "\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f\\ufffe\\uffff"
PRINTABLE = f"[^{_UNPRINTABLE}]*"
"""Text without control characters, which neither YAML nor a process takes: https://yaml.org/spec/1.2.2/#51-character-set."""
PRINTABLE_WORDS = "text without control characters"
_SPACES = "\\u2028\\u2029 \\t\\n\\r"
WORD = f"[^,{_SPACES}{_UNPRINTABLE}]+"
"""A word in a list that commas separate."""
LINE = f"[^{_SPACES}{_UNPRINTABLE}]+(?: [^{_SPACES}{_UNPRINTABLE}]+)*"
"""Words with a space between each two."""
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
REPOSITORY = Format(
    rf"(?:{SUBDOMAIN}(?::{PORT})?/)?{_COMPONENT}(?:/{_COMPONENT})*",
    255,
    "an image without tag, like registry.example/team/mlflow",
)
"""The name of an image. Source: the grammar of github.com/distribution/reference, for registries in lower case."""
TAG = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
DIGEST = "sha256:[0-9a-f]{64}"
CIDR = Format("[0-9A-Fa-f:.]{2,45}(?:/[0-9]{1,3})?", 49, "a range of addresses, like 10.1.0.0/16 or 2001:db8::/32")
"""A range of addresses, as far as a pattern can say; `peer.unreadable` says the rest."""
BYTES = Format(
    "[1-9][0-9]{0,11}Ki|[1-9][0-9]{0,8}Mi|[1-9][0-9]{0,5}Gi|[1-9][0-9]{0,2}Ti|[1-3]Pi",
    14,
    "an amount like 512Mi, 10Gi or 2Ti, at most 3Pi",
)
"""An amount of memory or storage. From 2**63 thousandths of a byte on, about 8Pi, the API server takes it for a fraction of bytes
and warns, and some amounts are computed as twice what is set. Source: its answers, in version 1.37."""
