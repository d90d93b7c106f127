"""Prints the tables of docs/pipelines.md: which release of Kubeflow Pipelines serves whom and how, as the compiler judges it, and
how the store of each provider is reached. `make docs` puts them into the page.

Example: .venv/bin/python scripts/releases.py
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import product
from typing import Any

import yaml

from compiler.diagnostic import Severity
from compiler.kinds import kinds_of
from compiler.kubeflow.installation import Installation
from compiler.kubeflow.provider import PROVIDERS
from compiler.kubeflow.release import RELEASES
from compiler.understand import understand

SUMMARY, _, EXAMPLE = (__doc__ or "").partition("\n\n")
_REGION = "eu-west-1"
_ROLE = "arn:aws:iam::123456789012:role/pipelines"


def tables() -> str:
    """Both tables, as a part of a page."""
    return f"## Releases\n\n{''.join(_releases())}\n## Providers\n\n{''.join(_providers())}"


def asked(kind: str, version: str, *, many: bool) -> dict[str, Any]:
    """The smallest environment of a kind for a release, with one user or with a profile."""
    role = {"roleArn": _ROLE} if kind == "kfp-irsa" else {}
    profiles = {"profiles": [{"name": "team-1", "owner": "ana@acme.example", **role}]} if many else {}
    artifacts = {"bucket": "acme-pipelines", "region": _REGION, **role}
    return {"overlay": kind, "pipelines": {"version": version}, "artifacts": artifacts, **profiles}


def refused(kind: str, version: str, *, many: bool) -> tuple[str, str]:
    """The verdict of the compiler on it, in a word, and the first reason where it is not `yes`."""
    text = yaml.safe_dump(asked(kind, version, many=many))
    found = understand("example", "environment.yaml", text.encode()).diagnostics
    errors = [each for each in found if each.severity is Severity.ERROR]
    if not found:
        return "yes", ""
    return ("no" if errors else "perhaps"), (errors or found)[0].message


def _releases() -> Iterator[str]:
    ways = list(product(kinds_of("pipelines"), (False, True)))
    yield "| release | " + " | ".join(f"`{kind}`, {'profiles' if many else 'one user'}" for kind, many in ways) + " |\n"
    yield "|---" * (len(ways) + 1) + "|\n"
    reasons: dict[str, None] = {}
    for version in RELEASES:
        verdicts = [refused(kind, version, many=many) for kind, many in ways]
        reasons |= dict.fromkeys(reason for _, reason in verdicts if reason)
        yield f"| {version} | " + " | ".join(word for word, _ in verdicts) + " |\n"
    yield "\n" + "".join(f"- {reason[0].upper()}{reason[1:]}.\n" for reason in reasons)


def _providers() -> Iterator[str]:
    yield "| `provider` | whose | host | region | bucket in | scheme |\n|---|---|---|---|---|---|\n"
    for name, provider in PROVIDERS.items():
        host = f"`{provider.host}`" if provider.host else "that of `endpoint`"
        region = f"`{provider.region}` without `region`" if provider.region else "`region`"
        scheme = _store(name).scheme
        yield f"| `{name}` | {provider.words} | {host} | {region} | {_place(name)} | `{scheme}://` |\n"


def _place(provider: str) -> str:
    return "the host name" if PROVIDERS[provider].virtual else "the path"


def _store(provider: str) -> Any:
    endpoint = {} if PROVIDERS[provider].host else {"endpoint": "https://store.acme.example"}
    given = {"bucket": "acme-pipelines", "provider": provider, "region": _REGION, **endpoint}
    text = yaml.safe_dump({"overlay": "kfp-keys", "pipelines": {"version": "2.14.4"}, "artifacts": given})
    known = understand("example", "environment.yaml", text.encode())
    if not isinstance(known.environment, Installation):
        raise TypeError([str(each.message) for each in known.diagnostics])
    return known.environment.artifacts


def main() -> None:
    """Prints the tables."""
    argparse.ArgumentParser(
        description=SUMMARY, epilog=EXAMPLE, formatter_class=argparse.RawTextHelpFormatter
    ).parse_args()
    print(tables(), end="")


if __name__ == "__main__":
    main()
