"""The pages that are written beside an overlay, for the people who run it."""

from __future__ import annotations

from compiler.external import keys
from compiler.overlay import External, Overlay, Secret
from compiler.tree import PAGE

_PROVIDE = """
Where the overlay creates the namespace, apply it first: pods wait until their Secrets are there. A value in single quotes is
taken as it is. To keep one out of the shell's history, write it to a file without a line break at its end, and use
`--from-file=<key>=<file>`.
"""
_STORE = "What the store needs outside the cluster"
_SUBJECTS = {f"deploykf/{PAGE}": "What deployKF needs in place of all this"}
"""What the pages beside an overlay are about, where it is not the store."""


def secrets_page(name: str, overlay: Overlay) -> str:
    """Which Secrets an overlay refers to, with the command that creates each. In: the environment's name."""
    generated = overlay.generated_secrets()
    provided = [secret for secret in overlay.secrets if secret not in generated]
    lines = [
        f"<!-- Written by mlflow-overlays from environment.yaml. Run `make overlay ENV={name}` to make it anew. -->",
        f"# Secrets of the environment {name}",
        "",
        "The manifests refer to Secrets by name; no value stands in them.",
        *_outside(overlay),
    ]
    if overlay.external and (fetched := overlay.external_secrets()):
        lines += _fetched(overlay.external, fetched)
        provided = [secret for secret in provided if secret not in fetched]
    if provided:
        lines += ["", "## To be created by you", _PROVIDE.rstrip("\n")]
        for secret in provided:
            lines += ["", *_provided(secret, secret.namespace or overlay.place)]
    for config_map in overlay.config_maps:
        lines += [
            "",
            f"The ConfigMap `{config_map}` is yours to create too: its keys become environment variables of the server.",
        ]
    if generated:
        lines += ["", "## Created for you", "", *_generated(name, generated)]
    return "\n".join(lines) + "\n"


def _outside(overlay: Overlay) -> list[str]:
    """Where it says what the credentials of the store may do, and how they are made."""
    pages = [path for path in overlay.documents if path.endswith(PAGE)]
    return [f"{_SUBJECTS.get(path, _STORE)} is in [{path}]({path})." for path in pages]


def _fetched(external: External, secrets: tuple[Secret, ...]) -> list[str]:
    """What a store outside the cluster has to have."""
    lines = [
        "",
        "## To be put into the store",
        "",
        f"The External Secrets Operator makes these from the {external.store_kind} `{external.store}`. Each name there",
        "has a JSON object with these properties.",
        "",
        "| Secret | name in the store | property | what it is |",
        "|---|---|---|---|",
    ]
    for secret in secrets:
        purposes = {key.key: key.purpose for key in secret.keys}
        for key in keys(secret) or ("any",):
            what = purposes.get(
                key, "an environment variable of the server" if key == "any" else "as Kubernetes has it"
            )
            lines.append(f"| `{secret.name}` | `{external.name(secret)}` | `{key}` | {what} |")
    return lines


def _generated(name: str, secrets: tuple[Secret, ...]) -> list[str]:
    return [
        f"`make overlay ENV={name}` writes random values, once, to files in `secrets/`, which git ignores; Kustomize makes the",
        "Secrets from them. Keep the files: a database takes its password from them only while its volume is new,",
        "so that changing one changes no password. To change one, set it in the database or store first, then in the file, then",
        "apply, and restart what reads it: `kubectl rollout restart deployment/mlflow`.",
        "",
        "| Secret | key | what it is |",
        "|---|---|---|",
        *(f"| `{secret.name}` | `{key.key}` | {key.purpose} |" for secret in secrets for key in secret.keys),
    ]


def _provided(secret: Secret, namespace: str) -> list[str]:
    command = f"kubectl create secret {secret.type} {secret.name} -n {namespace}"
    what, arguments = {
        "generic": (_keys(secret), [_argument(key.key, key.example) for key in secret.keys]),
        "tls": (["The certificate of the host."], ["--cert=tls.crt", "--key=tls.key"]),
        "docker-registry": (
            ["Credentials of the registry."],
            ["--docker-server='...'", "--docker-username='...'", "--docker-password='...'"],
        ),
    }[secret.type]
    return [f"### `{secret.name}`", "", *what, "", "```sh", " \\\n  ".join([command, *arguments]), "```"]


def _keys(secret: Secret) -> list[str]:
    return [f"- `{key.key}`: {key.purpose}" for key in secret.keys] or [
        "Environment variables of the server, one a key."
    ]


def _argument(key: str, example: str) -> str:
    if example.startswith("@"):
        return f"--from-file={key}={example[1:]}"
    return f"--from-literal={key}='...'"
