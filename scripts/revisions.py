"""Reads from MLflow's own packages which schema each version ends at, and writes compiler/change/revisions.json.

Versions that are in the file already are not fetched again; so a new one costs one package.

Example: .venv/bin/python scripts/revisions.py 3.17.2 3.18.0
"""

from __future__ import annotations

import argparse
import ast
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

SUMMARY, _, EXAMPLE = (__doc__ or "").partition("Example: ")
ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "compiler" / "change" / "revisions.json"
MIGRATIONS = {"runs": "mlflow/store/db_migrations/versions/", "users": "mlflow/server/auth/db/migrations/versions/"}
"""Where a package keeps the migrations of each of its two databases."""


def heads(wheel: Path) -> dict[str, str]:
    """The last revision of each database: the one that no other comes after."""
    found = {}
    with zipfile.ZipFile(wheel) as archive:
        for database, folder in MIGRATIONS.items():
            names = [name for name in archive.namelist() if name.startswith(folder) and name.endswith(".py")]
            steps = [dict(assigned(archive.read(name).decode())) for name in names]
            before = {step.get("down_revision") for step in steps}
            [head] = {step["revision"] for step in steps if step.get("revision")} - before
            found[database] = str(head)
    return found


def assigned(source: str) -> Iterator[tuple[str, str | None]]:
    """The names of a module that a plain text, or nothing, is assigned to."""
    for node in ast.parse(source).body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        value = getattr(node, "value", None)
        for target in targets:
            if isinstance(target, ast.Name) and isinstance(value, ast.Constant):
                yield target.id, None if value.value is None else str(value.value)


def fetched(version: str, directory: Path) -> Path:
    """The package of a version, through pip."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    subprocess.run([*command, f"--dest={directory}", f"mlflow=={version}"], check=True)
    return next(directory.glob(f"mlflow-{version}-*.whl"))


def main() -> None:
    """Runs the script."""
    parser = argparse.ArgumentParser(description=SUMMARY, epilog=f"Example: {EXAMPLE}")
    parser.add_argument("versions", nargs="+", metavar="VERSION", help="a version of MLflow")
    known: dict[str, dict[str, str]] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}
    for version in parser.parse_args().versions:
        if version not in known:
            with tempfile.TemporaryDirectory() as directory:
                known[version] = heads(fetched(version, Path(directory)))
    ordered = sorted(known.items(), key=lambda each: [int(part) for part in each[0].split(".")])
    FILE.write_text(json.dumps(dict(ordered), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
