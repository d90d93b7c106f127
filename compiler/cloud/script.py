"""Shell scripts and pages as text: headers, values that are asked for, and quoting."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from shlex import quote

_WIDTH = 118


@dataclass(frozen=True)
class Input:
    """A value of the cloud that an environment may not know. `value` is None where the one who runs a document gives it."""

    name: str
    what: str
    value: str | None

    @property
    def shell(self) -> str:
        """Its line in a script: without a value, it comes from the variable of its name in capitals."""
        if self.value is None:
            return f"{self.name}=${{{self.name.upper()}:?set it to {self.what}}}"
        return f"{self.name}={quote(self.value)}"


def note(environment: str) -> str:
    """The comment at the top of every file that has comments. In: the name of the environment."""
    return (
        "# Written by mlflow-overlays from environment.yaml. Don't change it here: change environment.yaml,\n"
        f"# and run `make overlay ENV={environment}`.\n"
    )


def script(environment: str, about: str, *parts: str) -> str:
    """A script for any shell, of parts that are text. It works in its own directory, and ends at the first error."""
    comment = "".join(f"# {line}\n" for line in textwrap.wrap(about, _WIDTH))
    head = f'#!/bin/sh\n{note(environment)}#\n{comment}set -eu\ncd "$(dirname "$0")"\n'
    return "\n".join([head, *(part.strip("\n") + "\n" for part in parts if part.strip())])


def page(environment: str, title: str, about: str, files: dict[str, str], *sections: str) -> str:
    """The page of a directory: what it is for, what each file is, and what to do."""
    lines = [
        f"<!-- Written by mlflow-overlays from environment.yaml. Run `make overlay ENV={environment}` to make it anew. -->",
        f"# {title}",
        "",
        *textwrap.wrap(f"{about} Nothing here is applied by the overlay, and Kustomize does not read it.", _WIDTH),
        "",
        *(f"- `{name}`: {what}" for name, what in files.items()),
    ]
    return "\n".join([*lines, *("\n" + section.strip("\n") for section in sections if section.strip())]) + "\n"


def steps(environment: str, directory: str, commands: list[str], inputs: list[Input]) -> str:
    """The commands that a page asks for, with the variables that they need."""
    missing = [given for given in inputs if given.value is None]
    asked = "".join(f"export {given.name.upper()}='...'  # {given.what}\n" for given in missing)
    run = "".join(f"{command}\n" for command in commands)
    return f"## What to run\n\n```sh\n{asked}cd overlays/{environment}/{directory}\n{run}```\n"
