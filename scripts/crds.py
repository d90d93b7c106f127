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

import yaml

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "compiler" / "crds"
MODULE = "github.com/prometheus-operator/prometheus-operator"
VERSION = "v0.85.0"
HASH = "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s="
KINDS = ("prometheusrules", "servicemonitors")
GROUP = "monitoring.coreos.com"
NOTE = """# Definitions of custom resources

Written by `scripts/crds.py`; do not change them here.

| file | from | version | license |
|---|---|---|---|
"""


def module() -> Path:
    """The folder of the pinned module. Ends the program where its hash is another one."""
    command = ["go", "mod", "download", "-json", f"{MODULE}@{VERSION}"]
    answer = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, cwd="/").stdout)
    if answer["Sum"] != HASH:
        sys.exit(f"{MODULE} {VERSION} has the hash {answer['Sum']}, and {HASH} is expected")
    return Path(answer["Dir"])


def main() -> None:
    """Writes every definition, and the page that says where they come from."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    source = module() / "example" / "prometheus-operator-crd"
    FOLDER.mkdir(parents=True, exist_ok=True)
    rows = []
    for kind in KINDS:
        text = (source / f"{GROUP}_{kind}.yaml").read_text(encoding="utf-8")
        name = f"{kind}.{GROUP}.json"
        (FOLDER / name).write_text(json.dumps(yaml.safe_load(text), indent=1) + "\n", encoding="utf-8")
        rows.append(f"| `{name}` | {MODULE}, `example/prometheus-operator-crd/` | {VERSION} | Apache-2.0 |\n")
    (FOLDER / "README.md").write_text(NOTE + "".join(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
