"""Writes which values deployKF has, version by version: the path of each, and its type. Comments are left out.

Example: .venv/bin/python scripts/deploykf.py --output tests/kubeflow/deploykf.json 0.1.4=old.yaml 0.1.5=default_values.yaml

Each file is `generator/default_values.yaml` of github.com/deployKF/deployKF at the tag of its version. A list is one value. The
defaults of what an external store is reached with are written too.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

SUMMARY, _, REST = (__doc__ or "").partition("\n\n")
PARTS = (
    "deploykf_core.deploykf_profiles_generator.",
    "deploykf_opt.deploykf_minio.",
    "kubeflow_dependencies.kubeflow_argo_workflows.",
    "kubeflow_tools.pipelines.",
)
"""What is of interest; the rest of deployKF is left out."""
DEFAULTS = ("kubeflow_tools.pipelines.objectStore.", "kubeflow_tools.pipelines.kfpV2.defaultPipelineRoot")
"""The values whose defaults matter: an external store is reached with them where nobody says otherwise."""
TYPES = {bool: "boolean", int: "integer", str: "string", list: "array", dict: "object", type(None): "null"}


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that holds no others, by its path; an empty mapping, and a list, is one."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else str(key))
    else:
        yield path, value


def known(text: str) -> dict[str, Any]:
    """The types of all values of interest, and the defaults of some."""
    found = {path: value for path, value in leaves(yaml.safe_load(text)) if path.startswith(PARTS)}
    return {
        "types": {path: TYPES[type(value)] for path, value in found.items()},
        "defaults": {path: value for path, value in found.items() if path.startswith(DEFAULTS)},
    }


def main() -> None:
    """Runs the script."""
    parser = argparse.ArgumentParser(
        description=SUMMARY, epilog=REST, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("values", nargs="+", metavar="VERSION=FILE", help="a version of deployKF, and its values")
    parser.add_argument("--output", type=Path, required=True, help="the file to write")
    asked = parser.parse_args()
    pairs = [each.partition("=") for each in asked.values]
    if wrong := [whole for whole, (_, _, file) in zip(asked.values, pairs, strict=True) if not Path(file).is_file()]:
        parser.error(f"no file: {', '.join(wrong)}")
    versions = {version: known(Path(file).read_text(encoding="utf-8")) for version, _, file in pairs}
    asked.output.write_text(json.dumps(versions, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
