"""Lists the targets of a Makefile with their help texts.

Example: python3 scripts/targets.py Makefile
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

SUMMARY, _, EXAMPLE = (__doc__ or "").partition("\n\n")


def main() -> None:
    """Prints one line for each target that has a help text."""
    parser = argparse.ArgumentParser(description=SUMMARY, epilog=EXAMPLE)
    parser.add_argument("makefile", type=Path)
    text = parser.parse_args().makefile.read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z0-9-]+):.*?## (.*)$", text, re.MULTILINE)
    width = max(len(name) for name, _ in targets)
    for name, purpose in targets:
        print(f"make {name:{width}}  {purpose}")


if __name__ == "__main__":
    main()
