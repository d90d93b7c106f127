"""The files that make up an overlay: what they are called."""

from __future__ import annotations

Tree = dict[str, str]
"""The text of each file of an overlay, by its path inside the overlay."""

KUSTOMIZATION = "kustomization.yaml"
KUSTOMIZATIONS = (KUSTOMIZATION, "kustomization.yml", "Kustomization")
"""What Kustomize looks for in a directory."""
BASE = "base/mlflow"
"""What an overlay starts from, unless it says otherwise."""
PROFILES = "profiles"
"""The directory of an overlay with the profiles of Kubeflow, which is applied after the overlay."""
SECRETS = "SECRETS.md"
PAGE = "README.md"
"""The page of a directory of documents."""
_USERS = ("backend", "profiles", "profile-*")
"""Who of Kubeflow Pipelines has documents."""
_PERMISSIONS = ("permissions.json", *(f"{user}-permissions.json" for user in _USERS))
_TRUST = ("trust.json", *(f"{user}-trust.json" for user in _USERS if user != "profiles"))
_BUCKET = ("bucket.sh", "lifecycle.json", "lifecycle-backups.json")
DOCUMENTS = {
    "aws": (*_BUCKET, "iam.sh", "main.tf", *_PERMISSIONS, *_TRUST),
    "s3": (*_BUCKET, "main.tf", *_PERMISSIONS),
    "google": (
        *(
            "bucket.sh",
            "iam.sh",
            "lifecycle.json",
            "lifecycle-backups.json",
            "condition.json",
            "condition-backups.json",
        ),
        "main.tf",
    ),
    "azure": ("container.sh", "iam.sh", "lifecycle.json", "main.tf"),
    "deploykf": ("values.yaml",),
    "alibaba": ("bucket.sh", "iam.sh", "lifecycle.xml", "lifecycle-backups.xml", "main.tf", "permissions.json"),
}
"""Patterns of what may stand in the directory of a provider, or of deployKF, beside its page. Whatever else is there is
somebody's own."""
WRITTEN = (
    KUSTOMIZATION,
    f"compiled-*/{KUSTOMIZATION}",
    "externalsecrets-*.yaml",
    f"{PROFILES}/*.yaml",
    SECRETS,
    *(f"{directory}/{name}" for directory, names in DOCUMENTS.items() for name in (PAGE, *names)),
)
"""Patterns of every file that the compiler may write, and may remove when it no longer does."""


HEADER = "Written by mlflow-overlays from environment.yaml."
"""What the first lines of every file that is written have, in a comment."""
_HEAD_LINES = 2
_BARE = (".json", ".xml")
"""Formats of documents that carry no header: the page beside them lists those that were written."""


def written(path: str, text: str, page: str = "") -> bool:
    """Whether a file was written by the compiler. In: its path inside the overlay, its text, and that of the page beside it."""
    if path.endswith(_BARE):
        return written(PAGE, page) and f"`{path.rpartition('/')[2]}`" in page
    return HEADER in "\n".join(text.split("\n", _HEAD_LINES)[:_HEAD_LINES])


def env_file(values: dict[str, str]) -> str:
    """The text of a file that a secretGenerator reads values from."""
    return "".join(f"{key}={value}\n" for key, value in values.items())
