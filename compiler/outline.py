"""What stands for the manifests of others where they are proved: an outline of each release, as a directory of the project.

A build uses no network. An outline has all that an overlay changes and takes away, and `make upstream-test` holds it against the
release itself.
"""

from __future__ import annotations

import re

from compiler.tree import KUSTOMIZATION, Tree

_UPSTREAM = re.compile(
    r"https://github\.com/kubeflow/pipelines/+manifests/kustomize/env/"
    r"(platform-agnostic(?:-multi-user)?)/?\?ref=([A-Za-z0-9._-]+)"
)
"""The manifests of Kubeflow Pipelines, for one user or many, and the release that they are of."""
_TOP = re.compile(r'(?m)^- "(?:\.\./){2,3}([A-Za-z0-9_][A-Za-z0-9._-]*)/')
_DIRECTORIES = {"platform-agnostic": "single-user", "platform-agnostic-multi-user": "multi-user"}
"""What upstream calls an installation, and its outline."""
COMMITS = {
    "2.5.0": "d07cf1c7f9bd163091986de9bb723c4078c498b1",
    "2.14.3": "fc3214d4b4d395cb2d5de940d3dbd7ebc295c330",
    "2.14.4": "417091dceddb1f35f26203f9779cb18ee260d6ad",
    "2.15.0": "8fe8d7bdd88f027bde080f619762a0b3294796db",
    "2.16.0": "e4ebca310f404dac306e16bc880de12bbbf63b95",
    "2.16.1": "67a73cf809f7c76fee33c749f302f2bceedd8fab",
    "2.17.0": "4a3592cb2dd0a91a4652ab93893ec8beda1f3158",
}
"""The commit of each release of Kubeflow Pipelines that has an outline: that of its tag."""
_RELEASES = {commit: version for version, commit in COMMITS.items()}


def local(resource: str) -> str:
    """The directory of the project that a resource is, or that stands for it; the resource itself where there is none."""
    found = _UPSTREAM.fullmatch(resource)
    if not found:
        return resource
    version = _RELEASES.get(found[2], found[2])
    return f"base/pipelines/{version.rpartition('.')[0]}/{_DIRECTORIES[found[1]]}" if version in COMMITS else resource


def tops(tree: Tree) -> set[str]:
    """The directories at the top of the project that an overlay is put together from."""
    return {top for path, text in tree.items() if path.endswith(KUSTOMIZATION) for top in _TOP.findall(text)} - {
        "overlays"
    }


def localized(text: str, root: str) -> str:
    """The text of a kustomization with every resource that has an outline replaced by it. In: the way to the project."""
    return _UPSTREAM.sub(lambda found: f"{root}/{local(found[0])}", text)
