"""The releases of Kubeflow Pipelines that an overlay can be written for, and what differs between them.

Sources: the manifests and sources of github.com/kubeflow/pipelines at each tag.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from compiler.outline import COMMITS

UPSTREAM = "https://github.com/kubeflow/pipelines/manifests/kustomize/env/"
ENVIRONMENTS = {False: "platform-agnostic", True: "platform-agnostic-multi-user"}
"""The directory of upstream's manifests, by whether many users are served."""


@dataclass(frozen=True)
class Release:
    """A release.

    `client` is the client of S3 in the API server: `minio` (minio-go) or `amazon` (aws-sdk-go-v2, which asks for the bucket in
    the path always).
    """

    version: str
    client: Literal["minio", "amazon"]
    roles: bool = True
    """Whether the API server starts without keys. 2.15 demands them: `validateRequiredConfig` of its client_manager.go."""
    structured: bool = False
    """Whether pipeline steps that have a role take endpoint and region from the `providers` of kfp-launcher."""
    profiles: bool = True
    """Whether a profile needs no web server of its own, as 2.14 and before start one beside each."""
    signed: bool = False
    """Whether the UI signs addresses of TensorBoard: with the secret key of the store, unless it is given another."""
    plugin: bool = False
    """Whether runs are recorded in MLflow, by the plug-in of the API server."""

    @property
    def commit(self) -> str:
        """The commit of its tag, which a base is pinned by."""
        return COMMITS[self.version]

    @property
    def numbers(self) -> tuple[int, ...]:
        """The version, to be compared."""
        return tuple(map(int, self.version.split(".")))

    def base(self, *, many: bool) -> str:
        """Where its manifests are, for one user or many."""
        return f"{UPSTREAM}{ENVIRONMENTS[many]}?ref={self.commit}"


RELEASES: dict[str, Release] = {
    each.version: each
    for each in (
        Release("2.5.0", "minio", profiles=False),
        Release("2.14.3", "minio", profiles=False),
        Release("2.14.4", "minio", profiles=False),
        Release("2.15.0", "amazon", roles=False),
        Release("2.16.0", "amazon"),
        Release("2.16.1", "amazon"),
        Release("2.17.0", "amazon", structured=True, signed=True, plugin=True),
    )
}
"""Every release that can be chosen, the oldest first: Kubeflow 1.10, 1.11 and 26.03 have 2.5.0, 2.15.0 and 2.16.0."""
NEWEST = next(reversed(RELEASES))
