"""Writes the definitions of custom resources that overlays use, from the projects that own them.

Example: python3 scripts/crds.py

Needs Go. The definitions are those of pinned versions of Go modules, whose hashes are checked against those here.
They stand in compiler/crds as JSON, whole: the compiler validates objects with them, and the tests give them to an API server.
A definition that no module holds is written by hand, field by field as its owner has it, and is left as it stands.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "compiler" / "crds"


@dataclass(frozen=True)
class Source:
    """A Go module that holds definitions: its version and hash, the folder in it, and which of its definitions are wanted."""

    module: str
    version: str
    hash: str
    folder: str
    group: str
    kinds: tuple[str, ...]


SOURCES = (
    Source(
        "github.com/external-secrets/external-secrets",
        "v1.3.2",
        "h1:u2J8RjlHIeF0oZCqtl92adI/uZWUwOesJIDkfql6LqQ=",
        "config/crds/bases",
        "external-secrets.io",
        ("externalsecrets",),
    ),
    Source(
        "sigs.k8s.io/gateway-api",
        "v1.4.1",
        "h1:NPxFutNkKNa8UfLd2CMlEuhIPMQgDQ6DXNKG9sHbJU8=",
        "config/crd/standard",
        "gateway.networking.k8s.io",
        ("httproutes",),
    ),
    Source(
        "github.com/prometheus-operator/prometheus-operator",
        "v0.85.0",
        "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
        "example/prometheus-operator-crd",
        "monitoring.coreos.com",
        ("prometheusrules", "servicemonitors"),
    ),
)
BY_HAND = {"profiles.kubeflow.org.json": "the fields of Kubeflow's profile controller, which no Go module holds"}
"""Definitions that are written by hand, and what each follows."""
NOTE = """# Definitions of custom resources

Written by `scripts/crds.py`, but for those by hand; do not change the others here.

| file | from | version | license |
|---|---|---|---|
"""


def downloaded(source: Source) -> Path:
    """The folder of definitions in the pinned module. Ends the program where its hash is another one."""
    command = ["go", "mod", "download", "-json", f"{source.module}@{source.version}"]
    answer = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, cwd="/").stdout)
    if answer["Sum"] != source.hash:
        sys.exit(f"{source.module} {source.version} has the hash {answer['Sum']}, and {source.hash} is expected")
    return Path(answer["Dir"]) / source.folder


def written(source: Source) -> Iterator[str]:
    """Writes the definitions of a module, and yields the row of each in the page that says where they come from."""
    folder = downloaded(source)
    for kind in source.kinds:
        text = (folder / f"{source.group}_{kind}.yaml").read_text(encoding="utf-8")
        name = f"{kind}.{source.group}.json"
        (FOLDER / name).write_text(json.dumps(yaml.safe_load(text), indent=1) + "\n", encoding="utf-8")
        yield f"| `{name}` | {source.module}, `{source.folder}/` | {source.version} | Apache-2.0 |\n"


def main() -> None:
    """Writes every definition, and the page that says where they come from."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    rows = sorted(row for source in SOURCES for row in written(source))
    rows += [f"| `{name}` | by hand: {what} | v1 | |\n" for name, what in BY_HAND.items()]
    (FOLDER / "README.md").write_text(NOTE + "".join(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
