"""Writes the table of the values that the fields of Kubernetes know, which its published schemas leave out.

Example: python3 scripts/enums.py --output compiler/enums.json

The source is the Go module k8s.io/api at the version below, which the Go client downloads and proves (Apache-2.0): every type
that is marked +enum, with its constants, and every field of such a type. Versions before the newest know no more than it.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

SUMMARY, _, EXAMPLE = (__doc__ or "").partition("\n\n")
MODULE = "k8s.io/api@v0.37.0"
SUM = "h1:Z//Vj9N7RA/yS2sDmxyeo7h+RR4zbUrd2vrd3Z0TbB4="
ENUM = re.compile(r"^// \+enum\n(?:^//.*\n)*^type (\w+) string$", re.MULTILINE)
CONSTANT = re.compile(r'^\s+\w+\s+(?:(\w+)\s*=\s*"([^"]*)"|=\s*(\w+)\("([^"]*)"\))', re.MULTILINE)
STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
FIELD = re.compile(r'^\s+\w+\s+(\[\])?\*?((?:\w+\.)?\w+)\s+`json:"(\w+)', re.MULTILINE)
IMPORT = re.compile(r'^\s+(\w+)\s+"k8s\.io/api/([\w/]+)"', re.MULTILINE)


def main() -> int:
    """Writes the table. Returns the exit code."""
    parser = argparse.ArgumentParser(
        description=SUMMARY, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True, help="the file to write")
    output: Path = parser.parse_args().output
    answer = subprocess.run(["go", "mod", "download", "-json", MODULE], capture_output=True, text=True, check=False)
    module = json.loads(answer.stdout or "{}")
    if module.get("Sum") != SUM:
        print(
            f"enums: Go could not bring {MODULE} as it is pinned: {module.get('Error', answer.stderr)}", file=sys.stderr
        )
        return 3
    output.write_text(json.dumps(table(Path(module["Dir"])), indent=1) + "\n", encoding="utf-8")
    return 0


def table(module: Path) -> dict[str, dict[str, list[str]]]:
    """The values of each field of each definition, as the published schemas name definitions."""
    texts = {path.parent.relative_to(module).as_posix(): path.read_text("utf-8") for path in module.rglob("types.go")}
    enums = {(package, name): values for package, text in texts.items() for name, values in _enums(text)}
    found: dict[str, dict[str, list[str]]] = {}
    for package, text in sorted(texts.items()):
        packages = dict(IMPORT.findall(text))
        for struct, body in STRUCT.findall(text):
            for several, type_, field in FIELD.findall(body):
                alias, _, name = type_.rpartition(".")
                values = enums.get((packages.get(alias, package), name))
                if values:
                    definition = f"io.k8s.api.{package.replace('/', '.')}.{struct}"
                    found.setdefault(definition, {})[field + ("[]" if several else "")] = values
    return found


def _enums(text: str) -> Iterator[tuple[str, list[str]]]:
    constants = [(left or right, value or other) for left, value, right, other in CONSTANT.findall(text)]
    for name in ENUM.findall(text):
        yield name, sorted({value for type_, value in constants if type_ == name})


if __name__ == "__main__":
    sys.exit(main())
