"""Writes the definitions of custom resources that overlays use, from the projects that own them.

Example: python3 scripts/crds.py

Needs Go. The definitions are those of a pinned version of a Go module, whose hash the Go client checks against the one here.
They stand in compiler/crds as JSON, whole: the compiler validates objects with them, and the tests give them to an API server.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import yaml

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "compiler" / "crds"
NOTE = """# Definitions of custom resources

Written by `scripts/crds.py`; do not change them here.

| file | from | version | license |
|---|---|---|---|
"""


class Source(NamedTuple):
    """Definitions of one group, in a folder of a Go module."""

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
        "github.com/prometheus-operator/prometheus-operator",
        "v0.85.0",
        "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
        "example/prometheus-operator-crd",
        "monitoring.coreos.com",
        ("prometheusrules", "servicemonitors"),
    ),
)


def folder_of(source: Source) -> Path:
    """The folder of a pinned module. Ends the program where its hash is another one."""
    command = ["go", "mod", "download", "-json", f"{source.module}@{source.version}"]
    answer = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, cwd="/").stdout)
    if answer["Sum"] != source.hash:
        sys.exit(f"{source.module} {source.version} has the hash {answer['Sum']}, and {source.hash} is expected")
    return Path(answer["Dir"]) / source.folder


def main() -> None:
    """Writes every definition, and the page that says where they come from."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    rows = []
    for source in SOURCES:
        folder = folder_of(source)
        for kind in source.kinds:
            text = (folder / f"{source.group}_{kind}.yaml").read_text(encoding="utf-8")
            name = f"{kind}.{source.group}.json"
            (FOLDER / name).write_text(json.dumps(yaml.safe_load(text), indent=1) + "\n", encoding="utf-8")
            rows.append(f"| `{name}` | {source.module}, `{source.folder}/` | {source.version} | Apache-2.0 |\n")
    (FOLDER / "README.md").write_text(NOTE + "".join(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
